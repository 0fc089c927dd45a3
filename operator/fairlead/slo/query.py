"""PromQL that users write: checked before it becomes part of a rule, since one that cannot be read spoils its file.

The API server does not know PromQL, and a typo in one objective must not keep the rest of a spec from being carried
out: such an objective has no rules, and MonitoringActive says why.
"""

from functools import lru_cache

import promql_parser as promql


@lru_cache(maxsize=256)
def query_problem(text: str) -> str | None:
    """Why a text is no query of series, as a sentence; None when it is one."""
    try:
        found = promql.parse(text)
    except ValueError as why:
        return f"must be PromQL: {why}"
    if _is_of_series(found):
        return None
    return "must be PromQL for series at one time, such as requests_total: no number, no text, no range such as [5m]"


def _is_of_series(found: promql.Expr) -> bool:
    """Whether its value is an instant vector."""
    match found:
        case promql.ParenExpr() | promql.UnaryExpr():
            return _is_of_series(found.expr)
        case promql.BinaryExpr():
            return _is_of_series(found.lhs) or _is_of_series(found.rhs)
        case promql.Call():
            return bool(found.func.return_type == promql.ValueType.Vector)
        case _:
            return isinstance(found, promql.VectorSelector | promql.AggregateExpr)

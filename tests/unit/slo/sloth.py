"""An objective as sloth compiles it, to compare our rules with.

Written after the formulas that slok/sloth publishes: `eventsSLIRecordGenerator` and `optimizedSLIRecordGenerator` of
internal/plugin/slo/core/sli_rules_v1/plugin.go (at 1c3336e), `burnRateRecordingExprTpl` of metadata_rules_v1/plugin.go
(at 390934f), `mwmbAlertTpl` of alert_rules_v1/plugin.go (at 79d3e6e), and the windows of internal/alert/windows and
examples/windows.
"""

from collections.abc import Iterator
from typing import Any

Windows = tuple[tuple[str, str, float, str], ...]
"""Short window, long window, percent of the budget that is gone by then, severity."""

GOOGLE: Windows = (
    ("5m", "1h", 2, "page"),
    ("30m", "6h", 5, "page"),
    ("2h", "1d", 10, "ticket"),
    ("6h", "3d", 10, "ticket"),
)
"""Of google-30d.yaml and google-28d.yaml alike: the two periods that sloth knows without further files."""
WEEK: Windows = (
    ("5m", "1h", 8, "page"),
    ("30m", "6h", 12.5, "page"),
    ("2h", "1d", 20, "ticket"),
    ("6h", "3d", 42, "ticket"),
)
"""Of examples/windows/7d.yaml, which users may give it."""

HOURS = {"1h": 1, "6h": 6, "1d": 24, "3d": 72}
ID = {"sloth_id": "fraud-availability", "sloth_service": "fraud", "sloth_slo": "availability"}
FILTER = "{" + ", ".join(f'{label}="{value}"' for label, value in ID.items()) + "}"
RATIO = "slo:sli_error:ratio_rate"

OF_MODEL = 'namespace="risk",modeldeployment="fraud"'
ERRORS = f'sum(rate(requests_total{{{OF_MODEL},code=~"5.."}}[{{window}}]))'
TOTAL = f"sum(rate(requests_total{{{OF_MODEL}}}[{{window}}]))"
"""The two queries that a user of sloth would write for the availability of the tests' model."""


def sloth(target: float, *, days: int = 30, windows: Windows = GOOGLE) -> list[dict[str, Any]]:
    """The groups of rules for an availability objective, in percent."""
    allowed, period = 1 - target / 100, f"{days}d"
    of_windows = [_events(window) for window in sorted({each for pair in windows for each in pair[:2]})]
    return [
        {"name": "sloth-slo-sli-recordings", "rules": [*of_windows, _mean(period)]},
        {"name": "sloth-slo-meta-recordings", "rules": list(_budget(allowed, period))},
        {
            "name": "sloth-slo-alerts",
            "rules": [_alert(severity, windows, days, allowed) for severity in ("page", "ticket")],
        },
    ]


def _events(window: str) -> dict[str, Any]:
    expr = f"({ERRORS})\n/\n(({TOTAL}) > 0)\n".replace("{window}", window)
    return {"record": f"{RATIO}{window}", "expr": expr, "labels": {**ID, "sloth_window": window}}


def _mean(period: str) -> dict[str, Any]:
    """The whole period: the mean of all ratios of five minutes in it."""
    short = f"{RATIO}5m{FILTER}[{period}]"
    expr = f"sum_over_time({short})\n/ ignoring (sloth_window)\ncount_over_time({short})\n"
    return {"record": f"{RATIO}{period}", "expr": expr, "labels": {**ID, "sloth_window": period}}


def _budget(allowed: float, period: str) -> Iterator[dict[str, Any]]:
    yield {"record": "slo:error_budget:ratio", "expr": f"vector({allowed:.6g})", "labels": ID}
    on = "on(sloth_id, sloth_slo, sloth_service) group_left"
    burning = f"{RATIO}{period}{FILTER}\n/ {on}\nslo:error_budget:ratio{FILTER}\n"
    yield {"record": "slo:period_burn_rate:ratio", "expr": burning, "labels": ID}
    left = f"1 - slo:period_burn_rate:ratio{FILTER}"
    yield {"record": "slo:period_error_budget_remaining:ratio", "expr": left, "labels": ID}


def _alert(severity: str, windows: Windows, days: int, allowed: float) -> dict[str, Any]:
    by = "by (owner, sloth_id, sloth_service, sloth_slo, tier)"
    pairs = []
    for short, long, percent, of in windows:
        if of == severity:
            limit = f"({percent * days * 24 / 100 / HOURS[long]:.10g} * {allowed:.6g})"
            both = (f"    max({RATIO}{window}{FILTER} > {limit}) {by}" for window in (short, long))
            pairs.append("(\n" + "\n    and\n".join(both) + "\n)")
    return {"alert": "Sloth", "expr": "\nor\n".join(pairs) + "\n", "labels": {"sloth_severity": severity}}

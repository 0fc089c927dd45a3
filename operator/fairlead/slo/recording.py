"""Recording rules: events per second of each revision, the bad share over longer windows, what is left of the budget.

Only the rate over five minutes is taken from counters. Every longer window is a ratio of sums of it: so requests count
alike whenever they came (a mean of ratios counts a quiet night as much as a busy day), a counter that starts again
costs nothing, and the budget goes on over revisions. A ratio without requests is absent, never NaN: one NaN would spoil
every sum over it, for as long as the longest window.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fairlead.api.names import SERIES_MODEL
from fairlead.api.slo import Objective
from fairlead.slo.events import WINDOW, Events, Subject
from fairlead.slo.promql import OF_OBJECTIVE, OF_REVISION, duration, equals, selector, summed

Rule = dict[str, Any]

ERRORS, TOTAL = f"fairlead:sli_errors:rate{WINDOW}", f"fairlead:sli_total:rate{WINDOW}"
RATIO = "fairlead:sli_error_ratio:rate"
OF_REVISIONS = "fairlead:revision_error_ratio:rate"
REMAINING = "fairlead:error_budget_remaining:ratio"
TARGET = "fairlead:slo_target:ratio"

COMPARED = (timedelta(minutes=5), timedelta(hours=1))
"""Windows over which revisions are compared with each other; and models, whatever their periods are."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What rules need of an objective beside its events: its name, and the share of requests that may be bad."""

    name: str
    allowed: float


def target_of(objective: Objective) -> Target:
    """Without the noise of binary fractions."""
    return Target(name=objective.name, allowed=round(objective.allowed, 8))


def recorded(name: str, subject: Subject, objective: Target) -> str:
    """Selector of a recorded series of one objective."""
    labels = {"namespace": subject.namespace, SERIES_MODEL: subject.model, "objective": objective.name}
    return selector(name, *equals(labels))


def of_events(found: Events, subject: Subject, objective: Target) -> Iterator[Rule]:
    """Events per second of each revision. The total comes first: the bad ones rest on it in the same evaluation."""
    yield _rule(TOTAL, found.total, objective)
    bad = found.bad
    if found.zero:
        labels = {"objective": objective.name}
        total = selector(TOTAL, *subject.matchers, *equals(labels))
        bad = f"{bad} or 0 * {summed(OF_REVISION, total)}"
    yield _rule(ERRORS, bad, objective)


def of_windows(windows: Sequence[timedelta], subject: Subject, objective: Target) -> Iterator[Rule]:
    """The bad share of the model's requests, over each window; and that of each revision, to compare them."""
    for window in sorted({*windows, *COMPARED}):
        yield _ratio(RATIO, OF_OBJECTIVE, window, subject, objective)
    for window in COMPARED:
        yield _ratio(OF_REVISIONS, (*OF_REVISION, "objective"), window, subject, objective)


def of_budget(period: timedelta, subject: Subject, objective: Target) -> Iterator[Rule]:
    """Which part of the error budget of the period is left: 1 all of it, 0 nothing, below 0 overspent.

    A period without requests has spent nothing. The target comes last: whoever sees it knows that there is a budget to
    be seen, or that nothing was ever counted.
    """
    bad, total = (over(name, OF_OBJECTIVE, period, subject, objective) for name in (ERRORS, TOTAL))
    labels = {"namespace": subject.namespace, SERIES_MODEL: subject.model}
    yield _rule(REMAINING, f"1 - {bad} / ({total} > 0) / {objective.allowed:.8g} or 1 + ({total} == 0)", objective)
    yield _rule(TARGET, f"vector({1 - objective.allowed:.8g})", objective, **labels)


def over(name: str, by: tuple[str, ...], window: timedelta, subject: Subject, objective: Target) -> str:
    """The sum over all evaluations in a window."""
    series = recorded(name, subject, objective)
    return summed(by, series if duration(window) == WINDOW else f"sum_over_time({series}[{duration(window)}])")


def _ratio(record: str, by: tuple[str, ...], window: timedelta, subject: Subject, objective: Target) -> Rule:
    bad, total = (over(name, by, window, subject, objective) for name in (ERRORS, TOTAL))
    return _rule(f"{record}{duration(window)}", f"{bad} / ({total} > 0)", objective)


def _rule(record: str, expr: str, objective: Target, **labels: str) -> Rule:
    """The label is there by the expression, mostly; named once more it tells rules of one record from each other."""
    return {"record": record, "expr": expr, "labels": {**labels, "objective": objective.name}}

"""All rules of one model, as groups of a Prometheus rule file."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from typing import Any

from fairlead.api.metrics import MetricsProfile
from fairlead.api.slo import Objective
from fairlead.slo.alerts import EVERY, Terms, absent_alert, burn_alerts, unmeasured_alert, unpassed_alert
from fairlead.slo.events import Events, Subject, Unmeasured, events
from fairlead.slo.passing import PASSED, Passing, passed
from fairlead.slo.promql import duration
from fairlead.slo.recording import Rule, Target, of_budget, of_events, of_windows, target_of
from fairlead.slo.windows import burns

BUDGET_EVERY = timedelta(minutes=4)
"""A sum over the whole period is by far the dearest of a model's rules, and moves slowly. But a sample that is five
minutes old is none for Prometheus (its lookback): it would be gone each time before the next one has been summed up."""


NOT_OF_GATEWAY = "canaries are judged by what the Gateway counts for it, and rules are made of its errors only"

REMEMBERED = 256
"""Objectives whose rules need not be made again: a canary is looked at every few seconds."""

Counted = tuple[tuple[Subject, Events], ...]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """An objective with its events, by whose series they are: one entry where all revisions have the same profile.

    `by_pods` says that what pods count is what measures it.
    """

    objective: Objective
    events: Counted
    by_pods: bool = True


def measured(
    objective: Objective,
    profiles: Sequence[tuple[MetricsProfile | None, tuple[str, ...]]],
    edges: Mapping[str, tuple[float, ...]],
    subject: Subject,
    passing: Passing | None = None,
) -> Measured | Unmeasured:
    """An objective over profiles and the revisions that have them, the stable one's first: that one must measure it.

    Where requests are judged as they pass a Gateway, it counts the errors of all of them.
    """
    if passing is not None and objective.metric in PASSED:
        own = replace(subject, revisions=tuple(name for _, revisions in profiles for name in revisions))
        by_gateway = ((own, passed(passing, own)),) if own.revisions else ()
        return Measured(objective=objective, events=by_gateway, by_pods=False)
    found: list[tuple[Subject, Events]] = []
    for profile, revisions in profiles:
        own = replace(subject, revisions=revisions if len(profiles) > 1 else ())
        counted = events(objective, profile, edges, own)
        if isinstance(counted, Events):
            found.append((own, counted))
        elif not found:
            judged = passing is not None and objective.metric in passing.metrics.metrics
            return Unmeasured(why=NOT_OF_GATEWAY) if judged else counted
    return Measured(objective=objective, events=tuple(found))


def groups(subject: Subject, objectives: Sequence[Measured], terms: Terms) -> list[dict[str, Any]]:
    """The groups of a rule file; the names say whose they are, since names of groups are compared in a whole file."""
    found = [(target_of(each.objective), each.events, each.by_pods) for each in objectives]
    if not found:
        return []
    made = [
        _group(subject, f"objectives/{target.name}", EVERY, _rules(subject, target, events, terms, by_pods))
        for target, events, by_pods in found
    ]
    budget = [rule for target, *_ in found for rule in of_budget(terms.period, subject, target)]
    made.append(_group(subject, "error-budget", BUDGET_EVERY, budget))
    if terms.serves and terms.scraped:
        made.append(_group(subject, "metrics", EVERY, [absent_alert(terms, subject)]))
    return made


@lru_cache(maxsize=REMEMBERED)
def _rules(subject: Subject, target: Target, counted: Counted, terms: Terms, by_pods: bool) -> tuple[Rule, ...]:
    windows = [window for burn in burns(terms.period) for window in (burn.long, burn.short)]
    return (
        *(rule for own, events in counted for rule in of_events(events, own, target)),
        *of_windows(windows, subject, target),
        *burn_alerts(terms, subject, target),
        *([(unmeasured_alert if by_pods else unpassed_alert)(terms, subject, target)] if terms.serves else []),
    )


def _group(subject: Subject, name: str, every: timedelta, rules: Iterable[Rule]) -> dict[str, Any]:
    return {
        "name": f"fairlead/{subject.namespace}/{subject.model}/{name}",
        "interval": duration(every),
        "rules": list(rules),
    }

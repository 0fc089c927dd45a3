"""Every series that the operator exposes, from a registry that has something to tell; and those that a query names."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

import promql_parser as promql
from prometheus_client.parser import text_string_to_metric_families

from fairlead.api.reasons import Phase, Reason
from fairlead.cluster.metrics import Metrics
from fairlead.cluster.queue import WorkQueue
from fairlead.cluster.rollout_metrics import Standing
from fairlead.cluster.store import Key
from world import START

SCRAPE = {"namespace", "job", "pod", "instance"}
"""Labels that come with the scrape."""
PROMETHEUS_OWN = {"up": frozenset(SCRAPE), "ALERTS": frozenset({*SCRAPE, "alertname", "alertstate", "severity"})}


def exposed() -> Mapping[str, frozenset[str]]:
    """Name → labels, of the page of a leader that has been through everything."""
    key, past = ("risk", "fraud"), START - timedelta(hours=1)
    metrics = Metrics()
    metrics.follow(queue=WorkQueue[Key](), stores={"Pod": ()}, leading=lambda: True)
    waits = ("risk", "churn")
    metrics.rollouts.follow(models={key, waits}, leading=lambda: True, clock=lambda: START)
    metrics.looks.over(key, "ServerFault", 1.0)
    metrics.watch_events.labels("Pod").inc()
    metrics.writes.labels("Service", "apply", "OK").inc()
    metrics.rollouts.decisions.labels("Promoted", "EvidenceFor").inc()
    metrics.rollouts.swept(read=1, silent=0, seconds=0.1)
    metrics.rollouts.stands(key, Standing(phase=Phase.HELD, reason=Reason.INCONCLUSIVE, stuck=past, evidence=past))
    metrics.rollouts.stands(waits, Standing(phase=Phase.WAITING, reason=Reason.ERROR_BUDGET_SPENT))
    found: dict[str, frozenset[str]] = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            found[sample.name] = frozenset(sample.labels) | SCRAPE
    return found


def asked(query: str) -> Iterator[tuple[str, set[str]]]:
    """Each series that a query names, with the labels that it is selected by, or that the query groups by."""
    series: list[tuple[str, set[str]]] = []
    grouped: set[str] = set()

    def seen(expr: promql.Expr) -> bool:
        if isinstance(expr, promql.VectorSelector):
            series.append((str(expr.name), {matcher.name for matcher in expr.matchers.matchers}))
        if isinstance(expr, promql.AggregateExpr) and expr.modifier is not None:
            grouped.update(expr.modifier.labels)
        return True

    promql.walk(promql.parse(query), seen)
    return ((name, labels | grouped) for name, labels in series)

"""Rows of a Prometheus's answer → counters by pod, whoever has scraped them, and however often."""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from fairlead.api import names
from fairlead.observe.processes import Process
from fairlead.observe.prometheus import Row
from fairlead.observe.series import Unreadable
from fairlead.settings import PrometheusSettings

SCRAPED_BY = ("job", "instance", "prometheus", "prometheus_replica", "replica", "cluster", "receive", "tenant_id")
"""Labels that say who has scraped a series where: the same page may be there several times, and counts once."""
OTHERS = ("__name__", "endpoint", "service", "container", "node", names.SERIES_MODEL, names.SERIES_REVISION)
"""Labels of a pod's scrape that no page has. What a page has by the name of one of them is called exported_…"""
EXPORTED = "exported_"
ROUNDED = 2.0
"""Seconds: when a container started is known to the second, and the clocks of two machines differ by a little."""

Labelled = tuple[str, frozenset[tuple[str, str]], float]
"""Name, labels and value."""


class Newest(NamedTuple):
    """The newest samples of one pod, all of one scrape."""

    time: float
    series: tuple[Labelled, ...]


def newest(
    rows: Iterable[Row], asked: Mapping[str, Process], by: PrometheusSettings, ports: Mapping[str, int]
) -> dict[str, Newest]:
    """By pod, what its last scrape has brought, as far as that was of the process that runs now.

    A pod that is scraped more than once (by two jobs, or two replicas of Prometheus) is read by one of them: by the one
    that asks the port of the metrics, then by the one that knows most series.
    """
    scraped = frozenset({*SCRAPED_BY, *OTHERS, by.pod_label, by.namespace_label})
    found: dict[str, dict[tuple[str, ...], list[Row]]] = {}
    for row in rows:
        pod = row.labels.get(by.pod_label, "")
        if pod in asked and row.labels.get("container", names.CONTAINER) == names.CONTAINER:
            scrape = tuple(row.labels.get(label, "") for label in SCRAPED_BY)
            found.setdefault(pod, {}).setdefault(scrape, []).append(row)
    read = {pod: _last(_chosen(scrapes, ports[asked[pod].revision]), scraped) for pod, scrapes in found.items()}
    return {pod: each for pod, each in read.items() if each.time > asked[pod].since.timestamp() + ROUNDED}


def per_pod(rows: Iterable[Row], namespace: str, pod_label: str, namespace_label: str) -> dict[str, float]:
    """The sums of an instant query by pod. Raises Unreadable, as the end of a sentence that begins with the query."""
    counted: dict[str, float] = {}
    for row in rows:
        if row.labels.get(namespace_label, namespace) != namespace:
            continue
        pod = row.labels.get(pod_label)
        if pod is None:
            raise Unreadable(f"keeps no label {pod_label}: write sum by ({namespace_label}, {pod_label}) (…)")
        if not (math.isfinite(row.value) and row.value >= 0):
            raise Unreadable("answers what is negative or not finite, which is no count")
        counted[pod] = counted.get(pod, 0.0) + row.value
    return counted


def _chosen(scrapes: Mapping[tuple[str, ...], list[Row]], port: int) -> list[Row]:
    def rank(scrape: tuple[str, ...]) -> tuple[bool, int, tuple[str, ...]]:
        return not scrape[1].endswith(f":{port}"), -len(scrapes[scrape]), scrape

    return scrapes[min(scrapes, key=rank)]


def _last(rows: list[Row], scraped: frozenset[str]) -> Newest:
    time = max(row.time for row in rows)
    last = (row for row in rows if row.time == time)
    return Newest(time, tuple((row.labels.get("__name__", ""), _own(row.labels, scraped), row.value) for row in last))


def _own(labels: Mapping[str, str], scraped: frozenset[str]) -> frozenset[tuple[str, str]]:
    """The labels as the server writes them."""
    return frozenset((label.removeprefix(EXPORTED), text) for label, text in labels.items() if label not in scraped)

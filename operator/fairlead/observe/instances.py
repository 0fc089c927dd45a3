"""The instances of a Gateway: what each of them has counted for the revisions of a model.

Each counts for itself, and is taken like a pod: by the differences of its own counters. A counter that goes down has
begun anew, and what is after it is another one's: nothing is known of what it has missed.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from fairlead.api.gatewaymetrics import GatewayMetrics
from fairlead.api.pattern import matches
from fairlead.evidence.sweep import PodMetrics
from fairlead.observe.known import KnownMeanings
from fairlead.observe.processes import process_name
from fairlead.observe.prometheus import Row
from fairlead.observe.said import Said, Tally
from fairlead.observe.samples import EXPORTED, SCRAPED_BY
from fairlead.observe.series import Meanings, Unreadable

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""When a Gateway began to count is not known, and what it counted before the trial is nobody's evidence."""
LONGEST = 1024
"""Characters of a label: Traefik puts all names on the way of a request into one."""
TWICE_WITHIN = 600.0
"""Seconds. Whose counters go down twice in this time does not restart: several count under one name."""

Passed = Mapping[str, Mapping[str, PodMetrics]]
"""Revision → instance of the Gateway → what it has counted."""
Scrapes = Mapping[str, list[Row]]
"""Instance → the series of its last scrape."""


class Instances:
    """`matchers` is revision → label → regular expression of what is counted for it. Remembers what was counted."""

    def __init__(self, metrics: GatewayMetrics, matchers: Mapping[str, Mapping[str, str]]) -> None:
        self._matchers = matchers
        self._meanings = KnownMeanings(Meanings(metrics.profile))
        self._last: dict[str, Said] = {}
        self._falls: dict[str, list[float]] = {}

    def passed(self, scrapes: Scrapes) -> Passed:
        """What they have counted for each revision, or nothing so far. Raises Unreadable."""
        found: dict[str, dict[str, PodMetrics]] = {revision: {} for revision in self._matchers}
        for instance, rows in scrapes.items():
            for revision, said in self._said(rows).items():
                found[revision][f"gateway {instance}"] = self._metrics(instance, revision, said, rows[0].time)
        return found

    def _said(self, rows: Iterable[Row]) -> Mapping[str, Said]:
        tallies = {revision: Tally() for revision in self._matchers}
        for row in rows:
            labels = _own(row.labels)
            meaning = self._meanings.of(row.labels.get("__name__", ""), frozenset(labels.items()))
            if meaning is None:
                continue
            for revision, asked in self._matchers.items():
                if all(matches(pattern, labels.get(label, ""), LONGEST) for label, pattern in asked.items()):
                    tallies[revision].count(meaning, row.value)
        return {revision: tally.said() for revision, tally in tallies.items()}

    def _metrics(self, instance: str, revision: str, said: Said, time: float) -> PodMetrics:
        process = f"{instance}/{revision}"
        falls = self._falls.setdefault(process, [])
        if process in self._last and _has_gone_down(self._last[process], said):
            falls.append(time)
        self._last[process] = said
        if len(falls) > 1 and time - falls[-2] < TWICE_WITHIN:
            raise Unreadable(
                f"the counters of Gateway {instance} go up and down: each of its replicas has to be a target of its own"
            )
        return PodMetrics(
            process=process_name(f"{process}/{len(falls)}"),
            since=LONG_AGO,
            errors=said.errors,
            pairs=said.pairs,
            histograms=said.histograms,
        )


def newest(rows: Iterable[Row]) -> Scrapes:
    """The last scrape of each instance; of one that is scraped twice, that which knows most series.

    Raises Unreadable where nobody can tell whose they are.
    """
    found: dict[str, dict[tuple[str, ...], list[Row]]] = {}
    clusters: set[str] = set()
    for row in rows:
        clusters.add(row.labels.get("cluster", ""))
        scrape = tuple(row.labels.get(label, "") for label in SCRAPED_BY)
        instance = " ".join(row.labels[label] for label in ("instance", "pod") if row.labels.get(label))
        found.setdefault(instance, {}).setdefault(scrape, []).append(row)
    if len(clusters) > 1:
        raise Unreadable(
            f"Gateways of several clusters ({', '.join(sorted(clusters))}) count for Services of this name: say which "
            "one is meant by labels of prometheus.gateway"
        )
    return {instance: _last(_largest(scrapes)) for instance, scrapes in found.items()}


def _largest(scrapes: Mapping[tuple[str, ...], list[Row]]) -> list[Row]:
    return scrapes[min(scrapes, key=lambda each: (-len(scrapes[each]), each))]


def _last(rows: list[Row]) -> list[Row]:
    time = max(row.time for row in rows)
    return [row for row in rows if row.time == time]


def _own(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels with those, too, that the Gateway has written and Prometheus has renamed."""
    renamed = {name.removeprefix(EXPORTED): text for name, text in labels.items() if name.startswith(EXPORTED)}
    return {**labels, **renamed}


def _has_gone_down(before: Said, after: Said) -> bool:
    return any(now < was for was, now in _counters(before, after))


def _counters(before: Said, after: Said) -> Iterator[tuple[float, float]]:
    if before.errors is not None:
        yield from zip(before.errors, after.errors or (0.0, 0.0), strict=True)
    for metric, edges in before.histograms.items():
        now = after.histograms.get(metric, {})
        yield from ((count, now.get(edge, 0.0)) for edge, count in edges.items())

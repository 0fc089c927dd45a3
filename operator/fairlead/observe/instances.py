"""The instances of a Gateway: what each of them has counted for the revisions of a model.

Each counts for itself, and is taken like a pod: by the differences of its own counters. A counter that goes down has
begun anew, and what is after it is another one's: nothing is known of what it has missed. One of which nothing is said
may have counted nothing yet, or be forgotten while no request is sent to the revision.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf

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
        self._counting: dict[tuple[str, str], _Counting] = {}

    def passed(self, scrapes: Scrapes, others: Collection[str] = ()) -> Passed:
        """What they have counted for each revision, or nothing so far; of `others` what they said last, if anything.

        Raises Unreadable.
        """
        for instance, rows in scrapes.items():
            for revision, said in self._said(rows).items():
                counting = self._counting.setdefault((instance, revision), _Counting())
                if counting.goes_up_and_down(said, rows[0].time):
                    raise Unreadable(
                        f"the counters of Gateway {instance} go up and down: each of its replicas has to be a target "
                        "of its own"
                    )
        told = {*scrapes, *others}
        return {
            revision: {
                f"gateway {instance}": counting.metrics(f"{instance}/{revision}")
                for (instance, of), counting in sorted(self._counting.items())
                if of == revision and instance in told
            }
            for revision in self._matchers
        }

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


@dataclass
class _Counting:
    """The counters of one instance for one revision: what they said last, and how often they have begun anew."""

    said: Said = field(default_factory=Said)
    silent: bool = True
    generation: int = 0
    fell: float = -inf

    def goes_up_and_down(self, said: Said, time: float) -> bool:
        """Takes in what they say at a time. Whether that is more ups and downs than one process has."""
        before, self.silent = self.silent, said == Said()
        if self.silent:
            return False
        fallen = _has_gone_down(self.said, said)
        self.said = said
        if not fallen:
            return False
        self.generation += 1
        if before:
            return False  # it was forgotten meanwhile
        last, self.fell = self.fell, time
        return time - last < TWICE_WITHIN

    def metrics(self, process: str) -> PodMetrics:
        """What is known of them."""
        said = Said() if self.silent else self.said
        return PodMetrics(
            process=process_name(f"{process}/{self.generation}"),
            since=LONG_AGO,
            errors=said.errors,
            pairs=said.pairs,
            histograms=said.histograms,
        )


def newest(rows: Iterable[Row]) -> Scrapes:
    """The last scrape of each instance; of one that is scraped twice, that which knows most series.

    Raises Unreadable where nobody can tell whose they are.
    """
    answered = tuple(rows)
    clusters = {row.labels["cluster"] for row in answered if row.labels.get("cluster")}
    if len(clusters) > 1:
        raise Unreadable(
            f"Gateways of several clusters ({', '.join(sorted(clusters))}) count for Services of this name: say which "
            "one is meant by labels of prometheus.gateway"
        )
    pods: dict[str, set[str]] = {}
    for row in answered:
        pods.setdefault(row.labels.get("instance", ""), set()).update(filter(None, [row.labels.get("pod")]))
    found: dict[str, dict[tuple[str, ...], list[Row]]] = {}
    for row in answered:
        instance = row.labels.get("instance", "")
        if len(pods[instance]) > 1:
            instance = f"{instance} {row.labels.get('pod', '')}".strip()
        scrape = tuple(row.labels.get(label, "") for label in SCRAPED_BY)
        found.setdefault(instance, {}).setdefault(scrape, []).append(row)
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

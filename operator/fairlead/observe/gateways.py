"""What the Gateway has counted for each of two revisions, by a Prometheus that scrapes it.

A Gateway counts by Service, and every revision has one. Each instance of the Gateway counts for itself, and its
counters are taken like those of a pod: by their differences, and by themselves. Whoever is not in an answer is missing
in that one window, and begins at what is known of it when it comes back.
"""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from fairlead.api.gatewaymetrics import GatewayMetrics
from fairlead.api.pattern import matches
from fairlead.api.traffic import Gateway
from fairlead.evidence.sweep import PodMetrics
from fairlead.observe.processes import process_name
from fairlead.observe.prometheus import Prometheus, Row, Unanswered
from fairlead.observe.querying import LOOK_BACK, PATIENCE
from fairlead.observe.said import Said, Tally
from fairlead.observe.samples import EXPORTED, SCRAPED_BY
from fairlead.observe.series import Meanings, Unreadable
from fairlead.observe.share import Share
from fairlead.slo.promql import quoted, selector

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""When a Gateway began to count is not known, and what it counted before the trial is nobody's evidence."""

UNKNOWN = (
    "spec.rollout.evidence.source is Gateway, and Fairlead was not told what that counts: set prometheus.url and "
    "prometheus.gateway of its chart (FAIRLEAD_PROMETHEUS_URL, FAIRLEAD_GATEWAY_METRICS)"
)

Passed = Mapping[str, Mapping[str, PodMetrics]]
"""Revision → instance of the Gateway → what it has counted."""


class AtGateway:
    """Queries for two revisions of one model. Remembers what it has told, to know what is new."""

    name = "the Gateway"

    def __init__(
        self,
        prometheus: Prometheus | None,
        metrics: GatewayMetrics | None,
        namespace: str,
        revisions: tuple[str, ...],
        gateway: Gateway,
        tick: float,
        share: Share | None = None,
    ) -> None:
        self._prometheus = prometheus
        self._metrics = metrics
        self._share = share or Share(_seconds)
        self._look_back = f"{LOOK_BACK * tick:.0f}s"
        self._patience = PATIENCE * tick
        self._matchers = {each: metrics.matchers(namespace, each, gateway) for each in revisions} if metrics else {}
        self._exported = False
        self._told: Mapping[str, float] | None = None  # instance → the time of the sample that was told last
        self._answered = _seconds()

    async def read(self) -> Passed | str | None:
        """What it has counted so far, or why nothing is known; None when there is nothing new."""
        if self._prometheus is None or self._metrics is None:
            return UNKNOWN
        if self._share.rests:
            return None
        try:
            with self._share.reading():
                rows = await self._rows(self._prometheus, self._metrics)
        except Unanswered as why:
            return self._after_a_while(str(why))
        if not rows:
            return self._after_a_while(
                f"Prometheus has no samples of what the Gateway counts for {' and '.join(self._matchers)} in the last "
                f"{self._look_back}: is it scraped, does prometheus.gateway fit it, and do requests come that way?"
            )
        self._answered = _seconds()
        scrapes = _newest(rows)
        if not self._is_new({instance: rows[0].time for instance, rows in scrapes.items()}):
            return None
        try:
            return {revision: self._about(revision, self._metrics, scrapes) for revision in self._matchers}
        except Unreadable as problem:
            return f"in Prometheus, {problem}"

    async def _rows(self, prometheus: Prometheus, metrics: GatewayMetrics) -> tuple[Row, ...]:
        """Its labels may be there under other names: Prometheus has some of its own, such as `service`."""
        for _ in range(2):
            rows = await prometheus.rows(self._query(metrics), "matrix", self._share)
            if rows:
                return rows
            self._exported = not self._exported
        return ()

    def _query(self, metrics: GatewayMetrics) -> str:
        prefix = EXPORTED if self._exported else ""
        asked = {"__name__": "|".join(sorted(Meanings(metrics.profile).names))} | {
            f"{prefix}{label}": "|".join(sorted({each[label] for each in self._matchers.values()}))
            for label in metrics.labels
        }
        return f"{selector('', *(f'{label}=~{quoted(text)}' for label, text in asked.items()))}[{self._look_back}]"

    def _after_a_while(self, why: str) -> str | None:
        """Whoever is away for a moment has missed nothing: counters go on."""
        return why if _seconds() - self._answered > self._patience else None

    def _is_new(self, times: Mapping[str, float]) -> bool:
        """Whether every instance that was told of before has a newer sample. What there is at first is not told."""
        if self._told is None:
            self._told = times
            return False
        known = self._told
        if not all(time > known.get(instance, float("-inf")) for instance, time in times.items()):
            return False
        self._told = times
        return True

    def _about(self, revision: str, metrics: GatewayMetrics, scrapes: Mapping[str, list[Row]]) -> dict[str, PodMetrics]:
        """Of an instance that says nothing about the revision, that it has said nothing: no request so far."""
        return {
            f"gateway {instance}": _as_pod(f"{instance}/{revision}", self._said(revision, metrics, rows))
            for instance, rows in scrapes.items()
        }

    def _said(self, revision: str, metrics: GatewayMetrics, rows: Iterable[Row]) -> Said:
        meanings, tally = Meanings(metrics.profile), Tally()
        for row in rows:
            labels = _own(row.labels)
            if all(matches(pattern, labels.get(label, "")) for label, pattern in self._matchers[revision].items()):
                meaning = meanings.of(row.labels.get("__name__", ""), labels)
                if meaning is not None:
                    tally.count(meaning, row.value)
        return tally.said()


def _newest(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Instance → the series of its last scrape. One that is scraped twice is read by who knows most series."""
    found: dict[str, dict[tuple[str, ...], list[Row]]] = {}
    for row in rows:
        scrape = tuple(row.labels.get(label, "") for label in SCRAPED_BY)
        instance = row.labels.get("instance", "") or row.labels.get("pod", "")
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


def _as_pod(process: str, said: Said) -> PodMetrics:
    return PodMetrics(
        process=process_name(process),
        since=LONG_AGO,
        errors=said.errors,
        pairs=said.pairs,
        histograms=said.histograms,
    )


def _seconds() -> float:
    return asyncio.get_running_loop().time()

"""Prometheus as the source of counters: raw samples of each pod, with the time at which they were scraped.

Samples come when Prometheus scrapes, pod by pod, and not when it is asked. A window of one pod must not be compared
with nothing of another: so there is something new only once every pod has a newer sample than last time.
"""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from fairlead.api.metrics import MetricsProfile
from fairlead.api.revision import Revision
from fairlead.observe.known import KnownMeanings
from fairlead.observe.processes import Process
from fairlead.observe.prometheus import Prometheus, Unanswered
from fairlead.observe.said import Pair, Said, Tally
from fairlead.observe.samples import Labelled, Newest, newest, per_pod
from fairlead.observe.scraping import metrics_port
from fairlead.observe.series import Meanings, Unreadable
from fairlead.observe.share import Share
from fairlead.observe.source import Asked

LOOK_BACK = 18
"""Ticks after which a sample says nothing of now: 90 seconds, more than there usually are between two scrapes."""
PATIENCE = 6
"""Ticks for which nobody is told that Prometheus is away. And twice as many it may take to find a new pod."""
SPACING = 6
"""Ticks between two readings where no scrape says when there is something new."""
SETTLED = timedelta(minutes=2)
"""After a restart, a query may answer what the process before has counted, for as long as that is not scraped over."""

FORBIDDEN = (
    "objectives have queries, and this operator asks none: its administrator has forbidden them (prometheus.queries of "
    "its chart, FAIRLEAD_PROMETHEUS_QUERIES)"
)
UNKNOWN = (
    "spec.rollout.evidence.source is Prometheus, and Fairlead knows none: set prometheus.url of its chart "
    "(FAIRLEAD_PROMETHEUS_URL)"
)


class Querying:
    """Queries for the pods of one model. Remembers what it has told, to know what is new."""

    name = "Prometheus"

    def __init__(
        self,
        prometheus: Prometheus | None,
        namespace: str,
        revisions: tuple[Revision, ...],
        asked: Asked,
        tick: float,
        share: Share | None = None,
    ) -> None:
        self._share = share or Share(_seconds)
        self._look_back = f"{LOOK_BACK * tick:.0f}s"
        self._patience = PATIENCE * tick
        self._spacing = SPACING * tick
        self._prometheus = prometheus
        self._namespace = namespace
        self._asked = asked
        profiles = {revision.name: revision.snapshot.metrics for revision in revisions}
        self._meanings = {
            name: KnownMeanings(Meanings(profile or _NOTHING, asked.counters)) for name, profile in profiles.items()
        }
        self._series = sorted({name for each in self._meanings.values() for name in each.names})
        self._ports = {revision.name: metrics_port(revision) for revision in revisions}
        self._told: dict[str, float] | None = None  # process → the time of the sample that was told last
        self._asked_first: dict[str, float] = {}  # process → when it was asked for first
        self._answered = self._last = float("-inf")

    async def read(self, asked: Mapping[str, Process], at: datetime) -> Mapping[str, Said | str] | None:
        """What is new of each pod."""
        if self._prometheus is None or not asked:
            return dict.fromkeys(asked, UNKNOWN)
        if self._asked.queried and not self._prometheus.settings.queries:
            return dict.fromkeys(asked, FORBIDDEN)
        if not self._series and not self._asked.queried:
            return dict.fromkeys(asked, "its runtime has no metrics profile")
        if self._share.rests:
            return None
        try:
            with self._share.reading():
                said = await self._said(self._prometheus, asked, at)
        except Unanswered as why:
            # One that is away for a moment has missed nothing: counters go on.
            gone = _seconds() - self._answered > self._patience
            return dict.fromkeys(asked, str(why)) if gone else None
        self._answered = _seconds()
        return said

    async def _said(
        self, prometheus: Prometheus, asked: Mapping[str, Process], at: datetime
    ) -> Mapping[str, Said | str] | None:
        samples = await self._samples(prometheus, asked) if self._series and asked else {}
        times = {asked[pod].id: found.time for pod, found in samples.items()}
        silent = self._silent(asked, samples)
        if not self._is_new(times) and not (silent and not times):
            return None
        pairs = await self._pairs(prometheus, asked, at)
        told: dict[str, Said | str] = dict(silent)
        for pod in samples if self._series else pairs:
            try:
                page = self._page(asked[pod].revision, samples[pod].series) if pod in samples else Said()
            except Unreadable as problem:
                told[pod] = f"in Prometheus, {problem}"
            else:
                own = {**page.pairs, **pairs.get(pod, {})}
                told[pod] = Said(errors=page.errors, pairs=own, histograms=page.histograms)
        self._told, self._last = {**(self._told or {}), **times}, _seconds()
        return told

    async def _samples(self, prometheus: Prometheus, asked: Mapping[str, Process]) -> dict[str, Newest]:
        """By pod, its newest samples, as far as they are those of the process that runs now."""
        labels = prometheus.settings
        pods = "|".join(sorted(pod.replace(".", "[.]") for pod in asked))
        query = (
            f'{{__name__=~"{"|".join(self._series)}",{labels.namespace_label}="{self._namespace}",'
            f'{labels.pod_label}=~"{pods}"}}[{self._look_back}]'
        )
        rows = await prometheus.rows(query, "matrix", self._share)
        return newest(rows, asked, labels, self._ports)

    def _silent(self, asked: Mapping[str, Process], samples: Mapping[str, Newest]) -> dict[str, str]:
        """Pods of which there should be samples by now and are none."""
        if not self._series:
            return {}
        self._asked_first = {each.id: self._asked_first.get(each.id, _seconds()) for each in asked.values()}
        why = f"Prometheus has no samples of its metrics in the last {self._look_back}: is it scraped?"
        return {
            pod: why
            for pod, each in asked.items()
            if pod not in samples and _seconds() - self._asked_first[each.id] > 2 * self._patience
        }

    def _is_new(self, times: Mapping[str, float]) -> bool:
        """Whether every process that was told of before has a newer sample.

        What there is at first is not told: the pods themselves may have told more already, and nothing counts twice.
        """
        if not self._series:
            return _seconds() - self._last >= self._spacing
        if self._told is None:
            self._told = dict(times) or None
            return False
        known = self._told
        return bool(times) and all(time > known.get(process, float("-inf")) for process, time in times.items())

    def _page(self, revision: str, series: Iterable[Labelled]) -> Said:
        meanings, tally = self._meanings[revision], Tally()
        for name, labels, value in series:
            meaning = meanings.of(name, labels)
            if meaning is not None:
                tally.count(meaning, value)
        return tally.said()

    async def _pairs(
        self, prometheus: Prometheus, asked: Mapping[str, Process], at: datetime
    ) -> dict[str, dict[str, Pair]]:
        """Pod → pair → (requests, bad ones), of the objectives that are asked of Prometheus."""
        old = {pod for pod, each in asked.items() if at - each.since >= SETTLED}
        found: dict[str, dict[str, Pair]] = {}
        for objective in self._asked.queried:
            queries = objective.queries
            if queries is None or objective.pair is None:
                continue
            total = await self._counted(prometheus, queries.total, f"queries.total of objective {objective.name}")
            bad = await self._counted(prometheus, queries.bad, f"queries.bad of objective {objective.name}")
            for pod in old & set(total):
                found.setdefault(pod, {})[objective.pair] = (total[pod], bad.get(pod, 0.0))
        return found

    async def _counted(self, prometheus: Prometheus, query: str, what: str) -> dict[str, float]:
        try:
            rows = await prometheus.rows(query, "vector", self._share)
        except Unanswered as why:
            raise Unanswered(f"{what}: {why}") from why
        labels = prometheus.settings
        try:
            return per_pod(rows, self._namespace, labels.pod_label, labels.namespace_label)
        except Unreadable as problem:
            raise Unanswered(f"{what} {problem}") from problem


_NOTHING = MetricsProfile.model_construct()
"""Of a runtime without a profile, only what objectives count for themselves is read."""


def _seconds() -> float:
    return asyncio.get_running_loop().time()

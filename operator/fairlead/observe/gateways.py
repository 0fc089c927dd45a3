"""What the Gateway has counted for each of two revisions, asked of a Prometheus that scrapes it.

It counts by Service, and every revision has one.
"""

import asyncio
from collections.abc import Collection, Mapping
from math import inf

from fairlead.api.gatewaymetrics import GatewayMetrics
from fairlead.api.traffic import Gateway
from fairlead.observe.instances import Instances, Passed, newest
from fairlead.observe.prometheus import Prometheus, Row, Unanswered
from fairlead.observe.querying import LOOK_BACK, PATIENCE
from fairlead.observe.samples import EXPORTED
from fairlead.observe.series import Meanings, Unreadable
from fairlead.observe.share import Share
from fairlead.slo.promql import quoted, selector

UNKNOWN = (
    "spec.rollout.evidence.source is Gateway, and Fairlead was not told what that counts: set prometheus.url and "
    "prometheus.gateway of its chart (FAIRLEAD_PROMETHEUS_URL, FAIRLEAD_GATEWAY_METRICS)"
)
MISSED = 2
"""For so many scrapes of the others an instance is waited for. What it has counted comes with its next one."""


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
        self._share = share or Share(_seconds)
        self._look_back = f"{LOOK_BACK * tick:.0f}s"
        self._patience = PATIENCE * tick
        self._metrics = metrics
        self._matchers = {each: metrics.matchers(namespace, each, gateway) for each in revisions} if metrics else {}
        self._instances = Instances(metrics, self._matchers) if metrics else None
        self._renamed = False
        self._told: dict[str, float] | None = None  # instance → the time of the sample that was told last
        self._seen: dict[str, float] = {}  # the same of the sample that was seen last
        self._intervals: dict[str, float] = {}
        self._answered = _seconds()

    async def read(self) -> Passed | str | None:
        """What it has counted so far, or why nothing is known; None when there is nothing new."""
        if self._prometheus is None or self._metrics is None or self._instances is None:
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
        try:
            scrapes = newest(rows)
            new = self._new({instance: rows[0].time for instance, rows in scrapes.items()})
            if not new:
                return None
            return self._instances.passed({each: scrapes[each] for each in new}, scrapes.keys())
        except Unreadable as problem:
            return f"in Prometheus, {problem}"

    async def _rows(self, prometheus: Prometheus, metrics: GatewayMetrics) -> tuple[Row, ...]:
        """The label may be there under another name: Prometheus has some of its own, such as `service`."""
        for _ in range(2):
            rows = await prometheus.rows(self._query(metrics), "matrix", self._share)
            if rows or metrics.naming is None:
                return rows
            self._renamed = not self._renamed
        return ()

    def _query(self, metrics: GatewayMetrics) -> str:
        asked = {"__name__": "|".join(sorted(Meanings(metrics.profile).names)), **metrics.counted}
        for label in metrics.labels:
            name = f"{EXPORTED}{label}" if self._renamed and label == metrics.naming else label
            asked[name] = "|".join(sorted({each[label] for each in self._matchers.values()}))
        return f"{selector('', *(f'{label}=~{quoted(text)}' for label, text in asked.items()))}[{self._look_back}]"

    def _after_a_while(self, why: str) -> str | None:
        """Whoever is away for a moment has missed nothing: counters go on."""
        return why if _seconds() - self._answered > self._patience else None

    def _new(self, times: Mapping[str, float]) -> Collection[str]:
        """The instances that have something to tell; none before all that were told of before have, or are late.

        What there is at first is not told: whoever judged before may have known more.
        """
        for instance, time in times.items():
            if time > (before := self._seen.get(instance, time)):
                self._intervals[instance] = time - before
        self._seen = dict(times)
        if self._told is None:
            self._told = dict(times)
            return ()
        known = self._told
        new = {instance: time for instance, time in times.items() if time > known.get(instance, -inf)}
        waited = max((time - MISSED * self._intervals.get(each, inf) for each, time in new.items()), default=-inf)
        if any(times[late] > waited for late in times.keys() - new.keys()):
            return ()
        self._told = {instance: known[instance] for instance in times if instance in known} | new
        return new.keys()


def _seconds() -> float:
    return asyncio.get_running_loop().time()

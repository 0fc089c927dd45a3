"""The metrics of all pods of a trial, read at one time and again every few seconds.

Pods are read beside the looks, never inside one: a pod that hangs must hold up neither a look nor another model.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from fairlead.api.gatewaymetrics import GatewayMetrics
from fairlead.api.revision import Revision
from fairlead.cluster.store import Key
from fairlead.evidence.sweep import PodMetrics, Sweep
from fairlead.observe.asking import Asking
from fairlead.observe.beside import Beside
from fairlead.observe.gateways import AtGateway
from fairlead.observe.processes import Process, processes, running
from fairlead.observe.prometheus import Prometheus
from fairlead.observe.querying import Querying
from fairlead.observe.said import Said
from fairlead.observe.scraping import Scraping
from fairlead.observe.source import Asked, Source

TICK = timedelta(seconds=5)
AT_ONCE = 64
"""Requests at one time, over all models: each may hold a few hundred KiB."""
RESTARTED = "its server was restarted while it was read"

Pods = Callable[[], tuple[Mapping[str, Any], ...]]
"""The model's pods at this moment."""


class Swept(Protocol):
    """Is told of every sweep: how many pods could be read and how many could not, and how long it took."""

    def __call__(self, *, read: int, silent: int, seconds: float) -> None: ...


class Sweeps:
    """The sweeps that are on, and the latest of each. `tell` is called with the model's key after every sweep."""

    def __init__(
        self,
        asking: Asking,
        tell: Callable[[Key], None],
        clock: Callable[[], datetime],
        tick: timedelta = TICK,
        swept: Swept | None = None,
        prometheus: Prometheus | None = None,
        gateway: GatewayMetrics | None = None,
    ) -> None:
        self._asking = asking
        self._prometheus = prometheus
        self._gateway_metrics = gateway
        self._tell = tell
        self._clock = clock
        self._tick = tick.total_seconds()
        self._swept = swept
        self._within = 0.6 * self._tick
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._running = Beside("sweeps of")
        self._latest: dict[Key, Sweep] = {}

    def latest(self, key: Key, revisions: tuple[Revision, ...], pods: Pods, asked: Asked | None = None) -> Sweep | None:
        """The last sweep over the running pods of these revisions; begins to sweep when nobody does. None: none yet."""
        asked = asked or Asked()
        about = asked.about(revisions)
        if not self._running.goes_on(key, about):
            self.end(key)
            self._running.begin(key, about, lambda: self._sweep_on(key, revisions, pods, asked))
        return self._latest.get(key)

    def end(self, key: Key) -> None:
        """Nobody wants to know about this model any more."""
        self._latest.pop(key, None)
        self._running.end(key)

    async def close(self) -> None:
        """Ends all sweeps."""
        await self._running.close()

    async def _sweep_on(self, key: Key, revisions: tuple[Revision, ...], pods: Pods, asked: Asked) -> None:
        source, gateway = self._source(key, revisions, asked), self._gateway(key, revisions, asked)
        arms = tuple(revision.name for revision in revisions)
        time = asyncio.get_running_loop().time
        while True:
            began = time()
            sweep = await self._sweep(source, gateway, arms, pods)
            if sweep is not None:
                self._latest[key] = sweep
                if self._swept is not None:
                    read = sum(len(found) for found in sweep.pods.values())
                    self._swept(read=read, silent=len(sweep.silent), seconds=time() - began)
                self._tell(key)
            await asyncio.sleep(max(0.0, began + self._tick - time()))

    def _source(self, key: Key, revisions: tuple[Revision, ...], asked: Asked) -> Source:
        if asked.source == "Prometheus":
            return Querying(self._prometheus, key[0], revisions, asked, self._tick)
        elsewhere = self._gateway_metrics.metrics if asked.at_gateway and self._gateway_metrics else ()
        return Scraping(self._asking, revisions, asked.counters, self._at_once, self._within, elsewhere)

    def _gateway(self, key: Key, revisions: tuple[Revision, ...], asked: Asked) -> AtGateway | None:
        if asked.at_gateway is None:
            return None
        arms = tuple(revision.name for revision in revisions)
        return AtGateway(self._prometheus, self._gateway_metrics, key[0], arms, asked.at_gateway, self._tick)

    async def _sweep(
        self, source: Source, gateway: AtGateway | None, revisions: Collection[str], pods: Pods
    ) -> Sweep | None:
        """All pods at one time. It counts as read when it began: what starts later is new to the next one.

        Where a Gateway counts, too, the pods are read when that has something new: what is missing there is missing.
        """
        at = self._clock()
        asked = {name: each for name, each in processes(pods()).items() if each.revision in revisions}
        passed = await gateway.read() if gateway is not None else {}
        if passed is None:
            return None
        told = dict.fromkeys(asked, passed) if isinstance(passed, str) else await source.read(asked, at)
        if told is None:
            return None
        there = pods()
        now = processes(there)
        said: dict[str, dict[str, PodMetrics]] = {revision: {} for revision in revisions}
        silent: dict[str, str] = {}
        for name, answer in told.items():
            process = asked[name]
            # Whose counters these are is not known: they would be counted again as those of the new process.
            heard = RESTARTED if name in now and now[name].id != process.id else answer
            if not isinstance(heard, str):
                said[process.revision][name] = _metrics(process, heard)
            elif process.has_served:
                silent[name] = heard
        gateways = {} if isinstance(passed, str) else passed
        counting = frozenset(each.process for instances in gateways.values() for each in instances.values())
        return Sweep(
            at=at,
            pods=said,
            silent=silent,
            silent_of={name: asked[name].revision for name in silent},
            gateways=gateways,
            running=running(there, revisions) | counting,
            source=source.name if gateway is None else gateway.name,
        )


def _metrics(process: Process, said: Said) -> PodMetrics:
    return PodMetrics(
        process=process.id, since=process.since, errors=said.errors, pairs=said.pairs, histograms=said.histograms
    )

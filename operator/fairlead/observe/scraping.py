"""The pods themselves as the source of counters: each is asked for its page of metrics."""

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from fairlead.api.metrics import Counters, Metric
from fairlead.api.revision import Revision
from fairlead.observe.asking import Asking, NoAnswer
from fairlead.observe.exposition import Reader
from fairlead.observe.processes import Process
from fairlead.observe.said import Said
from fairlead.observe.series import Unreadable

PIECE = 16 << 10
"""Bytes that are read in one go, before others have their turn."""
HEADERS = {"Accept": "text/plain;version=0.0.4,*/*;q=0.1", "Accept-Encoding": "identity"}


class Scraping:
    """Pages of metrics, `at_once` so many of them over all models, each `within` so many seconds.

    Metrics that are counted `elsewhere` are left out; a server that has no others is not asked.
    """

    name = "the pods"

    def __init__(
        self,
        asking: Asking,
        revisions: tuple[Revision, ...],
        pairs: Mapping[str, Counters],
        at_once: asyncio.Semaphore,
        within: float,
        elsewhere: Collection[Metric] = (),
    ) -> None:
        self._asking = asking
        self._servers = {revision.name: _server(revision, pairs, elsewhere) for revision in revisions}
        self._at_once = at_once
        self._within = within

    async def read(self, asked: Mapping[str, Process], at: datetime) -> Mapping[str, Said | str]:
        """All pods at one time."""
        async with asyncio.TaskGroup() as together:
            reading = {
                name: together.create_task(self._page(self._servers[process.revision], process))
                for name, process in asked.items()
            }
        return {name: task.result() for name, task in reading.items()}

    async def _page(self, server: "_Server", process: Process) -> Said | str:
        """What one pod says, or why nothing. Never raises for what a pod does."""
        if server.reader is None:
            return server.without
        asked = f"GET {server.path} on port {server.port}"
        try:
            async with (
                self._at_once,
                self._asking.get(
                    process.pod, server.port, server.path, within=self._within, headers=HEADERS
                ) as response,
            ):
                if response.status != 200:
                    return f"{asked} answered {response.status}"
                if (packed := response.headers.get("Content-Encoding", "identity")) != "identity":
                    return f"{asked} answered in {packed[:20]}, which was not asked for"
                page = server.reader.page(response.content_type)
                async for piece in response.content.iter_chunked(PIECE):
                    page.feed(piece)
                    await asyncio.sleep(0)
                return page.said()
        except NoAnswer as failure:
            return f"{asked}{failure}"
        except Unreadable as problem:
            return f"{asked}: {problem}"


class _Server(NamedTuple):
    """Where the metrics of a revision's pods are, and who reads them; `without` a reader, what there is to say."""

    port: int = 0
    path: str = ""
    reader: Reader | None = None
    without: Said | str = "its runtime has no metrics profile"


def metrics_port(revision: Revision) -> int:
    """The port of a revision's metrics."""
    ports = revision.snapshot.ports
    return ports.http if ports.metrics is None else ports.metrics


def _server(revision: Revision, pairs: Mapping[str, Counters], elsewhere: Collection[Metric]) -> _Server:
    profile = revision.snapshot.metrics
    if elsewhere:
        profile = profile and profile.without(elsewhere)
        if profile is None or not (pairs or profile.counters or profile.histograms):
            return _Server(without=Said())
    return _Server(metrics_port(revision), profile.path, Reader(profile, pairs)) if profile else _Server()

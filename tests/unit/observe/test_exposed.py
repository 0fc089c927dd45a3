"""observe/exposed.py, against real HTTP servers: pages are read until all has been seen, and not again."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from fairlead.api import names
from fairlead.api.metrics import Counters, Histogram, MetricsProfile, Series
from fairlead.api.revision import Revision, Snapshot
from fairlead.api.server import Ports
from fairlead.api.status import Status
from fairlead.cluster.access import Access
from fairlead.cluster.connection import Connection
from fairlead.observe.asking import Asking
from fairlead.observe.exposed import Exposures, remembered
from fairlead.situation import Exposed
from serving import serving

KEY = ("risk", "fraud")
START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
PROFILE = MetricsProfile(
    errors=Counters(bad=(Series(series="failures_total"),), total=(Series(series="requests_total"),)),
    latency=Histogram(series="seconds"),
)
PAIR = {"guardrail@1": Counters(bad=(Series(series="blocked_total"),), total=(Series(series="checks_total"),))}
FRESH = "requests_total 0\n"
SERVED = 'requests_total 3\nseconds_bucket{le="1.0"} 2\nseconds_bucket{le="0.5"} 1\nseconds_bucket{le="+Inf"} 3\n'
ALL = frozenset({"Errors", "Latency"})


class Server:
    """A pod's page of metrics."""

    def __init__(self) -> None:
        self.page = FRESH
        self.status = 200
        self.asked = 0
        self.port = 0

    async def handle(self, request: web.Request) -> web.Response:
        self.asked += 1
        return web.Response(text=self.page, status=self.status)

    def pods(self) -> tuple[dict[str, Any], ...]:
        running = {"running": {"startedAt": "2026-01-05T09:00:00Z"}}
        return (
            {
                "metadata": {
                    "name": "fraud-1-a",
                    "namespace": "risk",
                    "uid": "a",
                    "labels": {names.REVISION: "fraud-1"},
                },
                "status": {
                    "podIP": "127.0.0.1",
                    "conditions": [{"type": "Ready", "status": "True"}],
                    "containerStatuses": [{"name": names.CONTAINER, "containerID": "c://1", "state": running}],
                },
            },
        )

    def revision(self, name: str = "fraud-1") -> Revision:
        snapshot = Snapshot(inputs={}, template={}, ports=Ports(http=self.port), metrics=PROFILE)
        return Revision(name=name, number=1, wish="", snapshot=snapshot, data={})


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    async with serving(server.handle) as server.port:
        yield server


class Reading:
    """Exposures of one model, and their news."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._asking = Asking(Connection(Access(server="http://127.0.0.1:1")), "Direct")
        self._news: asyncio.Queue[object] = asyncio.Queue()
        self.exposures = Exposures(self._asking, self._news.put_nowait, lambda: START, timedelta(milliseconds=10))

    def seen(
        self, known: Exposed | None = None, wanted: frozenset[str] = ALL, revision: str = "fraud-1"
    ) -> Exposed | None:
        server = self._server
        return self.exposures.seen(KEY, server.revision(revision), known, wanted, PAIR, server.pods)

    async def news(self) -> Exposed | None:
        await asyncio.wait_for(self._news.get(), 10)
        return self.seen()

    async def close(self) -> None:
        await self.exposures.close()
        await self._asking.close()


@pytest.fixture
async def reading(server: Server) -> AsyncIterator[Reading]:
    reading = Reading(server)
    yield reading
    await reading.close()


async def nobody_reads() -> None:
    """Waits until no reading is on, however long its next pause would be."""
    while readings := [task for task in asyncio.all_tasks() if task.get_name().startswith("metrics of")]:
        await asyncio.wait(readings, timeout=10)
        assert all(task.done() for task in readings)


async def test_what_is_missing_is_waited_for_and_then_nobody_is_asked_any_more(server: Server, reading: Reading):
    assert reading.seen() is None
    assert await reading.news() == Exposed(revision="fraud-1", counted=frozenset({"Errors"}))
    server.page = SERVED
    whole = Exposed(revision="fraud-1", counted=ALL, edges={"Latency": (0.5, 1.0)})
    assert await reading.news() == whole
    assert reading.seen() == whole
    await nobody_reads()


async def test_what_the_status_remembers_is_not_asked_again(server: Server, reading: Reading):
    known = Exposed(revision="fraud-1", counted=ALL, edges={"Latency": (0.5,)})
    assert reading.seen(known) == known
    await nobody_reads()
    assert server.asked == 0


async def test_another_revision_is_read_and_the_old_ones_edges_hold_until_then(server: Server, reading: Reading):
    server.page = SERVED
    known = Exposed(revision="fraud-0", counted=ALL, edges={"Latency": (0.25,)})
    assert reading.seen(known) == known
    assert (await reading.news() or known).revision == "fraud-1"


async def test_an_objective_with_counters_of_its_own_is_looked_for(server: Server, reading: Reading):
    server.page = SERVED + "checks_total 1\n"
    wanted = ALL | {"guardrail@1"}
    assert reading.seen(None, wanted) is None
    found = await reading.news()
    assert found is not None
    assert found.counted >= wanted


async def test_why_a_page_cannot_be_read_is_told_and_nothing_is_forgotten_for_it(server: Server, reading: Reading):
    reading.seen()
    await reading.news()
    server.status = 404
    found = await reading.news()
    assert found is not None
    assert found.silent == f"GET /metrics on port {server.port} answered 404"
    assert found.counted == {"Errors"}


def test_the_status_holds_all_that_is_to_be_remembered():
    monitoring = {
        "revision": "fraud-1",
        "counted": ["Errors", "Latency"],
        "histograms": [{"metric": "Latency", "edges": ["0.5", "1"]}],
    }
    status = Status.model_validate({"monitoring": monitoring})
    assert remembered(status) == Exposed(revision="fraud-1", counted=ALL, edges={"Latency": (0.5, 1.0)})
    assert remembered(Status()) is None

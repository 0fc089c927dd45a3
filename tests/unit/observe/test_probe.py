"""observe/probe.py, against real HTTP servers: whoever does not answer is asked again, and holds nobody up."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from fairlead.api.revision import Revision, Snapshot
from fairlead.api.server import Ports
from fairlead.cluster.access import Access
from fairlead.cluster.connection import Connection
from fairlead.observe.probe import Probes

KEY = ("risk", "fraud")


class Server:
    """A pod's server, or one that swallows what it is asked."""

    def __init__(self) -> None:
        self.status = 200
        self.asked: list[str] = []
        self.headers: list[Any] = []
        self.port = 0

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        self.headers.append(request.headers)
        return web.Response(status=self.status)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    application = web.Application()
    application.router.add_get("/{path:.*}", server.handle)
    runner = web.AppRunner(application, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.port = runner.addresses[0][1]
    yield server
    await runner.cleanup()


class Told:
    """Who was told that there is news."""

    def __init__(self) -> None:
        self.news = asyncio.Event()

    def __call__(self, key: tuple[str, str]) -> None:
        self.news.set()

    async def wait(self) -> None:
        await asyncio.wait_for(self.news.wait(), 10)
        self.news.clear()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def probes(told: Told) -> AsyncIterator[Probes]:
    secret = Access(server="http://127.0.0.1:1", authorization=lambda: "Bearer secret")
    probes = Probes(Connection(secret), "Direct", told)
    yield probes
    await probes.close()


def a_revision(port: int, name: str = "fraud-1", path: str | None = "/ready") -> Revision:
    snapshot = Snapshot(inputs={}, template={}, ports=Ports(http=port), serving_path=path)
    return Revision(name=name, number=1, wish="", snapshot=snapshot, data={})


def pods(ready: bool = True, address: str = "127.0.0.1") -> tuple[dict[str, Any], ...]:
    status = {"conditions": [{"type": "Ready", "status": str(ready)}], "podIP": address}
    return ({"metadata": {"name": "p", "namespace": "risk"}, "status": status},)


async def test_an_answer_is_told_and_kept(server: Server, probes: Probes, told: Told):
    revision = a_revision(server.port)
    assert probes.answer(KEY, revision, pods) is None, "a look waits for nothing"
    await told.wait()
    answer = probes.answer(KEY, revision, pods)
    assert answer is not None
    assert answer.answered
    assert server.asked == ["/ready"]
    assert all("Authorization" not in headers for headers in server.headers), "pods never see our credentials"


async def test_whoever_does_not_answer_is_asked_again(server: Server, probes: Probes, told: Told):
    server.status = 503
    revision = a_revision(server.port)
    probes.answer(KEY, revision, pods)
    await told.wait()
    answer = probes.answer(KEY, revision, pods)
    assert answer is not None
    assert not answer.answered
    server.status = 200
    await told.wait()
    answer = probes.answer(KEY, revision, pods)
    assert answer is not None
    assert answer.answered


async def test_a_pod_that_swallows_requests_holds_no_other_model_up(server: Server, probes: Probes, told: Told):
    blackhole = await asyncio.start_server(lambda reader, writer: asyncio.Event().wait(), "127.0.0.1", 0)
    port = blackhole.sockets[0].getsockname()[1]
    for number in range(20):
        probes.answer(("risk", f"stuck-{number}"), a_revision(port), pods)
    probes.answer(KEY, a_revision(server.port), pods)
    await told.wait()
    answer = probes.answer(KEY, a_revision(server.port), pods)
    blackhole.close()
    assert answer is not None
    assert answer.answered


async def test_a_redirect_is_no_answer_and_leads_nowhere(server: Server, probes: Probes, told: Told):
    server.status = 302
    probes.answer(KEY, a_revision(server.port), pods)
    await told.wait()
    answer = probes.answer(KEY, a_revision(server.port), pods)
    assert answer is not None
    assert not answer.answered


async def test_another_candidate_is_asked_anew(server: Server, probes: Probes, told: Told):
    probes.answer(KEY, a_revision(server.port), pods)
    await told.wait()
    other = a_revision(server.port, name="fraud-2")
    assert probes.answer(KEY, other, pods) is None, "what another revision answered says nothing about this one"
    await told.wait()
    answer = probes.answer(KEY, other, pods)
    assert answer is not None
    assert answer.revision == "fraud-2"


async def test_an_error_of_ours_is_not_the_end(server: Server, probes: Probes, told: Told):
    def broken() -> tuple[dict[str, Any], ...]:
        raise KeyError("podIP")

    revision = a_revision(server.port)
    probes.answer(KEY, revision, broken)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    probes.answer(KEY, revision, pods)
    await told.wait()
    answer = probes.answer(KEY, revision, pods)
    assert answer is not None
    assert answer.answered

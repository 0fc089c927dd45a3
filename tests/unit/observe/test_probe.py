"""observe/probe.py, against real HTTP servers: whoever does not answer is asked again, and holds nobody up."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from clock import Clock
from fairlead.api.revision import Revision, Snapshot
from fairlead.api.server import Ports
from fairlead.cluster.access import Access
from fairlead.cluster.connection import Connection
from fairlead.observe.asking import Asking
from fairlead.observe.probe import AT_ONCE, FRESH, Probes
from serving import serving

KEY = ("risk", "fraud")


class Server:
    """A pod's server, or one that swallows what it is asked."""

    def __init__(self) -> None:
        self.status = 200
        self.asked: list[str] = []
        self.headers: list[Any] = []
        self.port = 0
        self.pause = 0.0

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        self.headers.append(request.headers)
        await asyncio.sleep(self.pause)
        return web.Response(status=self.status)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    async with serving(server.handle) as server.port:
        yield server


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
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def probes(told: Told, clock: Clock) -> AsyncIterator[Probes]:
    secret = Access(server="http://127.0.0.1:1", authorization=lambda: "Bearer secret")
    asking = Asking(Connection(secret), "Direct")
    probes = Probes(asking, told, clock)
    yield probes
    await probes.close()
    await asking.close()


@pytest.fixture
async def hasty(told: Told) -> AsyncIterator[Probes]:
    """Probes that wait for a fifth of a second only, where nothing says more."""
    asking = Asking(Connection(Access(server="http://127.0.0.1:1")), "Direct")
    probes = Probes(asking, told, within=0.2)
    yield probes
    await probes.close()
    await asking.close()


def a_revision(
    port: int, name: str = "fraud-1", path: str | None = "/ready", readiness: dict[str, Any] | None = None
) -> Revision:
    template = {"spec": {"containers": [{"name": "server", "readinessProbe": readiness}]}} if readiness else {}
    snapshot = Snapshot(inputs={}, template=template, ports=Ports(http=port), serving_path=path)
    return Revision(name=name, number=1, wish="", snapshot=snapshot, data={})


def pods(ready: bool = True, address: str = "127.0.0.1", uid: str = "1") -> tuple[dict[str, Any], ...]:
    status = {"conditions": [{"type": "Ready", "status": str(ready)}], "podIP": address}
    return ({"metadata": {"name": "p", "namespace": "risk", "uid": uid}, "status": status},)


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
    asked = asyncio.Event()

    def broken() -> tuple[dict[str, Any], ...]:
        asked.set()
        raise KeyError("podIP")

    revision = a_revision(server.port)
    probes.answer(KEY, revision, broken)
    await asyncio.wait_for(asked.wait(), 10)
    probes.answer(KEY, revision, pods)
    await told.wait()
    answer = probes.answer(KEY, revision, pods)
    assert answer is not None
    assert answer.answered


async def answered(probes: Probes, told: Told, revision: Revision) -> bool | None:
    """What comes of asking, once there is news."""
    probes.answer(KEY, revision, pods)
    await told.wait()
    answer = probes.answer(KEY, revision, pods)
    return None if answer is None else answer.answered


async def test_an_old_answer_is_no_answer(server: Server, probes: Probes, told: Told, clock: Clock):
    revision = a_revision(server.port)
    assert await answered(probes, told, revision)
    clock.now = FRESH
    assert probes.answer(KEY, revision, pods) is not None
    clock.now = FRESH + 1
    server.status = 503
    assert probes.answer(KEY, revision, pods) is None, "it is asked again"
    await told.wait()
    answer = probes.answer(KEY, revision, pods)
    assert answer is not None
    assert not answer.answered


@pytest.mark.parametrize("now", [(), pods(ready=False), pods(uid="2")], ids=["gone", "not ready", "replaced"])
async def test_the_answer_of_a_pod_that_does_not_serve_any_more_is_no_answer(
    server: Server, probes: Probes, told: Told, now: tuple[dict[str, Any], ...]
):
    revision = a_revision(server.port)
    assert await answered(probes, told, revision)
    assert probes.answer(KEY, revision, lambda: now) is None


@pytest.mark.parametrize(
    ("status", "asked", "good"), [(302, "/ready", True), (302, "/other", False), (404, "/ready", False)]
)
async def test_where_the_kubelet_asks_the_same_its_rule_holds(
    server: Server, probes: Probes, told: Told, status: int, asked: str, good: bool
):
    server.status = status
    readiness = {"httpGet": {"path": asked, "port": "http"}, "timeoutSeconds": 3}
    assert await answered(probes, told, a_revision(server.port, readiness=readiness)) is good


@pytest.mark.parametrize(
    ("path", "asked", "must"),
    [
        ("/v1", "GET /v1", "2xx (probes.serving)"),
        ("/ready", "GET /ready", "2xx or 3xx (probes.readiness)"),
        (None, "GET /", "with a status below 500"),
    ],
)
async def test_a_bad_answer_is_told_with_what_it_must_be(
    server: Server, probes: Probes, told: Told, path: str | None, asked: str, must: str
):
    server.status = 503
    revision = a_revision(server.port, path=path, readiness={"httpGet": {"path": "/ready", "port": "http"}})
    assert not await answered(probes, told, revision)
    answer = probes.answer(KEY, revision, pods)
    assert answer is not None
    assert answer.detail == f"{asked} on port {server.port} answered 503; it must answer {must}"


async def test_a_server_may_take_as_long_as_its_readiness_probe(server: Server, hasty: Probes, told: Told):
    server.pause = 0.6
    assert not await answered(hasty, told, a_revision(server.port))
    slow = a_revision(server.port, name="fraud-2", readiness={"timeoutSeconds": 3})
    assert await answered(hasty, told, slow)


async def test_those_that_take_long_leave_room_for_others(server: Server, hasty: Probes, told: Told):
    asked: list[asyncio.StreamWriter] = []

    async def never_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(writer)
        await asyncio.Event().wait()

    blackhole = await asyncio.start_server(never_answers, "127.0.0.1", 0)
    slow = a_revision(blackhole.sockets[0].getsockname()[1], readiness={"timeoutSeconds": 300})
    for number in range(AT_ONCE):
        hasty.answer(("risk", f"slow-{number}"), slow, pods)
    async with asyncio.timeout(10):
        while not asked:  # noqa: ASYNC110 - a socket sets no event
            await asyncio.sleep(0.01)
    assert await answered(hasty, told, a_revision(server.port))
    blackhole.close()

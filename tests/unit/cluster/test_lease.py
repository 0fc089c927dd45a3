"""cluster/lease.py where a Lease is deleted or replaced under its leader; all else is tested on a real API server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from typing import Any

from fairlead.cluster.errors import Conflict, NotFound
from fairlead.cluster.lease import Lease, Terms

SHORT = Terms(duration=timedelta(seconds=1), renew_deadline=timedelta(seconds=0.7), retry=timedelta(seconds=0.1))


class Server:
    """The one Lease of an API server, with the two rules that matter: a version has to match, and a name is taken."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.version = 0

    def write(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        self.version += 1
        self.lease = {"metadata": {"resourceVersion": str(self.version)}, "spec": dict(spec)}
        return self.lease

    def answer(self, method: str, body: Mapping[str, Any]) -> dict[str, Any]:
        if method == "POST":
            if self.lease is not None:
                raise Conflict("there is one", status=409)
            return self.write(body["spec"])
        if self.lease is None:
            raise NotFound("there is none", status=404)
        if method == "GET":
            return self.lease
        if body["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            raise Conflict("it has changed", status=409)
        return self.write(self.lease["spec"] | body["spec"])


class Line:
    """A candidate's line to the server; what it asks waits while the line is `cut`."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.open = asyncio.Event()
        self.open.set()
        self.before: Callable[[str], object] = lambda method: None
        self.waiting = 0
        """How many requests wait for the line to be open."""
        self.seen: list[str] = []
        """Who held the lease, by each answer."""

    async def request(self, method: str, path: str, body: Mapping[str, Any] | None = None, **_: Any) -> dict[str, Any]:
        await asyncio.sleep(0)
        self.waiting += 1
        await self.open.wait()
        self.waiting -= 1
        self.before(method)
        answer = self.server.answer(method, body or {})
        self.seen.append(answer["spec"].get("holderIdentity", ""))
        return answer


class Work:
    """How often it has begun."""

    def __init__(self) -> None:
        self.begun = 0

    async def __call__(self) -> None:
        self.begun += 1
        await asyncio.Event().wait()


def a_candidate(line: Line, identity: str) -> Lease:
    return Lease(connection=line, namespace="n", name="l", identity=identity, terms=SHORT, jitter=lambda: 0.0)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def running(lease: Lease, work: Work | None = None) -> AsyncIterator[None]:
    task = asyncio.create_task(lease.run(work or Work()))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,), timeout=5)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - a lease tells nobody
            await asyncio.sleep(0.01)


async def test_a_deleted_lease_is_waited_out_by_whoever_has_seen_it():
    server = Server()
    leader_line, standby_line = Line(server), Line(server)
    leader, standby = a_candidate(leader_line, "leader"), a_candidate(standby_line, "standby")
    async with running(leader):
        await until(leader.held)
        async with running(standby):
            await until(lambda: "leader" in standby_line.seen)
            leader_line.open.clear()  # its renewals hang, and it may write until its deadline
            server.lease = None
            while leader.held():
                assert not standby.held()
                await asyncio.sleep(0.01)
            await until(standby.held)
            leader_line.open.set()


async def test_a_leader_makes_a_deleted_lease_anew_and_goes_on():
    server, work = Server(), Work()
    lease = a_candidate(Line(server), "leader")
    async with running(lease, work):
        await until(lease.held)
        server.lease = None
        await until(lambda: server.lease is not None)
        assert server.lease is not None
        assert server.lease["spec"]["holderIdentity"] == "leader"
        await asyncio.sleep(SHORT.duration.total_seconds())
        assert lease.held()
        assert work.begun == 1


async def test_a_leader_whose_lease_was_replaced_writes_nothing_from_the_first_refused_renewal_on():
    server = Server()
    line = Line(server)
    lease = a_candidate(line, "leader")
    async with running(lease):
        await until(lease.held)
        seen: list[tuple[str, bool]] = []
        line.before = lambda method: seen.append((method, lease.held()))
        server.write({"holderIdentity": "another", "leaseDurationSeconds": 60})
        await until(lambda: len(seen) >= 3)
        assert seen[:2] == [("PATCH", True), ("GET", False)]
        assert not any(held for _, held in seen[1:])


async def test_a_deleted_lease_is_not_made_anew_by_one_that_stops():
    server = Server()
    line = Line(server)
    lease = a_candidate(line, "leader")
    stopping = asyncio.create_task(lease.run(Work()))
    await until(lease.held)
    line.open.clear()
    await until(lambda: line.waiting == 1)  # a renewal is under way, so it has to look before it gives the lease back
    server.lease = None
    stopping.cancel()
    await asyncio.sleep(0)  # it hears of that before the line is open
    line.open.set()
    await asyncio.wait((stopping,), timeout=5)
    assert server.lease is None

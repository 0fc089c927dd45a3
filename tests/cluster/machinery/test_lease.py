"""The lease on a real API server: between processes that are killed and stopped, and against a server that fails."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cluster.machinery.eventually import stays, until
from cluster.machinery.faulty import FaultyProxy
from cluster.machinery.processes import SOON, Process, Spawn, says
from fairlead.api.kinds import LEASE, SERVICE_ACCOUNT
from fairlead.cluster.client import Client
from fairlead.cluster.connection import Connection
from fairlead.cluster.errors import NotFound
from fairlead.cluster.lease import Lease, Terms

SHORT = Terms(duration=timedelta(seconds=3), renew_deadline=timedelta(seconds=2), retry=timedelta(seconds=0.4))

Start = Callable[[str], Awaitable[Process]]


@pytest.fixture
def start(spawn: Spawn, kubeconfig: Path, namespace: str) -> Start:
    async def start(identity: str) -> Process:
        return await spawn("candidate.py", str(kubeconfig), namespace, identity)

    return start


async def writes(client: Client, namespace: str, candidate: str) -> int:
    """How often a candidate has written."""
    found = await client.get_metadata(SERVICE_ACCOUNT, namespace, candidate)
    return int(found["metadata"]["annotations"]["writes"])


async def renewed(connection: Connection, namespace: str, times: int) -> None:
    """Waits until the lease has been renewed so many times."""
    seen: set[str] = set()
    async with asyncio.timeout(30):
        while len(seen) <= times:
            seen.add((await lease_in(connection, namespace))["spec"]["renewTime"])
            await asyncio.sleep(0.1)


TAKEOVER = timedelta(seconds=15)


async def test_leaders_that_die_or_sleep_are_replaced_and_never_write_again(
    client: Client, connection: Connection, namespace: str, start: Start
):
    first = await start("first")
    await says(first, "leading", SOON)
    second = await start("second")
    await renewed(connection, namespace, times=2)  # so that the second has seen that the first one lives
    first.kill()
    await says(second, "leading", TAKEOVER)

    third = await start("third")
    await renewed(connection, namespace, times=2)
    second.send_signal(signal.SIGSTOP)
    await says(third, "leading", TAKEOVER)  # seconds later: what the second one had sent before has arrived
    written = await writes(client, namespace, "second")
    second.send_signal(signal.SIGCONT)
    before = await writes(client, namespace, "third")
    while await writes(client, namespace, "third") < before + 20:  # it writes ten times a second
        assert await writes(client, namespace, "second") == written

    third.send_signal(signal.SIGTERM)
    await says(third, "done", SOON)
    # Given back, so there is nothing to wait for but the next try.
    await says(second, "leading", timedelta(seconds=4))


def a_candidate(
    connection: Connection, namespace: str, identity: str = "us", terms: Terms = SHORT, **more: Any
) -> Lease:
    return Lease(connection=connection, namespace=namespace, name="fairlead", identity=identity, terms=terms, **more)


class Work:
    """Notes when it runs; ends only when it is cancelled, after as many seconds as it is told to take for that."""

    def __init__(self, last_words: float = 0.0) -> None:
        self.began = asyncio.Event()
        self.ended = asyncio.Event()
        self.last_words = last_words

    async def __call__(self) -> None:
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(self.last_words)
            self.ended.set()


async def wait(event: asyncio.Event, within: float) -> None:
    async with asyncio.timeout(within):
        await event.wait()


async def lease_in(connection: Connection, namespace: str) -> dict[str, Any]:
    return await connection.request("GET", LEASE.path(namespace, "fairlead"))


async def test_a_leader_that_is_cut_off_stops_before_its_lease_ends(
    connection: Connection, through_proxy: Connection, proxy: FaultyProxy, namespace: str
):
    lease, work = a_candidate(through_proxy, namespace), Work()
    running = asyncio.create_task(lease.run(work))
    await wait(work.began, 5)
    assert lease.held()
    proxy.down = True
    cut_off = time.monotonic()
    await wait(work.ended, SHORT.duration.total_seconds())
    assert time.monotonic() - cut_off < SHORT.duration.total_seconds()
    assert not lease.held()
    # Nobody has taken it, so it leads again when it is let in.
    work.began.clear()
    proxy.down = False
    await wait(work.began, 5)
    running.cancel()
    await asyncio.wait((running,))


async def test_a_leader_finishes_in_peace_and_gives_the_lease_back(connection: Connection, namespace: str):
    lease, work = a_candidate(connection, namespace), Work(last_words=SHORT.duration.total_seconds() + 1)
    running = asyncio.create_task(lease.run(work))
    await wait(work.began, 5)
    running.cancel()
    await stays(lease.held, SHORT.duration)
    assert (await lease_in(connection, namespace))["spec"]["holderIdentity"] == "us"
    await asyncio.wait((running,))
    assert work.ended.is_set()
    assert not lease.held()
    assert not (await lease_in(connection, namespace))["spec"].get("holderIdentity")


async def test_a_leader_whose_lease_was_given_to_another_stops(connection: Connection, namespace: str):
    lease, work = a_candidate(connection, namespace), Work()
    running = asyncio.create_task(lease.run(work))
    await wait(work.began, 5)
    await connection.request(
        "PATCH",
        LEASE.path(namespace, "fairlead"),
        body={"spec": {"holderIdentity": "another", "leaseDurationSeconds": 60}},
        content_type="application/merge-patch+json",
    )
    await wait(work.ended, 2)
    assert not lease.held()
    running.cancel()
    await asyncio.wait((running,))
    assert (await lease_in(connection, namespace))["spec"]["holderIdentity"] == "another"


async def test_a_foreign_label_on_the_lease_is_no_loss_and_is_kept(connection: Connection, namespace: str):
    lease, work = a_candidate(connection, namespace), Work()
    running = asyncio.create_task(lease.run(work))
    await wait(work.began, 5)
    await connection.request(
        "PATCH",
        LEASE.path(namespace, "fairlead"),
        body={"metadata": {"labels": {"team": "platform"}}},
        content_type="application/merge-patch+json",
    )
    # For a moment nothing is written, until the lease is seen to be still its own; the work goes on all the while.
    await stays(lambda: not work.ended.is_set(), SHORT.duration)
    await until(lease.held, SHORT.duration.total_seconds())
    assert (await lease_in(connection, namespace))["metadata"]["labels"] == {"team": "platform"}
    running.cancel()
    await asyncio.wait((running,))


async def test_of_many_candidates_one_leads(connection: Connection, namespace: str):
    leases = [a_candidate(connection, namespace, f"candidate-{n}") for n in range(5)]
    works = [Work() for _ in leases]
    running = [asyncio.create_task(lease.run(work)) for lease, work in zip(leases, works, strict=True)]
    await stays(lambda: sum(lease.held() for lease in leases) <= 1, SHORT.duration)
    assert sum(work.began.is_set() for work in works) == 1
    for task in running:
        task.cancel()
    await asyncio.wait(running)


async def test_a_broken_work_ends_the_run_and_gives_the_lease_back(connection: Connection, namespace: str):
    async def broken() -> None:
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        await a_candidate(connection, namespace).run(broken)
    assert not (await lease_in(connection, namespace))["spec"].get("holderIdentity")


async def test_a_candidate_that_may_not_read_leases_waits(
    through_proxy: Connection, proxy: FaultyProxy, namespace: str
):
    proxy.token = "nobody"
    running = asyncio.create_task(a_candidate(through_proxy, namespace).run(Work()))
    await until(lambda: len(proxy.seen) >= 2)
    assert not running.done()
    running.cancel()
    await asyncio.wait((running,))
    proxy.token = None
    with pytest.raises(NotFound):
        await lease_in(through_proxy, namespace)


@pytest.mark.parametrize(("duration", "renew_deadline", "retry"), [(7, 7, 2), (10, 4, 2), (10, 7, 0)])
def test_terms_that_are_no_lease_are_refused(duration: int, renew_deadline: int, retry: int):
    with pytest.raises(ValueError, match="renew deadline"):
        Terms(
            duration=timedelta(seconds=duration),
            renew_deadline=timedelta(seconds=renew_deadline),
            retry=timedelta(seconds=retry),
        )

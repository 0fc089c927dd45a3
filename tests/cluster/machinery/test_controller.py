"""The controller with a real lease and real lists; what the watches would bring is told by the tests."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cluster.machinery.eventually import stays, until
from fairlead.api.kinds import SERVICE, SERVICE_ACCOUNT, Kind
from fairlead.cluster.client import Client
from fairlead.cluster.connection import Connection
from fairlead.cluster.controller import Controller, Pace, Reconcile
from fairlead.cluster.lease import Lease, Terms
from fairlead.cluster.metrics import Metrics
from fairlead.cluster.queue import WorkQueue
from fairlead.cluster.store import Key, Store, key_of

SHORT = Terms(duration=timedelta(seconds=3), renew_deadline=timedelta(seconds=2), retry=timedelta(seconds=0.4))
QUICK = Pace(
    workers=2,
    limit=timedelta(seconds=1),
    grace=timedelta(seconds=2),
    resync=timedelta(seconds=0.5),
    poll=timedelta(seconds=0.05),
    relist=timedelta(seconds=0.5),
)

Build = Callable[..., Controller]


@pytest.fixture
def build(connection: Connection, client: Client, namespace: str, metrics: Metrics) -> Build:
    def build(reconcile: Reconcile, pace: Pace = QUICK, extra: tuple[Kind, ...] = ()) -> Controller:
        kinds = (SERVICE_ACCOUNT, *extra)
        return Controller(
            stores=[Store(kind, slim=dict, owner_of=key_of) for kind in kinds],
            selectors=dict.fromkeys(kinds, f"in={namespace}"),  # only what this test has made
            reconcile=reconcile,
            client=client,
            lease=Lease(connection=connection, namespace=namespace, name="fairlead", identity="us", terms=SHORT),
            queue=WorkQueue(),
            metrics=metrics,
            pace=pace,
        )

    return build


async def account(client: Client, namespace: str, name: str) -> dict[str, Any]:
    metadata = {"namespace": namespace, "name": name, "labels": {"in": namespace}}
    return await client.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})


@contextlib.asynccontextmanager
async def running(controller: Controller) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(controller.run())
    yield task
    task.cancel()
    await asyncio.wait((task,))


def noted(into: list[Key]) -> Callable[[Key], Awaitable[None]]:
    async def reconcile(key: Key) -> None:
        into.append(key)

    return reconcile


async def test_nothing_is_reconciled_before_the_cache_is_complete(build: Build, client: Client, namespace: str):
    looked_at: list[Key] = []
    controller = build(noted(looked_at))
    one, two = [await account(client, namespace, name) for name in ("one", "two")]
    async with running(controller):
        controller.observe(SERVICE_ACCOUNT, None, one)
        await stays(lambda: not looked_at and not controller.synced, timedelta(seconds=1))
        controller.observe(SERVICE_ACCOUNT, None, two)
        await until(lambda: len(looked_at) == 2)
        assert controller.synced


async def test_an_object_that_was_deleted_while_we_waited_for_it_is_not_waited_for(
    build: Build, client: Client, namespace: str
):
    controller = build(noted([]))
    uid = (await account(client, namespace, "one"))["metadata"]["uid"]
    async with running(controller):
        await asyncio.sleep(0.3)
        await client.delete(SERVICE_ACCOUNT, namespace, "one", uid)
        await until(lambda: controller.synced)


async def test_a_kind_that_is_not_served_is_an_empty_one(build: Build):
    controller = build(noted([]), extra=(Kind("nowhere.fairlead.dev", "v1", "Nothing", "nothings"),))
    async with running(controller):
        await until(lambda: controller.synced)


async def test_a_poisoned_key_blocks_nobody_and_is_tried_again(
    build: Build, client: Client, namespace: str, metrics: Metrics, caplog: pytest.LogCaptureFixture
):
    looked_at: list[str] = []

    async def reconcile(key: Key) -> None:
        looked_at.append(key[1])
        if key[1] == "poison":
            raise ArithmeticError("no such number")

    controller = build(reconcile)
    caplog.set_level(logging.INFO)
    async with running(controller):
        for name in ("poison", "one", "two"):
            controller.observe(SERVICE_ACCOUNT, None, await account(client, namespace, name))
        await until(lambda: looked_at.count("poison") >= 2 and {"one", "two"} <= set(looked_at))
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == looked_at.count("poison")
    assert "ArithmeticError: no such number; again in 0." in errors[0].getMessage()
    counted = metrics.registry.get_sample_value("fairlead_reconciles_total", {"result": "ArithmeticError"})
    assert counted == looked_at.count("poison")


async def test_a_full_queue_of_looks_that_wait_for_nothing_holds_nobody_up(build: Build):
    looked_at: list[Key] = []
    turns: list[int] = []

    async def reconcile(key: Key) -> None:
        looked_at.append(key)  # as for a model that is as it should be: nothing to write, nothing to wait for

    async def somebody_else() -> None:  # the renewal of the lease, say
        while len(looked_at) < 500:
            turns.append(len(looked_at))
            await asyncio.sleep(0)

    controller = build(reconcile)
    async with running(controller):
        await until(lambda: controller.synced and controller.lease.held())
        for number in range(500):
            controller.queue.add(("somewhere", f"model-{number}"))
        await asyncio.wait_for(somebody_else(), 30)
    assert len(set(turns)) > 10, "all looks were one step"


async def test_a_hanging_reconciliation_is_given_up(build: Build, client: Client, namespace: str):
    looked_at: list[Key] = []

    async def reconcile(key: Key) -> None:
        looked_at.append(key)
        await asyncio.Event().wait()

    controller = build(reconcile, replace(QUICK, limit=timedelta(seconds=0.1)))
    async with running(controller):
        controller.observe(SERVICE_ACCOUNT, None, await account(client, namespace, "one"))
        await until(lambda: len(looked_at) >= 2)


async def test_looks_again_when_it_was_asked_to(build: Build, client: Client, namespace: str):
    looked_at: list[Key] = []

    async def reconcile(key: Key) -> timedelta | None:
        looked_at.append(key)
        return timedelta(seconds=0.1) if len(looked_at) < 3 else None

    controller = build(reconcile)
    async with running(controller):
        controller.observe(SERVICE_ACCOUNT, None, await account(client, namespace, "one"))
        await until(lambda: len(looked_at) == 3)
        await stays(lambda: len(looked_at) == 3, timedelta(seconds=0.3))


async def test_a_deletion_that_no_watch_told_of_comes_to_light(build: Build, client: Client, namespace: str):
    looked_at: list[Key] = []
    controller = build(noted(looked_at))
    made = await account(client, namespace, "one")
    controller.observe(SERVICE_ACCOUNT, None, made)
    async with running(controller):
        await until(lambda: len(looked_at) == 1)
        await client.delete(SERVICE_ACCOUNT, namespace, "one", made["metadata"]["uid"])
        await until(lambda: len(looked_at) == 2)
        assert len(controller.stores[0]) == 0


async def test_what_is_under_way_is_finished_before_the_end(build: Build, client: Client, namespace: str):
    finished: list[Key] = []
    began = asyncio.Event()

    async def reconcile(key: Key) -> None:
        began.set()
        await asyncio.sleep(0.5)
        finished.append(key)

    controller = build(reconcile, replace(QUICK, workers=1))
    for name in ("one", "two"):
        controller.observe(SERVICE_ACCOUNT, None, await account(client, namespace, name))
    async with running(controller):
        await began.wait()
    assert len(finished) == 1  # the one that was under way, and no other
    assert not controller.lease.held()


async def test_what_does_not_finish_in_time_is_cut_off(build: Build, client: Client, namespace: str):
    began = asyncio.Event()

    async def reconcile(key: Key) -> None:
        began.set()
        await asyncio.Event().wait()

    controller = build(reconcile, replace(QUICK, limit=timedelta(minutes=1), grace=timedelta(seconds=0.2)))
    controller.observe(SERVICE_ACCOUNT, None, await account(client, namespace, "one"))
    async with asyncio.timeout(5):
        async with running(controller):
            await began.wait()
    assert not controller.lease.held()


async def test_a_standby_is_warm_and_looks_at_everything_when_it_takes_over(
    build: Build, client: Client, connection: Connection, namespace: str
):
    looked_at: list[Key] = []
    leader = Lease(connection=connection, namespace=namespace, name="fairlead", identity="another", terms=SHORT)
    leading = asyncio.create_task(leader.run(lambda: asyncio.sleep(3600)))
    await until(leader.held)
    controller = build(noted(looked_at), extra=(SERVICE,))
    async with running(controller):
        controller.observe(SERVICE_ACCOUNT, None, await account(client, namespace, "one"))
        await until(lambda: controller.synced)
        await stays(lambda: not looked_at, timedelta(seconds=0.5))
        leading.cancel()
        await until(lambda: looked_at == [(namespace, "one")])

"""cluster/controller.py: when and in which order models are looked at, and what is not missed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from fairlead.api.kinds import MODEL_DEPLOYMENT
from fairlead.cluster.controller import Controller, Pace, Reconcile
from fairlead.cluster.errors import Rejected, ServerFault
from fairlead.cluster.metrics import Metrics
from fairlead.cluster.queue import FIRST_RETRY, WorkQueue
from fairlead.cluster.reader import Listing
from fairlead.cluster.store import Key, Store, key_of


class Cluster:
    """What exists, by name."""

    def __init__(self) -> None:
        self.models: dict[str, dict[str, Any]] = {}

    def put(self, name: str, version: int = 1) -> dict[str, Any]:
        metadata = {"namespace": "risk", "name": name, "uid": f"uid-{name}", "resourceVersion": str(version)}
        self.models[name] = {"metadata": metadata, "spec": {"version": version}}
        return self.models[name]

    async def list_metadata(self, *_: Any, **__: Any) -> Listing:
        found = self.models.values()
        return Listing(
            uids={key_of(model): model["metadata"]["uid"] for model in found},
            versions={key_of(model): int(model["metadata"]["resourceVersion"]) for model in found},
            version=100,
        )

    async def get(self, kind: Any, namespace: str, name: str) -> dict[str, Any]:
        return self.models[name]


class Leadership:
    """Leads from when the test says so."""

    def __init__(self) -> None:
        self.begins = asyncio.Event()
        self.may_write = True

    def held(self) -> bool:
        return self.begins.is_set() and self.may_write

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        await self.begins.wait()
        await work()


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def lease() -> Leadership:
    return Leadership()


def nothing() -> None:
    """Nothing is remembered here."""


@contextlib.asynccontextmanager
async def running(
    cluster: Cluster, lease: Leadership, reconcile: Reconcile, leads: Callable[[], None] = nothing
) -> AsyncIterator[Controller]:
    controller = Controller(
        stores=[Store(MODEL_DEPLOYMENT, slim=dict, owner_of=key_of)],
        reconcile=reconcile,
        client=cluster,  # type: ignore[arg-type]
        lease=lease,  # type: ignore[arg-type]
        queue=WorkQueue(),
        metrics=Metrics(),
        forgets=leads,
        pace=Pace(workers=1),
    )
    for model in cluster.models.values():
        controller.observe(MODEL_DEPLOYMENT, None, model)
    task = asyncio.create_task(controller.run())
    try:
        async with asyncio.timeout(5):
            while not controller.synced:  # noqa: ASYNC110
                await asyncio.sleep(0)
        yield controller
    finally:
        task.cancel()
        await asyncio.wait((task,))


class Looks:
    """Notes what is looked at; each look lasts until the test lets it end."""

    def __init__(self) -> None:
        self.at: list[str] = []
        self._turns = asyncio.Semaphore(0)

    async def __call__(self, key: Key) -> None:
        self.at.append(key[1])
        await self._turns.acquire()

    async def go_on(self, count: int) -> None:
        for _ in range(count):
            self._turns.release()
        for _ in range(100):
            await asyncio.sleep(0)


async def test_a_change_goes_ahead_of_the_first_look_at_all_models(cluster: Cluster, lease: Leadership):
    looks = Looks()
    for name in ("a", "b", "c"):
        cluster.put(name)
    async with running(cluster, lease, looks) as controller:
        lease.begins.set()
        await looks.go_on(0)
        assert looks.at == ["a"]
        controller.observe(MODEL_DEPLOYMENT, "ADDED", cluster.put("new"))
        controller.observe(MODEL_DEPLOYMENT, "MODIFIED", cluster.put("c", version=2))
        await looks.go_on(4)
        assert looks.at == ["a", "new", "c", "b"]


async def test_what_happens_while_the_leader_makes_sure_of_its_lease_is_not_missed(cluster: Cluster, lease: Leadership):
    looks = Looks()
    async with running(cluster, lease, looks) as controller:
        lease.begins.set()
        await looks.go_on(1)
        lease.may_write = False
        controller.observe(MODEL_DEPLOYMENT, "ADDED", cluster.put("new"))
        lease.may_write = True
        await looks.go_on(1)
        assert looks.at == ["new"]


async def test_whoever_begins_to_lead_forgets_what_it_knew_before_it_looks(cluster: Cluster, lease: Leadership):
    looks = Looks()
    cluster.put("a")
    async with running(cluster, lease, looks, leads=lambda: looks.at.append("forgotten")):
        assert looks.at == []
        lease.begins.set()
        await looks.go_on(1)
        assert looks.at == ["forgotten", "a"]


async def test_a_standby_remembers_nothing(cluster: Cluster, lease: Leadership):
    async with running(cluster, lease, Looks()) as controller:
        controller.observe(MODEL_DEPLOYMENT, "ADDED", cluster.put("new"))
        assert len(controller.queue) == 0


async def test_a_new_leader_lets_go_of_models_whose_deletion_no_watch_has_told(cluster: Cluster, lease: Leadership):
    looks = Looks()
    for name in ("gone", "here"):
        cluster.put(name)
    async with running(cluster, lease, looks) as controller:
        del cluster.models["gone"]
        lease.begins.set()
        await looks.go_on(5)
        assert list(controller.stores[0]) == [("risk", "here")]
        assert looks.at == ["gone", "here"], "the one that is gone too: a probe of it may be running"


async def test_a_refusal_does_not_put_off_what_is_due_earlier(cluster: Cluster, lease: Leadership):
    looks: list[float] = []
    twice = asyncio.Event()

    async def reconcile(key: Key) -> None:
        looks.append(asyncio.get_running_loop().time())
        if len(looks) > 1:
            twice.set()
            return
        raise Rejected("the name is taken", look_again=timedelta(milliseconds=20))

    cluster.put("fraud")
    async with running(cluster, lease, reconcile), asyncio.timeout(10):
        lease.begins.set()
        await twice.wait()
    assert looks[1] - looks[0] < FIRST_RETRY.total_seconds()


async def test_who_leads_again_counts_from_then(cluster: Cluster, lease: Leadership):
    twice = asyncio.Event()
    looks: list[Key] = []

    async def fails(key: Key) -> None:
        looks.append(key)
        if len(looks) > 1:
            twice.set()
        raise ServerFault("no answer")

    cluster.put("fraud")
    async with running(cluster, lease, fails) as controller, asyncio.timeout(10):
        metrics = controller.metrics
        metrics.looks.follow(queue=controller.queue, leading=lease.held)
        metrics.looks.over(("risk", "gone"), "ServerFault", 0.1)
        lease.begins.set()
        await twice.wait()
        assert metrics.registry.get_sample_value("fairlead_failing_models", {"result": "ServerFault"}) == 1

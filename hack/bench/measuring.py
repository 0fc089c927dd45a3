"""One measurement: N models, from their creation to a restart of the operator. Says nothing about how to print it."""

import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.controlplane import PROGRAMS, ControlPlane, control_plane, free_port
from bench.copying import copy
from bench.operating import Audit, Operator, Requests
from bench.world import World, name_of, namespace_of, watched, world
from fairlead.api.kinds import CONTROLLER_REVISION, MODEL_DEPLOYMENT
from fairlead.api.names import MODEL

Progress = Callable[[str], None]

WARM_UP = 10
"""Models before the first that counts: a fresh API server takes seconds for the first object of a kind."""
MORE = 100
"""Models that are created when copies are there."""
ONE_BY_ONE = 20
PATIENCE = 180  # seconds without any progress
TELL_EVERY = 60  # seconds
IDLE, LOOK = 0.3, 5  # CPU seconds of all of Kubernetes in a second, when nothing happens; seconds between two looks
SETTLED = 5  # seconds without a reconciliation


@dataclass(kw_only=True)
class Figures:
    """What was measured. Times in seconds, memory in MiB; CPU is that of the operator's process alone."""

    models: int
    quiet: int
    created: int
    known: int = 0
    empty_memory: float = 0.0
    empty_cpu: float = 0.0
    deployment: list[float] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)
    created_in: float = 0.0
    all_ready: float = 0.0
    creation: Requests = field(default_factory=Requests)
    creation_cpu: float = 0.0
    creation_looks: int = 0
    api_server_cpu: float = 0.0
    one_deployment: list[float] = field(default_factory=list)
    one_ready: list[float] = field(default_factory=list)
    quiet_requests: Requests = field(default_factory=Requests)
    quiet_cpu: float = 0.0
    quiet_looks: int = 0
    memory: float = 0.0
    peak: float = 0.0
    restart_synced: float = 0.0
    restart_synced_cpu: float = 0.0
    restart_done: float = 0.0
    restart_cpu: float = 0.0
    restart_requests: Requests = field(default_factory=Requests)
    restart_slowest: float = 0.0
    restart_terms: int = 0
    restart_memory: float = 0.0
    restart_peak: float = 0.0


@dataclass(kw_only=True)
class Stage:
    """What a measurement works with."""

    plane: ControlPlane
    world: World
    operator: Operator
    audit: Audit
    progress: Progress


def measure(models: int, quiet: int, *, copied: bool, progress: Progress) -> Figures:
    """Measures once, on a control plane that is made for it; `quiet` is how many seconds are quiet.

    With `copied` the models are there before the operator starts, and what a new one costs is measured on a few more.
    """
    figures = Figures(models=models, quiet=quiet, created=MORE if copied else models)
    with TemporaryDirectory(prefix="fairlead-bench-") as folder, control_plane(Path(folder), progress) as plane:
        asyncio.run(_measure(figures, plane, copied, progress))
    return figures


async def _measure(figures: Figures, plane: ControlPlane, copied: bool, progress: Progress) -> None:
    port = free_port()
    operator = Operator(plane.operator, plane.folder, namespaces="", http_port=port, settings=_settings(port))
    async with world(plane.admin) as cluster:
        await cluster.prepare(WARM_UP + figures.models + MORE + ONE_BY_ONE)
        stage = Stage(plane=plane, world=cluster, operator=operator, audit=Audit(plane.audit_log), progress=progress)
        try:
            operator.start()
            await _warm_up(figures, stage)
            if copied:
                await _copy(figures, stage)
                await _restart(figures, stage)
                await _grow(figures, stage, first=WARM_UP + figures.models)
                await _quiet(figures, stage)
            else:
                await _grow(figures, stage, first=WARM_UP)
                await _quiet(figures, stage)
                operator.terminate()
                await _restart(figures, stage)
        finally:
            operator.kill()


async def _warm_up(figures: Figures, stage: Stage) -> None:
    operator = stage.operator
    await until(lambda: operator.metric("fairlead_leader") == 1, "the operator leads")
    figures.empty_memory, figures.empty_cpu = operator.memory(), operator.cpu_seconds()
    async with watched(stage.world):
        await stage.world.create(range(WARM_UP))
        await _all_ready(WARM_UP, stage)
    await _settled(operator)
    figures.known = WARM_UP


async def _copy(figures: Figures, stage: Stage) -> None:
    """Has many models be there, with nobody at work."""
    stage.progress("making copies of a model")
    path = CONTROLLER_REVISION.path(namespace_of(0))
    selector = {"labelSelector": f"{MODEL}={name_of(0)}"}
    revisions = await stage.world.connection.request("GET", path, params=selector)
    stage.operator.terminate()
    stage.plane.stop(but="etcd")
    await copy(stage.plane.etcd, 0, revisions["items"][0], range(WARM_UP, WARM_UP + figures.models))
    stage.plane.start_kubernetes()
    await stage.world.answers(MODEL_DEPLOYMENT.path(namespace_of(0)))
    await _calm(stage.plane)
    figures.known += figures.models


async def _calm(plane: ControlPlane) -> None:
    """Waits until Kubernetes has read everything."""
    cpu, fallen = plane.cpu_seconds(*PROGRAMS), False
    while not fallen:
        await asyncio.sleep(LOOK)
        before, cpu = cpu, plane.cpu_seconds(*PROGRAMS)
        fallen = cpu - before < IDLE * LOOK


async def _grow(figures: Figures, stage: Stage, first: int) -> None:
    """New models: many at once, then one by one."""
    async with watched(stage.world):
        await _create(figures, stage, range(first, first + figures.created))
        await _one_by_one(figures, stage, first + figures.created)
    figures.known += figures.created + ONE_BY_ONE


def _settings(port: int) -> dict[str, str]:
    return {"FAIRLEAD_HTTP_PORT": str(port), "FAIRLEAD_OPERATOR_NAMESPACE": "fairlead-system"}


async def _create(figures: Figures, stage: Stage, numbers: range) -> None:
    """All at once."""
    stage.progress(f"creating {len(numbers)} models at once")
    stage.world.forget()
    stage.audit.since_last()
    operator, plane = stage.operator, stage.plane
    cpu, looks, began = operator.cpu_seconds(), operator.reconciles(), time.monotonic()
    others = plane.cpu_seconds("kube-apiserver")
    await stage.world.create(numbers)
    figures.created_in = time.monotonic() - began
    await _all_ready(len(numbers), stage)
    figures.all_ready = max(stage.world.ready.values()) - began
    await _settled(operator)
    figures.deployment, figures.ready = stage.world.deployment_seconds(), stage.world.ready_seconds()
    figures.creation = stage.audit.since_last()
    figures.creation_cpu = operator.cpu_seconds() - cpu
    figures.creation_looks = operator.reconciles() - looks
    figures.api_server_cpu = plane.cpu_seconds("kube-apiserver") - others


async def _all_ready(models: int, stage: Stage) -> None:
    deployed, ready = stage.world.deployed, stage.world.ready
    seen, since, told = 0, time.monotonic(), time.monotonic()
    while len(ready) < models:
        await asyncio.sleep(0.2)
        stage.plane.check()
        now = time.monotonic()
        if len(deployed) + len(ready) > seen:
            seen, since = len(deployed) + len(ready), now
        if now - since > PATIENCE:
            raise RuntimeError(f"only {len(ready)} of {models} are ready, and nothing happens since {PATIENCE} s")
        if now - told > TELL_EVERY:
            stage.progress(f"{len(deployed)} Deployments, {len(ready)} ready")
            told = now


async def _one_by_one(figures: Figures, stage: Stage, first: int) -> None:
    """A few more models, each when the one before is ready: what one user waits."""
    stage.progress(f"creating {ONE_BY_ONE} more, one by one")
    cluster = stage.world
    cluster.forget()
    for number in range(first, first + ONE_BY_ONE):
        await cluster.create(range(number, number + 1))
        await until(lambda: len(cluster.ready) == len(cluster.applied), "one more model is ready", every=0.02)
    figures.one_deployment, figures.one_ready = cluster.deployment_seconds(), cluster.ready_seconds()


async def _quiet(figures: Figures, stage: Stage) -> None:
    operator = stage.operator
    await _settled(operator)
    stage.progress(f"quiet for {figures.quiet} s")
    stage.audit.since_last()
    cpu, looks = operator.cpu_seconds(), operator.reconciles()
    await asyncio.sleep(figures.quiet)
    figures.quiet_cpu = operator.cpu_seconds() - cpu
    figures.quiet_looks = operator.reconciles() - looks
    figures.quiet_requests = stage.audit.since_last()
    figures.memory, figures.peak = operator.memory(), operator.peak()


async def _restart(figures: Figures, stage: Stage) -> None:
    stage.progress("starting the operator again")
    stage.audit.since_last()
    operator, began = stage.operator, time.monotonic()
    terms = operator.terms()
    operator.start(wait=False)
    await until(operator.is_ready, "the operator is ready again")
    figures.restart_synced, figures.restart_synced_cpu = time.monotonic() - began, operator.cpu_seconds()
    await until(lambda: operator.reconciles() >= figures.known and not operator.waiting(), "all models were looked at")
    figures.restart_done, figures.restart_cpu = time.monotonic() - began, operator.cpu_seconds()
    stage.progress(f"quiet for {figures.quiet} s after the restart")
    await asyncio.sleep(figures.quiet)
    figures.restart_requests = stage.audit.since_last()
    figures.restart_slowest, figures.restart_terms = operator.slowest, operator.terms() - terms
    figures.restart_memory, figures.restart_peak = operator.memory(), operator.peak()
    stage.progress(
        f"ready after {figures.restart_synced:.1f} s, all looked at after {figures.restart_done:.1f} s and"
        f" {figures.restart_cpu:.1f} CPU seconds, {figures.restart_requests.writes} writes,"
        f" {figures.restart_peak:.0f} MiB at most, led {figures.restart_terms} times,"
        f" slowest answer {figures.restart_slowest:.1f} s"
    )


async def _settled(operator: Operator) -> None:
    """Waits until nothing is looked at any more."""
    looks, since = operator.reconciles(), time.monotonic()
    while time.monotonic() - since < SETTLED:
        await asyncio.sleep(0.5)
        if (now := operator.reconciles()) != looks:
            looks, since = now, time.monotonic()


async def until(look: Callable[[], bool], what: str, every: float = 0.25) -> None:
    """Waits for something, and raises RuntimeError when it is not so after half an hour."""
    deadline = time.monotonic() + 10 * PATIENCE
    while not look():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: still not so after {10 * PATIENCE} s")
        await asyncio.sleep(every)


def quantile(values: list[float], percent: int) -> float:
    """The percentile of sorted values."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]

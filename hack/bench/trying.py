"""One measurement: N canaries on trial at once, from the change of their specs to their promotion."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.controlplane import control_plane, free_port
from bench.measuring import until
from bench.operating import Audit, Operator, Requests
from bench.pages import ADDRESSES, pretended
from bench.world import Object, World, a_model, world
from fairlead.api.kinds import MODEL_DEPLOYMENT
from models import METRICS, SLO

REPLICAS = 3
WATCHED = 60  # seconds in which all trials are on
TICK = 5  # seconds


@dataclass(kw_only=True)
class Figures:
    """What N trials cost while all of them were on, and how they ended. CPU is that of the operator's process."""

    rollouts: int
    on_trial: float = 0.0
    cpu: float = 0.0
    looks: int = 0
    judge_cpu: float = 0.0
    judged: int = 0
    sweeps: int = 0
    sweep_seconds: float = 0.0
    oldest: list[float] = field(default_factory=list)
    requests: Requests = field(default_factory=Requests)
    decided: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    settled: float = 0.0
    writes: int = 0
    peak: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What a measurement works with."""

    audit: Audit
    operator: Operator
    progress: Callable[[str], None]


@dataclass
class Trials:
    """What a watch of the models has told."""

    phases: dict[str, str] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    ready: set[str] = field(default_factory=set)

    def saw(self, model: Object) -> None:
        """Taken from a watch."""
        name, status = model["metadata"]["name"], model.get("status") or {}
        self.phases[name] = (status.get("rollout") or {}).get("phase", "")
        if history := status.get("history"):
            self.outcomes[name] = history[0]["outcome"]
        new = status.get("observedGeneration") == model["metadata"]["generation"]
        good = any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions", ()))
        (self.ready.add if new and good else self.ready.discard)(name)


def measured(rollouts: int, progress: Callable[[str], None]) -> Figures:
    """Measures once, on a control plane that is made for it."""
    figures = Figures(rollouts=rollouts)
    with (
        TemporaryDirectory(prefix="fairlead-bench-") as folder,
        control_plane(Path(folder), progress, ADDRESSES) as plane,
        pretended() as served_at,
    ):
        port = free_port()
        settings = {"FAIRLEAD_HTTP_PORT": str(port), "FAIRLEAD_OPERATOR_NAMESPACE": "fairlead-system"}
        operator = Operator(plane.operator, plane.folder, namespaces="", http_port=port, settings=settings)
        try:
            stage = Stage(audit=Audit(plane.audit_log), operator=operator, progress=progress)
            asyncio.run(_measure(figures, plane.admin, stage, served_at))
        finally:
            operator.kill()
    return figures


async def _measure(figures: Figures, kubeconfig: Path, stage: Stage, port: int) -> None:
    numbers, trials = range(figures.rollouts), Trials()
    async with world(kubeconfig) as cluster:
        await cluster.prepare(figures.rollouts)
        stage.operator.start()
        async with _watched(cluster, trials):
            stage.progress(f"creating {figures.rollouts:,} models")
            await cluster.create(numbers, lambda number: _canary(number, port))
            await until(lambda: len(trials.ready) == figures.rollouts, "all models are Ready")
            stage.audit.since_last()
            began = time.monotonic()
            stage.progress("a new version of each")
            await cluster.change(numbers, {"spec": {"model": {"version": "2"}, "runtime": {"env": [_env("2")]}}})
            await until(lambda: _on_trial(trials) == figures.rollouts, "all are on trial")
            figures.on_trial = time.monotonic() - began
            writes = stage.audit.since_last().writes
            await _watch(figures, stage)
            stage.progress("until all are decided")
            await until(lambda: len(trials.outcomes) == figures.rollouts, "all are decided")
            figures.decided, figures.outcomes = time.monotonic() - began, Counter(trials.outcomes.values())
            await until(lambda: len(trials.ready) == figures.rollouts, "all models are Ready")
            figures.settled = time.monotonic() - began
            figures.writes = writes + figures.requests.writes + stage.audit.since_last().writes
            figures.peak = stage.operator.peak()


async def _watch(figures: Figures, stage: Stage) -> None:
    """All trials are on: what that costs."""
    stage.progress(f"all on trial; watching for {WATCHED} s")
    stage.audit.since_last()
    cpu, before = stage.operator.cpu_seconds(), _counted(stage.operator)
    until = time.monotonic() + WATCHED
    while time.monotonic() < until:
        figures.oldest.append(await asyncio.to_thread(stage.operator.metric, "fairlead_evidence_age_seconds"))
        await asyncio.sleep(2)
    figures.cpu, after = stage.operator.cpu_seconds() - cpu, _counted(stage.operator)
    figures.requests = stage.audit.since_last()
    judged, judge_cpu, sweeps, sweep_seconds = (now - then for now, then in zip(after, before, strict=True))
    figures.judged, figures.judge_cpu = int(judged), judge_cpu
    figures.sweeps, figures.sweep_seconds = int(sweeps), sweep_seconds


def _counted(operator: Operator) -> tuple[float, ...]:
    names = ("fairlead_judge_cpu_seconds", "fairlead_sweep_duration_seconds")
    return tuple(operator.metric(f"{name}_{part}") for name in names for part in ("count", "sum"))


def _canary(number: int, port: int) -> Object:
    """Three replicas, and trials that go on for five minutes at least: all have begun before the first can end."""
    model = a_model(number)
    spec: dict[str, Any] = model["spec"]
    spec["runtime"]["container"] |= {"ports": {"http": port}, "metrics": METRICS}
    spec["runtime"]["env"] = [_env("1")]
    return {**model, "spec": {**spec, "replicas": REPLICAS, "slo": SLO, "rollout": {"minDuration": "5m"}}}


def _env(version: str) -> Object:
    return {"name": "VERSION", "value": version}


def _on_trial(trials: Trials) -> int:
    return sum(phase == "Judging" for phase in trials.phases.values())


@asynccontextmanager
async def _watched(cluster: World, trials: Trials) -> AsyncIterator[None]:
    watching = asyncio.create_task(cluster.watch(MODEL_DEPLOYMENT, trials.saw))
    try:
        yield
        if watching.done():
            watching.result()
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

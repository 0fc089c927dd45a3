"""Canaries on real pods with real traffic, many at once: one model per case, each with a load of its own."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from e2e.load import load
from fairlead.api.kinds import MODEL_DEPLOYMENT, POD
from kube import Kube
from models import a_canary, a_model
from waiting import holds, until

RATE = 25  # requests per second, for each model
ENOUGH = 0.8  # of them have to come in for the count to mean something
TRIAL = 500  # seconds for a decision, on a machine that is busy with all the others

Spec = Callable[..., dict[str, Any]]
"""An image, a version, and variables of its server → a spec."""


@dataclass
class Trial:
    """One model, and its version 2."""

    kube: Kube
    namespace: str
    name: str
    image: str
    server: Spec = a_canary

    def status(self) -> dict[str, Any]:
        return dict(self.kube.model(self.namespace, self.name).get("status") or {})

    def rollout(self) -> dict[str, Any]:
        return dict(self.status().get("rollout") or {})

    def ready(self) -> dict[str, Any]:
        return next((each for each in self.status().get("conditions", ()) if each["type"] == "Ready"), {})

    def ask_for(self, version: str, **env: str) -> None:
        """The spec asks for a version."""
        spec = self.server(self.image, version, **env)
        change = {"spec": {name: spec[name] for name in ("model", "runtime")}}
        self.kube.patch(MODEL_DEPLOYMENT, self.namespace, self.name, change)

    def order(self, action: str, value: str) -> None:
        """Somebody sets an annotation."""
        change = {"metadata": {"annotations": {f"fairlead.dev/{action}": value}}}
        self.kube.patch(MODEL_DEPLOYMENT, self.namespace, self.name, change)

    def decided(self) -> dict[str, Any]:
        """Waits for a decision, and returns its record."""
        return dict(until(self.status_history, seconds=TRIAL, every=0.5, what=f"a decision about {self.name}")[0])

    def promoted(self) -> dict[str, Any]:
        """The record of its promotion; empty before."""
        return next((each for each in self.status_history() if each["outcome"] == "Promoted"), {})

    def status_history(self) -> list[dict[str, Any]]:
        return list(self.status().get("history") or ())

    def until_weight(self) -> None:
        """Waits until the canary has traffic."""
        until(lambda: float(self.rollout().get("weight") or 0) > 0, seconds=200, what=f"a weight of {self.name}")

    def pods(self, version: str) -> list[str]:
        selector = f"fairlead.dev/model={self.name},app.kubernetes.io/version={version}"
        return [pod["metadata"]["name"] for pod in self.kube.list(POD, self.namespace, selector)]

    def no_more_than(self, pods: int, until_done: Callable[[], bool]) -> None:
        """Looks again and again, and fails when there are more pods at once, the ending ones too."""

        def looked() -> bool:
            found = self.kube.list(POD, self.namespace, f"fairlead.dev/model={self.name}")
            there = [pod for pod in found if pod["status"].get("phase") not in ("Succeeded", "Failed")]
            assert len(there) <= pods, [pod["metadata"]["name"] for pod in there]
            return until_done()

        until(looked, seconds=TRIAL, every=0.5, what=f"the end of {self.name}, with {pods} pods at most")

    def in_pods(self, shell: str, *versions: str) -> None:
        """Runs something in all pods of these versions."""
        for pod in (pod for version in versions for pod in self.pods(version)):
            done = self.kube.kubectl("exec", "-n", self.namespace, pod, "--", "sh", "-c", shell)
            assert done.returncode == 0, done.stderr


@dataclass(frozen=True, kw_only=True)
class Played:
    """What became of a case: the record of the decision, and what the load counted meanwhile."""

    record: Mapping[str, Any]
    counted: Mapping[str, Any]
    trial: Trial


@dataclass(frozen=True, kw_only=True)
class Case:
    """Version 2 with these variables, beside version 1 with those of `before`, and what happens `meanwhile`.

    `server` makes the spec, and `more` is merged into it. `meanwhile` returns the record of the decision.
    """

    name: str
    env: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    meanwhile: Callable[[Trial], Mapping[str, Any]] = Trial.decided
    server: Spec = a_canary

    def spec(self, image: str) -> dict[str, Any]:
        """Of version 1."""
        spec = self.server(image, "1", **self.before)
        rollout = {**spec["rollout"], "confidence": "90", **self.more.get("rollout", {})}
        return {**spec, **self.more, "rollout": rollout}


@contextmanager
def playing(
    kube: Kube, namespace: str, image: str, cases: tuple[Case, ...], gateway: str = ""
) -> Iterator[dict[str, Future[Played]]]:
    """All cases at once, by the Service or through a Gateway called `public`."""
    for case in cases:
        route = {"name": "public", "path": f"/{namespace}/{case.name}", "rewritePath": "/"}
        behind = {"traffic": {"gateway": route}} if gateway else {}
        kube.create(MODEL_DEPLOYMENT, a_model(namespace, case.name, **case.spec(image), **behind))
    for case in cases:
        kube.wait_ready(namespace, case.name, seconds=240)
    with ThreadPoolExecutor(len(cases)) as pool:
        urls = {case.name: f"{gateway}/{namespace}/{case.name}" if gateway else "" for case in cases}
        yield {
            case.name: pool.submit(_play, case, Trial(kube, namespace, case.name, image, case.server), urls[case.name])
            for case in cases
        }


def _play(case: Case, trial: Trial, url: str) -> Played:
    # Clients outside of a cluster keep their connections; inside, every request over a new one is the harder case.
    how = {"service": case.name, "url": url, "connections": "keepalive" if url else "fresh"}
    with load(trial.kube, trial.namespace, trial.image, rate=RATE, **how) as traffic:
        holds(lambda: True, seconds=3)
        trial.ask_for("2", **{**case.before, **case.env})
        record = case.meanwhile(trial)
        holds(lambda: True, seconds=3)
        counted = traffic.stop()
    sent = counted["ok"] + counted["failed"]
    assert sent >= ENOUGH * RATE * counted["seconds"], f"the load itself was too weak to show anything: {counted}"
    print(f"{case.name}: {record['outcome']} ({record['reason']}), {counted['ok']} answered, {counted['failed']} lost")
    return Played(record=record, counted=counted, trial=trial)

"""The operator is killed before every single write, of a creation and of all changes: the end is the same.

Writes come one after the other, so this is as good as after every write: what the API server knows is the same, and
what the process knew is gone either way. All ways are gone side by side, each with an operator and a namespace of its
own: most of the time pods are waited for.
"""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from api_proxy import ApiProxy, Fault, proxied, writes_to
from fairlead.api.kinds import MODEL_DEPLOYMENT
from kube import Kube
from models import a_model, a_server
from operator_process import OperatorProcess
from waiting import until

SIDE_BY_SIDE = 4
"""With more, each only waits longer for one of two cores."""
QUIET = 0.5
"""Seconds without a write, after which none is on its way."""
LOOK = 0.3
"""Seconds between two looks: to look more often costs the API server more than it gains."""
MOST_WRITES = 30
"""Whoever writes more often does not come to rest."""


class Killer:
    """Kills the operator before its n-th write for a model. Which model an Event is about, its path does not tell."""

    def __init__(self, operator: OperatorProcess, name: str, at: int) -> None:
        self.operator, self.at = operator, at
        self.writes = 0
        self._matches = writes_to(rf"/{name}(-|/|\?|$)|/events(\?|$)")

    def __call__(self, method: str, path: str) -> Fault | None:
        if not self._matches(method, path):
            return None
        self.writes += 1
        if self.writes != self.at:
            return None
        return Fault(before=self.operator.kill)

    @property
    def struck(self) -> bool:
        """Whether there was an n-th write at all."""
        return self.writes >= self.at


def shape(kube: Kube, namespace: str, name: str) -> object:
    """Everything about a model that must not depend on how it got there; its name is left out."""
    children = kube.children(namespace, name)
    status = kube.model(namespace, name)["status"]
    conditions = {found["type"]: (found["status"], found["reason"]) for found in status["conditions"]}
    rollout = {key: value for key, value in status["rollout"].items() if key != "since"}
    numbers = {key: status[key] for key in ("replicas", "readyReplicas", "observedGeneration")}
    selected = children[("Service", name)]["spec"]["selector"]["fairlead.dev/revision"]
    scaled = [child["spec"]["replicas"] for (kind, _), child in children.items() if kind == "Deployment"]
    kinds = sorted(kind for kind, _ in children)
    return kinds, scaled, conditions, rollout, numbers, selected == status["stable"]["revision"], status["draining"]


def at_rest(kube: Kube, namespace: str, name: str) -> bool:
    """Whether the spec's revision serves, nothing drains, and every decision is told."""
    model = kube.model(namespace, name)
    status = model.get("status") or {}
    ready = next((found for found in status.get("conditions", ()) if found["type"] == "Ready"), {"status": "False"})
    return (
        ready["status"] == "True"
        and ready["observedGeneration"] == model["metadata"]["generation"]
        and status["rollout"]["phase"] == "Stable"
        and "untold" not in status
        and status["readyReplicas"] == status["replicas"]
    )


Crashes = tuple[int, list[object]]
"""The number of writes, and every shape that came of a crash before one; the last of no crash at all."""


@dataclass(frozen=True)
class Place:
    """Where one way is gone: a namespace, and an operator behind a proxy that is not started yet."""

    kube: Kube
    namespace: str
    proxy: ApiProxy
    operator: OperatorProcess


@contextmanager
def place(kube: Kube, folder: Path) -> Iterator[Place]:
    """A place of one's own. Its operator need not wait for the lease of the one that was killed."""
    folder.mkdir()
    with proxied(kube.kubeconfig) as proxy, kube.namespace() as namespace:
        settings = {"FAIRLEAD_LEADER_ELECTION": "false"}
        operator = OperatorProcess(proxy.kubeconfig(folder), folder, namespace, settings)
        try:
            yield Place(kube, namespace, proxy, operator)
        finally:
            operator.kill()


@dataclass(frozen=True)
class Change:
    """A way from one spec to another: those before it, until each has come where it should; the last.

    Without any before it, it is a creation. It writes at least so much: what is new, the move of traffic, status,
    deletions.
    """

    before: tuple[tuple[dict[str, Any], Callable[[Kube, str, str], bool]], ...]
    to: dict[str, Any]
    writes: int


def starts(kube: Kube, namespace: str, name: str) -> bool:
    """Whether a candidate is on its way, with everything written that it needs."""
    model = kube.model(namespace, name)
    status = model["status"]
    seen = status["observedGeneration"] == model["metadata"]["generation"]
    return seen and status["rollout"]["phase"] == "Starting" and len(kube.pods(namespace, name)) == 2


def changes(image: str) -> dict[str, Change]:
    """The ways that a model can go, by what they are called."""
    first, second = a_server(image), a_server(image, version="2")
    never = a_server(image, version="2", NEVER_READY="1")
    recreate = {"rollout": {"strategy": "Recreate"}}
    created = {**first, "replicas": 2, "network": {"isolation": "Namespace"}}
    return {  # those that take longest come first
        "back after an update": Change(before=((first, at_rest), (second, at_rest)), to=first, writes=6),
        "update": Change(before=((first, at_rest),), to=second, writes=6),
        "recreate": Change(before=(({**first, **recreate}, at_rest),), to={**second, **recreate}, writes=6),
        "back during an update": Change(before=((first, at_rest), (never, starts)), to=first, writes=3),
        # Account, policy, revision, Deployment, scale, budget, two Services, status.
        "creation": Change(before=(), to=created, writes=9),
    }


def told(operator: OperatorProcess) -> set[tuple[object, ...]]:
    """The decisions in the operator's log, of all its lives: (model, time, outcome)."""
    lines = [json.loads(line) for line in operator.log.read_text().splitlines() if '"rollout-decision"' in line]
    return {(line["name"], line["decided"], line["outcome"]) for line in lines if "decided" in line}


def rests(place: Place, name: str) -> bool:
    """Whether a model is at rest, and nothing is written any more that would count for the next one."""
    return at_rest(place.kube, place.namespace, name) and time.monotonic() - place.proxy.writes[-1].at > QUIET


class Way:
    """A change, gone again and again, each time with another model."""

    def __init__(self, place: Place, change: Change) -> None:
        self.place, self.change = place, change
        self.specs = [spec for spec, _ in change.before] + [change.to]

    def crashes(self) -> Crashes:
        """Crashes before each write in turn, until there is none left.

        Whoever has put things right after one crash suffers the next: to start takes longer than all that is written.
        """
        shapes = []
        self.place.operator.start()
        self.begin("before-1")
        for at in range(1, MOST_WRITES):
            name = f"before-{at}"
            self.prepare(name)
            killer = self.go(name, at)
            if killer.struck:
                self.begin(f"before-{at + 1}")  # its pods start while those of the other one do
                self.place.operator.start(wait=False)
                until(
                    partial(rests, self.place, name),
                    seconds=90,
                    every=LOOK,
                    what=f"rest after a crash before write {at}",
                )
            shapes.append(shape(self.place.kube, self.place.namespace, name))
            self.check_decisions(name)
            self.place.kube.delete(MODEL_DEPLOYMENT, self.place.namespace, name)
            if not killer.struck:
                return at - 1, shapes
        raise AssertionError("it does not come to rest")

    def begin(self, name: str) -> None:
        """Creates a model, if there is to be one before the change."""
        if self.change.before:
            self.ask(name, self.specs[0])

    def prepare(self, name: str) -> None:
        """Waits until it has come where it should before the change."""
        for spec, stop in self.change.before:
            self.ask(name, spec)
            until(
                partial(stop, self.place.kube, self.place.namespace, name),
                seconds=90,
                every=LOOK,
                what=f"{name} before that",
            )
        writes = self.place.proxy.writes
        until(lambda: not writes or time.monotonic() - writes[-1].at > QUIET, what="nothing more that is written")

    def go(self, name: str, at: int) -> Killer:
        """Goes the last step, with a crash before the n-th write that follows."""
        operator = self.place.operator
        killer = Killer(operator, name, at)
        with self.place.proxy.rule(killer):
            self.ask(name, self.change.to)
            until(
                lambda: not operator.is_running() or rests(self.place, name),
                seconds=90,
                every=LOOK,
                what="a crash, or rest",
            )
        assert killer.struck != operator.is_running(), "it ended by itself"
        return killer

    def ask(self, name: str, spec: dict[str, Any]) -> None:
        self.place.kube.apply(MODEL_DEPLOYMENT, a_model(self.place.namespace, name, **spec))

    def check_decisions(self, name: str) -> None:
        history = self.place.kube.model(self.place.namespace, name)["status"].get("history", ())
        decided = {(name, each["time"], each["outcome"]) for each in history}
        assert decided <= told(self.place.operator), "a decision was lost"


@pytest.fixture(scope="module")
def crashes(
    kube: Kube, server_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Crashes]]]:
    """All ways, on their way."""
    folder = tmp_path_factory.mktemp("crashes")

    def go(way: str, change: Change) -> Crashes:
        with place(kube, folder / way.replace(" ", "-")) as own:
            return Way(own, change).crashes()

    ways = changes(server_image)
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield {way: pool.submit(go, way, change) for way, change in ways.items()}


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("way", changes(""))
def test_a_crash_before_any_write_ends_as_if_there_had_been_none(crashes: dict[str, Future[Crashes]], way: str):
    writes, shapes = crashes[way].result()
    print(f"{way}: {writes} writes")
    assert writes >= changes("")[way].writes
    assert all(found == shapes[-1] for found in shapes), "the last one was not disturbed at all"

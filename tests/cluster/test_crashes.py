"""The operator is killed before every single write, of a creation and of all changes: the end is the same.

Writes come one after the other, so this is as good as after every write: what the API server knows is the same, and
what the process knew is gone either way. All ways are gone side by side, each with an operator and a namespace of its
own: most of the time pods are waited for.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from api_proxy import ApiProxy, Fault, writes_to
from fairlead.api.kinds import MODEL_DEPLOYMENT
from kube import Kube
from models import a_model, a_server
from operator_process import OperatorProcess
from waiting import until

MOST_WRITES, SIDE_BY_SIDE = 20, 2
"""More than any way takes, Events and status among them. Of each change so many models are made ready at once, and one
is spent for each crash."""
CREATION, CREATED = "creation", 9
"""The writes of a creation: account, policy, revision, Deployment, scale, budget, two Services, status."""


class Killer:
    """Kills the operator before its n-th write."""

    def __init__(self, operator: OperatorProcess, at: int) -> None:
        self.operator, self.at = operator, at
        self.writes = 0
        self._matches = writes_to("")

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
    proxy = ApiProxy(kube.kubeconfig)
    proxy.start()
    try:
        with kube.namespace() as namespace:
            settings = {"FAIRLEAD_LEADER_ELECTION": "false"}
            operator = OperatorProcess(proxy.kubeconfig(folder), folder, namespace, settings)
            try:
                yield Place(kube, namespace, proxy, operator)
            finally:
                operator.kill()
    finally:
        proxy.stop()


def one_crash(place: Place, act: Callable[[], str], at: int) -> tuple[bool, object]:
    """Acts on a model, with a crash before the n-th write that follows; then starts again and waits for rest."""
    kube, namespace, operator = place.kube, place.namespace, place.operator
    killer = Killer(operator, at)
    name = act()
    with place.proxy.rule(killer):
        operator.start(wait=False)
        until(lambda: not operator.is_running() or at_rest(kube, namespace, name), seconds=90, what="a crash, or rest")
    if operator.is_running():
        operator.kill()
    else:
        operator.start()
        until(lambda: at_rest(kube, namespace, name), seconds=90, what=f"rest after a crash before write {at}")
        operator.kill()
    return killer.struck, shape(kube, namespace, name)


def all_crashes(run: Callable[[int], tuple[bool, object]]) -> Crashes:
    """Crashes before each write in turn, until there is none left."""
    shapes = []
    for at in count(1):
        struck, found = run(at)
        shapes.append(found)
        if not struck:
            return at - 1, shapes
        assert at < MOST_WRITES, "it does not come to rest"
    raise AssertionError("unreachable")


def crashes_of_a_creation(place: Place, image: str) -> Crashes:
    """A new model for each crash."""

    def run(at: int) -> tuple[bool, object]:
        name = f"before-{at}"

        def create() -> str:
            spec: dict[str, Any] = {**a_server(image), "replicas": 2, "network": {"isolation": "Namespace"}}
            place.kube.create(MODEL_DEPLOYMENT, a_model(place.namespace, name, **spec))
            return name

        try:
            return one_crash(place, create, at)
        finally:
            place.kube.delete(MODEL_DEPLOYMENT, place.namespace, name)

    return all_crashes(run)


@dataclass(frozen=True)
class Change:
    """A way from one spec to another: those before it, until each has come where it should; the last.

    It writes at least so much: what is new, the move of traffic, status, deletions.
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
    return {
        "update": Change(before=((first, at_rest),), to=second, writes=6),
        "recreate": Change(before=(({**first, **recreate}, at_rest),), to={**second, **recreate}, writes=6),
        "back during an update": Change(before=((first, at_rest), (never, starts)), to=first, writes=3),
        "back after an update": Change(before=((first, at_rest), (second, at_rest)), to=first, writes=6),
    }


def told(operator: OperatorProcess) -> set[tuple[object, ...]]:
    """The decisions in the operator's log, of all its lives: (model, time, outcome)."""
    lines = [json.loads(line) for line in operator.log.read_text().splitlines() if '"rollout-decision"' in line]
    return {(line["name"], line["decided"], line["outcome"]) for line in lines if "decided" in line}


def crashes_of_a_change(place: Place, change: Change) -> Crashes:
    """Models that are there already, one for each crash."""
    kube, namespace = place.kube, place.namespace
    names = {at: f"before-{at}" for at in range(1, MOST_WRITES + 1)}
    (first, _), *_ = change.before
    for name in names.values():
        kube.create(MODEL_DEPLOYMENT, a_model(namespace, name, **first))
    place.operator.start()
    for spec, stop in change.before:
        for name in names.values():
            kube.patch(MODEL_DEPLOYMENT, namespace, name, {"spec": spec})
        for name in names.values():
            until(partial(stop, kube, namespace, name), seconds=240, what=f"{name} as it is before the crash")
    place.operator.terminate()

    def run(at: int) -> tuple[bool, object]:
        name = names[at]

        def act() -> str:
            kube.patch(MODEL_DEPLOYMENT, namespace, name, {"spec": change.to})
            return name

        return one_crash(place, act, at)

    writes, shapes = all_crashes(run)
    for name in list(names.values())[: writes + 1]:
        history = kube.model(namespace, name)["status"].get("history", ())
        decided = {(name, each["time"], each["outcome"]) for each in history}
        assert decided <= told(place.operator), "a decision was lost"
    return writes, shapes


@pytest.fixture(scope="module")
def crashes(
    kube: Kube, server_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Crashes]]]:
    """All ways, on their way."""
    folder = tmp_path_factory.mktemp("crashes")

    def go(way: str, run: Callable[[Place], Crashes]) -> Crashes:
        with place(kube, folder / way.replace(" ", "-")) as own:
            return run(own)

    ways: dict[str, Callable[[Place], Crashes]] = {
        way: partial(crashes_of_a_change, change=change) for way, change in changes(server_image).items()
    }
    ways[CREATION] = partial(crashes_of_a_creation, image=server_image)
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield {way: pool.submit(go, way, run) for way, run in ways.items()}


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("way", [*changes(""), CREATION])
def test_a_crash_before_any_write_ends_as_if_there_had_been_none(crashes: dict[str, Future[Crashes]], way: str):
    writes, shapes = crashes[way].result()
    assert writes >= (CREATED if way == CREATION else changes("")[way].writes)
    assert all(found == shapes[-1] for found in shapes), "the last one was not disturbed at all"

"""The operator is killed before and after every single write, of a creation and of all changes: the end is the same."""

from collections.abc import Callable
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

MOST_WRITES = 20
"""More than any way takes. So many models are made ready at once, and one is spent for each crash."""


class Killer:
    """Kills the operator around its n-th write."""

    def __init__(self, operator: OperatorProcess, at: int, when: str) -> None:
        self.operator, self.at, self.when = operator, at, when
        self.writes = 0
        self._matches = writes_to("")

    def __call__(self, method: str, path: str) -> Fault | None:
        if not self._matches(method, path):
            return None
        self.writes += 1
        if self.writes != self.at:
            return None
        return Fault(before=self.operator.kill) if self.when == "before" else Fault(after=self.operator.kill)

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
    """Whether the spec's revision serves, and nothing drains."""
    model = kube.model(namespace, name)
    status = model.get("status") or {}
    ready = next((found for found in status.get("conditions", ()) if found["type"] == "Ready"), {"status": "False"})
    return (
        ready["status"] == "True"
        and ready["observedGeneration"] == model["metadata"]["generation"]
        and status["rollout"]["phase"] == "Stable"
        and status["readyReplicas"] == status["replicas"]
    )


@pytest.fixture
def resting(kube: Kube, proxy: ApiProxy, namespace: str, tmp_path: Path) -> OperatorProcess:
    """An operator that is not started yet. It need not wait for the lease of the one that was killed."""
    return OperatorProcess(proxy.kubeconfig(tmp_path), tmp_path, namespace, {"FAIRLEAD_LEADER_ELECTION": "false"})


def one_crash(
    kube: Kube, proxy: ApiProxy, operator: OperatorProcess, act: Callable[[], tuple[str, str]], at: int, when: str
) -> tuple[bool, object]:
    """Acts, with a crash around the n-th write that follows; then starts again and waits for rest."""
    killer = Killer(operator, at, when)
    namespace, name = act()
    with proxy.rule(killer):
        operator.start(wait=False)
        until(lambda: not operator.is_running() or at_rest(kube, namespace, name), seconds=90, what="a crash, or rest")
    if operator.is_running():
        operator.kill()
    else:
        operator.start()
        until(lambda: at_rest(kube, namespace, name), seconds=90, what=f"rest after a crash {when} write {at}")
        operator.kill()
    return killer.struck, shape(kube, namespace, name)


def all_crashes(run: Callable[[int, str], tuple[bool, object]]) -> tuple[int, list[object]]:
    """Crashes around each write in turn, until there is none left; (number of writes, every shape that came of it)."""
    shapes = []
    for at in count(1):
        struck, found = run(at, "before")
        shapes.append(found)
        if not struck:
            return at - 1, shapes
        shapes.append(run(at, "after")[1])
        assert at < MOST_WRITES, "it does not come to rest"
    raise AssertionError("unreachable")


@pytest.mark.timeout(1500)
def test_a_crash_around_any_write_of_a_creation(
    kube: Kube, proxy: ApiProxy, resting: OperatorProcess, namespace: str, server_image: str
):
    def run(at: int, when: str) -> tuple[bool, object]:
        name = f"{when}-{at}"

        def create() -> tuple[str, str]:
            spec: dict[str, Any] = {**a_server(server_image), "replicas": 2, "network": {"isolation": "Namespace"}}
            kube.create(MODEL_DEPLOYMENT, a_model(namespace, name, **spec))
            return namespace, name

        try:
            return one_crash(kube, proxy, resting, create, at, when)
        finally:
            kube.delete(MODEL_DEPLOYMENT, namespace, name)

    writes, shapes = all_crashes(run)
    assert writes >= 9, "account, policy, revision, deployment, scale, budget, two Services, status"
    assert all(found == shapes[-1] for found in shapes), "the last one was not disturbed at all"


@dataclass(frozen=True)
class Change:
    """A way from one spec to another: those before it, until each has come where it should; the last; its writes."""

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


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("way", changes(""))
def test_a_crash_around_any_write_of_a_change(
    kube: Kube, proxy: ApiProxy, resting: OperatorProcess, namespace: str, server_image: str, way: str
):
    change = changes(server_image)[way]
    names = {(at, when): f"{when}-{at}" for at in range(1, MOST_WRITES) for when in ("before", "after")}
    (first, _), *_ = change.before
    for name in names.values():
        kube.create(MODEL_DEPLOYMENT, a_model(namespace, name, **first))
    resting.start()
    for spec, stop in change.before:
        for name in names.values():
            kube.patch(MODEL_DEPLOYMENT, namespace, name, {"spec": spec})
        for name in names.values():
            until(partial(stop, kube, namespace, name), seconds=240, what=f"{name} as it is before the crash")
    resting.terminate()

    def run(at: int, when: str) -> tuple[bool, object]:
        name = names[(at, when)]

        def act() -> tuple[str, str]:
            kube.patch(MODEL_DEPLOYMENT, namespace, name, {"spec": change.to})
            return namespace, name

        return one_crash(kube, proxy, resting, act, at, when)

    writes, shapes = all_crashes(run)
    assert writes >= change.writes, "what is new, the move of traffic, status, deletions"
    assert all(found == shapes[-1] for found in shapes), "the last one was not disturbed at all"

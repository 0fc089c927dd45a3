"""Models that need an accelerator each, on nodes that have as many as a test says. Only the accelerators are pretended.

What a node advertises is counted by the real scheduler, whatever it is
(kubernetes.io/docs/tasks/administer-cluster/extended-resource-node).
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fairlead.api.kinds import MODEL_DEPLOYMENT
from kube import NODE, Kube
from models import a_canary, a_model, a_server
from waiting import holds, until

ACCELERATOR = "fairlead.test/gpu"
WAITS = f"waiting for 1 {ACCELERATOR}"
Advertise = Callable[[int, int], None]

pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture
def advertise(kube: Kube) -> Iterator[Advertise]:
    """Says how many accelerators the first and the second node have."""
    nodes = sorted(node["metadata"]["name"] for node in kube.list(NODE))[:2]

    def have(*numbers: int | None) -> None:
        for node, number in zip(nodes, numbers, strict=True):
            has = {ACCELERATOR: None if number is None else str(number)}
            kube.patch(NODE, None, node, {"status": {"capacity": has, "allocatable": has}}, "/status")

    yield have
    have(None, None)


def rollout(kube: Kube, namespace: str) -> dict[str, Any]:
    return dict(kube.model(namespace, "fraud")["status"]["rollout"])


def available(kube: Kube, namespace: str) -> bool:
    return bool(kube.condition(namespace, "fraud", "Available")["status"] == "True")


def waits(kube: Kube, namespace: str, *words: str) -> bool:
    """Whether the new version waits for its accelerator, and says so."""
    ready = kube.condition(namespace, "fraud", "Ready")
    told = str(ready.get("message", ""))
    return ready.get("reason") == "Unschedulable" and all(each in told for each in (WAITS, *words))


def serve_one(kube: Kube, namespace: str, spec: dict[str, Any], **more: Any) -> None:
    """Version 1, of one pod with one accelerator."""
    spec = {**spec, "replicas": 1, "resources": {"limits": {ACCELERATOR: "1"}}, **more}
    kube.create(MODEL_DEPLOYMENT, a_model(namespace, **spec))
    kube.wait_ready(namespace, "fraud")


@pytest.mark.parametrize(
    ("strategy", "past_the_deadline", "further"),
    [("BlueGreen", "True", ("Stable", "Draining")), ("Canary", "False", ("Judging",))],
)
def test_a_new_version_waits_for_an_accelerator_and_goes_on_when_there_is_one(
    kube: Kube,
    namespace: str,
    server_image: str,
    advertise: Advertise,
    strategy: str,
    past_the_deadline: str,
    further: tuple[str, ...],
):
    """However long that takes, the old version serves. The deadline of a canary does not even run."""
    advertise(1, 0)
    rules = {"rollout": {"strategy": strategy, "progressDeadline": "10s", "drain": "1s"}}
    serve_one(kube, namespace, a_canary(server_image), **rules)
    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {"model": {"version": "2"}}})
    until(lambda: waits(kube, namespace), seconds=60, what=WAITS)
    holds(lambda: available(kube, namespace), seconds=20, what="Available, past the deadline")
    assert kube.condition(namespace, "fraud", "Stalled").get("status", "False") == past_the_deadline
    assert WAITS in kube.condition(namespace, "fraud", "Ready")["message"]

    advertise(1, 1)
    until(lambda: rollout(kube, namespace)["phase"] in further, seconds=90, what=f"one of {further}")


def test_a_version_that_is_taken_back_while_it_waits_leaves_nothing_behind(
    kube: Kube, namespace: str, server_image: str, advertise: Advertise
):
    advertise(1, 0)
    serve_one(kube, namespace, a_server(server_image))
    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {"model": {"version": "2"}}})
    until(lambda: waits(kube, namespace), seconds=60, what=WAITS)
    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {"model": {"version": "1"}}})
    kube.wait_ready(namespace, "fraud")
    until(lambda: len(kube.pods(namespace, "fraud")) == 1, seconds=30, what="no other pod")


def test_with_recreate_one_accelerator_is_enough(kube: Kube, namespace: str, server_image: str, advertise: Advertise):
    advertise(1, 0)
    serve_one(kube, namespace, a_server(server_image), rollout={"strategy": "Recreate"})
    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {"model": {"version": "2"}}})
    kube.wait_ready(namespace, "fraud")
    assert kube.model(namespace, "fraud")["status"]["stable"]["modelVersion"] == "2"


def test_a_free_accelerator_of_another_node_type_is_told_apart(
    kube: Kube, namespace: str, server_image: str, advertise: Advertise
):
    """The other node has a free one, and the pod may not go there."""
    advertise(1, 1)
    first = min(node["metadata"]["name"] for node in kube.list(NODE))
    here = {"nodeSelector": {"kubernetes.io/hostname": first}}
    serve_one(kube, namespace, a_server(server_image), pod=here)
    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {"model": {"version": "2"}}})
    until(
        lambda: waits(kube, namespace, f"1 Insufficient {ACCELERATOR}", "1 node(s) didn't match Pod's node affinity"),
        seconds=60,
        what="both reasons, in the scheduler's words",
    )

"""Not one request is lost: while a model is updated, taken back, moved to other nodes, and its operator replaced."""

from typing import Any

import pytest

import localcluster
from e2e.traffic import lost_while
from fairlead.api.kinds import MODEL_DEPLOYMENT, POD
from kube import NODE, Kube
from models import a_model, a_server
from operator_process import OperatorProcess
from waiting import until

SPARE_DRAIN = {"preStop": "5s", "gracePeriod": "20s"}


def a_careful_server(image: str, version: str) -> dict[str, Any]:
    """A server that leaves as one in production does: it goes on serving until all load balancers have let go of it."""
    spec = a_server(image, version)
    spec["runtime"]["container"]["drain"] = SPARE_DRAIN
    return {**spec, "rollout": {"strategy": "BlueGreen", "drain": "5s"}, "replicas": 2}


@pytest.fixture
def served(kube: Kube, operator: OperatorProcess, namespace: str, server_image: str) -> str:
    """A model that serves version 1 with two pods."""
    kube.create(MODEL_DEPLOYMENT, a_model(namespace, **a_careful_server(server_image, "1")))
    kube.wait_ready(namespace, "fraud")
    return namespace


def update(kube: Kube, namespace: str, image: str, version: str) -> None:
    """A new version, until nothing of the old one is left."""
    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": a_careful_server(image, version)})
    kube.wait_ready(namespace, "fraud")
    until(lambda: len(kube.list(POD, namespace, "fairlead.dev/model")) == 2, seconds=90, what="the old pods gone")


@pytest.mark.parametrize("connections", ["fresh", "keepalive"])
def test_an_update_and_the_way_back_lose_no_request(kube: Kube, served: str, server_image: str, connections: str):
    def there_and_back() -> None:
        update(kube, served, server_image, "2")
        update(kube, served, server_image, "1")

    counted = lost_while(kube, served, server_image, there_and_back, connections=connections)
    assert counted["failed"] == 0, counted["failures"]
    assert set(counted["versions"]) == {"1", "2"}


def test_a_bad_version_loses_no_request(kube: Kube, served: str, server_image: str):
    def try_it() -> None:
        bad = a_careful_server(server_image, "2")
        bad["runtime"]["env"].append({"name": "EXIT_ON_START", "value": "bad"})
        kube.patch(MODEL_DEPLOYMENT, served, "fraud", {"spec": bad})
        until(lambda: kube.condition(served, "fraud", "Ready").get("reason") == "ContainerFailing", what="the crash")
        update(kube, served, server_image, "1")

    counted = lost_while(kube, served, server_image, try_it)
    assert counted["failed"] == 0, counted["failures"]
    assert set(counted["versions"]) == {"1"}


def test_a_killed_operator_loses_no_request(kube: Kube, served: str, operator: OperatorProcess, server_image: str):
    def kill_and_update() -> None:
        kube.patch(MODEL_DEPLOYMENT, served, "fraud", {"spec": a_careful_server(server_image, "2")})
        until(lambda: len(kube.list(POD, served, "fairlead.dev/model")) > 2, what="pods of the candidate")
        operator.kill()
        operator.start()
        update(kube, served, server_image, "2")

    counted = lost_while(kube, served, server_image, kill_and_update)
    assert counted["failed"] == 0, counted["failures"]
    assert set(counted["versions"]) == {"1", "2"}


def test_an_api_server_that_restarts_during_an_update_loses_no_request(
    kube: Kube, local_cluster: localcluster.Cluster, served: str, operator: OperatorProcess, server_image: str
):
    def restart_and_update() -> None:
        slow = a_careful_server(server_image, "2")
        slow["runtime"]["env"].append({"name": "START_DELAY", "value": "5"})
        kube.patch(MODEL_DEPLOYMENT, served, "fraud", {"spec": slow})
        until(lambda: kube.model(served, "fraud")["status"]["rollout"]["phase"] == "Starting", what="the middle of it")
        local_cluster.restart("kube-apiserver")
        kube.wait_ready(served, "fraud", seconds=90)
        until(lambda: len(kube.pods(served, "fraud")) == 2, seconds=90, what="the old pods gone")

    counted = lost_while(kube, served, server_image, restart_and_update)
    assert counted["failed"] == 0, counted["failures"]
    assert set(counted["versions"]) == {"1", "2"}
    status = kube.model(served, "fraud")["status"]
    assert (status["stable"]["modelVersion"], status["rollout"]["phase"]) == ("2", "Stable")
    assert len([kind for kind, _ in kube.children(served, "fraud") if kind == "Deployment"]) == 1
    assert operator.is_running()


def test_a_node_drain_loses_no_request(kube: Kube, served: str, server_image: str):
    nodes = [node["metadata"]["name"] for node in kube.list(NODE) if not node["spec"].get("taints")]
    if len(nodes) < 2:
        pytest.skip("needs two nodes with pods")
    stays, goes = nodes[:2]

    def drain() -> None:
        drained = kube.kubectl(
            "drain", goes, "--ignore-daemonsets", "--delete-emptydir-data", "--pod-selector=fairlead.dev/model=fraud"
        )
        assert drained.returncode == 0, drained.stderr
        pods = kube.list(POD, served, "fairlead.dev/model=fraud")
        assert all(pod["spec"]["nodeName"] != goes or pod["metadata"].get("deletionTimestamp") for pod in pods)
        kube.wait_ready(served, "fraud")

    try:
        counted = lost_while(kube, served, server_image, drain, node=stays)
    finally:
        kube.kubectl("uncordon", goes)
    assert counted["failed"] == 0, counted["failures"]


def test_recreate_needs_no_room_for_two(kube: Kube, operator: OperatorProcess, namespace: str, server_image: str):
    kube.create(MODEL_DEPLOYMENT, a_model(namespace, **a_server(server_image)))
    kube.wait_ready(namespace, "fraud")
    most = [0]

    def new_one_serves() -> bool:
        pods = kube.list(POD, namespace, "fairlead.dev/model=fraud")
        # One that has ended may still be listed for a moment; it takes no room any more.
        running = [pod for pod in pods if pod["status"].get("phase") not in ("Succeeded", "Failed")]
        most[0] = max(most[0], len(running))
        status = kube.model(namespace, "fraud")["status"]
        return (status.get("stable") or {}).get("modelVersion") == "2"

    change = {**a_server(server_image, version="2"), "rollout": {"strategy": "Recreate"}}
    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": change})
    until(new_one_serves, seconds=90, what="version 2")
    assert most[0] == 1, "never two pods at once"

"""Canaries behind a real Gateway, whose weights a real implementation of the Gateway API acts on."""

from typing import Any

import pytest

from e2e.traffic import lost_while
from fairlead.api.kinds import DEPLOYMENT, HTTP_ROUTE, MODEL_DEPLOYMENT
from kube import Kube
from models import a_canary, a_model
from operator_process import OperatorProcess
from waiting import until


def behind(gateway: str, spec: dict[str, Any], namespace: str) -> dict[str, Any]:
    """The spec behind the test's Gateway, at a path of its own."""
    return {**spec, "traffic": {"gateway": {"name": "public", "path": f"/{namespace}", "rewritePath": "/"}}}


@pytest.fixture
def served(kube: Kube, gateway: str, operator: OperatorProcess, namespace: str, server_image: str) -> str:
    """A model that serves version 1 behind a Gateway; returns where clients find it."""
    spec = behind(gateway, a_canary(server_image, "1"), namespace)
    kube.create(MODEL_DEPLOYMENT, a_model(namespace, **spec))
    kube.wait_ready(namespace, "fraud")
    assert kube.condition(namespace, "fraud", "TrafficRouted")["status"] == "True"
    return f"{gateway}/{namespace}"


def status(kube: Kube, namespace: str) -> dict[str, Any]:
    return dict(kube.model(namespace, "fraud")["status"])


def weights(kube: Kube, namespace: str) -> list[int]:
    (rule,) = (kube.get(HTTP_ROUTE, namespace, "fraud") or {})["spec"]["rules"]
    return sorted(backend["weight"] for backend in rule["backendRefs"])


def tried(kube: Kube, namespace: str, url: str, image: str, **env: str) -> tuple[dict[str, Any], set[int]]:
    """Version 2 is asked for under load, until there is a decision: what the load counted, and the weights seen."""
    seen: set[int] = set()

    def decided() -> bool:
        seen.update(weights(kube, namespace))
        return bool(status(kube, namespace).get("history"))

    def act() -> None:
        kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": a_canary(image, "2", **env)})
        until(decided, seconds=400, every=0.5, what="a decision")

    return lost_while(kube, namespace, image, act, url=url), seen


def test_a_good_version_is_promoted_by_weights_and_no_request_lost(
    kube: Kube, served: str, namespace: str, server_image: str
):
    counted, seen = tried(kube, namespace, served, server_image)
    assert status(kube, namespace)["history"][0]["outcome"] == "Promoted"
    assert counted["failed"] == 0, counted["failures"]
    assert set(counted["versions"]) == {"1", "2"}
    assert len(seen) > 2, "the canary had a share that no number of pods could give it"
    kube.wait_ready(namespace, "fraud")
    assert weights(kube, namespace) == [100]


def test_a_version_with_errors_has_no_weight_any_more(kube: Kube, served: str, namespace: str, server_image: str):
    counted, _ = tried(kube, namespace, served, server_image, ERROR_RATE="0.2")
    assert status(kube, namespace)["history"][0]["outcome"] == "RolledBack"
    assert weights(kube, namespace) == [100]
    assert counted["failed"] < 60, counted["reasons"]
    until(lambda: len(kube.list(DEPLOYMENT, namespace)) == 1, seconds=60, what="the end of the bad version")


def test_a_gateway_that_is_not_there_is_told(kube: Kube, served: str, namespace: str):
    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {"traffic": {"gateway": {"name": "other"}}}})
    until(
        lambda: kube.condition(namespace, "fraud", "TrafficRouted").get("status") == "False",
        seconds=60,
        what="TrafficRouted=False",
    )
    told = kube.condition(namespace, "fraud", "Ready")
    assert told["status"] == "False"
    assert f"Gateway {namespace}/other has not answered for HTTPRoute fraud" in told["message"]
    assert kube.condition(namespace, "fraud", "Available")["status"] == "True"


def test_a_route_that_is_deleted_or_changed_by_hand_comes_back(kube: Kube, served: str, namespace: str):
    kube.delete(HTTP_ROUTE, namespace, "fraud")
    until(lambda: kube.get(HTTP_ROUTE, namespace, "fraud"), seconds=30, what="the route")
    nowhere = {"rules": [{"backendRefs": [{"name": "elsewhere", "port": 80}]}]}
    kube.patch(HTTP_ROUTE, namespace, "fraud", {"spec": nowhere})
    until(lambda: weights(kube, namespace) == [100], seconds=30, what="our weights")
    kube.wait_ready(namespace, "fraud")

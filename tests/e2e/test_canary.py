"""Canaries on real pods, with real traffic and real metrics: what is good takes over, what is bad goes back."""

from collections.abc import Callable
from typing import Any

import pytest

from e2e.traffic import lost_while
from fairlead.api.kinds import DEPLOYMENT, MODEL_DEPLOYMENT
from kube import Kube
from models import a_canary, a_model
from operator_process import OperatorProcess
from waiting import until


@pytest.fixture
def served(kube: Kube, operator: OperatorProcess, namespace: str, server_image: str) -> str:
    """A model that serves version 1."""
    kube.create(MODEL_DEPLOYMENT, a_model(namespace, **a_canary(server_image, "1")))
    kube.wait_ready(namespace, "fraud")
    return namespace


def status(kube: Kube, namespace: str) -> dict[str, Any]:
    return dict(kube.model(namespace, "fraud")["status"])


def phase(kube: Kube, namespace: str) -> str:
    return str(status(kube, namespace)["rollout"]["phase"])


def tried(
    kube: Kube, namespace: str, image: str, then: Callable[[], object] = lambda: None, **env: str
) -> dict[str, Any]:
    """Version 2 is asked for under load, until there is a decision: what the load counted."""

    def act() -> None:
        kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": a_canary(image, "2", **env)})
        until(lambda: phase(kube, namespace) == "Judging", seconds=90, what="Judging")
        then()
        until(lambda: status(kube, namespace).get("history"), seconds=400, every=0.5, what="a decision")

    return lost_while(kube, namespace, image, act)


def decision(kube: Kube, namespace: str) -> tuple[str, str]:
    record = status(kube, namespace)["history"][0]
    return record["outcome"], record["reason"]


def test_a_good_version_is_promoted_and_no_request_lost(kube: Kube, served: str, server_image: str):
    counted = tried(kube, served, server_image)
    assert decision(kube, served) == ("Promoted", "EvidenceFor")
    assert counted["failed"] == 0, counted["failures"]
    assert set(counted["versions"]) == {"1", "2"}
    kube.wait_ready(served, "fraud")


def test_a_version_with_errors_is_rolled_back(kube: Kube, served: str, server_image: str):
    tried(kube, served, server_image, ERROR_RATE="0.2")
    assert decision(kube, served) == ("RolledBack", "EvidenceAgainst")
    assert "errors:" in kube.condition(served, "fraud", "Ready")["message"]
    assert kube.condition(served, "fraud", "Available")["status"] == "True"
    until(lambda: len(kube.list(DEPLOYMENT, served)) == 1, seconds=60, what="the end of the bad version")


def test_a_slow_version_is_rolled_back_without_a_lost_request(kube: Kube, served: str, server_image: str):
    counted = tried(kube, served, server_image, LATENCY="0.3")
    assert decision(kube, served) == ("RolledBack", "EvidenceAgainst")
    assert "Latency>" in kube.condition(served, "fraud", "Ready")["message"]
    assert counted["failed"] == 0, counted["failures"]


def test_an_operator_that_is_killed_goes_on_with_the_trial(
    kube: Kube, served: str, operator: OperatorProcess, server_image: str
):
    def kill() -> None:
        until(lambda: status(kube, served)["rollout"].get("evidence"), seconds=60, what="evidence")
        operator.kill()
        operator.start()

    counted = tried(kube, served, server_image, kill)
    assert decision(kube, served) == ("Promoted", "EvidenceFor")
    assert counted["failed"] == 0, counted["failures"]


def test_going_back_ends_the_trial(kube: Kube, served: str, server_image: str):
    def back() -> None:
        until(lambda: float(status(kube, served)["rollout"].get("weight") or 0) > 0, seconds=60, what="a weight")
        kube.patch(MODEL_DEPLOYMENT, served, "fraud", {"spec": a_canary(server_image, "1")})

    counted = tried(kube, served, server_image, back)
    assert decision(kube, served)[0] == "Aborted"
    assert counted["failed"] == 0, counted["failures"]
    kube.wait_ready(served, "fraud")


def test_a_version_that_crashes_is_rolled_back_before_it_gets_traffic(kube: Kube, served: str, server_image: str):
    def crash() -> None:
        spec = a_canary(server_image, "2", EXIT_ON_START="the weights are missing")
        kube.patch(MODEL_DEPLOYMENT, served, "fraud", {"spec": spec})
        until(lambda: phase(kube, served) == "RolledBack", seconds=200, what="RolledBack")

    counted = lost_while(kube, served, server_image, crash)
    assert decision(kube, served) == ("RolledBack", "ContainerFailing")
    assert counted["failed"] == 0, counted["failures"]
    assert set(counted["versions"]) == {"1"}

"""A person decides about a canary on real pods, by the command: promote, abort, retry, pause, resume, approve, wait."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.load import load
from fairlead.api.kinds import MODEL_DEPLOYMENT
from kube import Kube
from models import a_canary, a_model
from operator_process import OperatorProcess
from waiting import until

UNDECIDED = {"minDuration": "30m", "maxDuration": "1h", "guard": "3s", "drain": "3s"}
"""Nothing is decided by evidence within the test."""


class Person:
    """Somebody with the command, and a model."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        self.kube, self.namespace = kube, namespace

    def types(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs the command, about the model of the test."""
        verb, *more = arguments
        program = str(Path(sys.executable).parent / "fairlead")
        command = [program, verb, "fraud", "-n", self.namespace, *more]
        environment = {**os.environ, "KUBECONFIG": str(self.kube.kubeconfig)}
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=150, check=False)

    def orders(self, verb: str) -> str:
        """Gives an order that is taken."""
        done = self.types(verb)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def status(self) -> dict[str, Any]:
        return dict(self.kube.model(self.namespace, "fraud").get("status") or {})

    def until_phase(self, phase: str, seconds: float = 60) -> None:
        until(lambda: self.status().get("rollout", {}).get("phase") == phase, seconds=seconds, what=phase)

    def until_reason(self, reason: str) -> None:
        until(
            lambda: self.kube.condition(self.namespace, "fraud", "Ready").get("reason") == reason,
            seconds=20,
            what=reason,
        )

    def asks_for(self, image: str, version: str, **rollout: object) -> None:
        spec = a_canary(image, version)
        spec["rollout"] |= rollout
        self.kube.patch(MODEL_DEPLOYMENT, self.namespace, "fraud", {"spec": spec})


@pytest.fixture
def jane(kube: Kube, operator: OperatorProcess, namespace: str, server_image: str) -> Iterator[Person]:
    """A model that serves version 1 under load."""
    kube.create(MODEL_DEPLOYMENT, a_model(namespace, **a_canary(server_image, "1")))
    kube.wait_ready(namespace, "fraud")
    with load(kube, namespace, server_image):
        yield Person(kube, namespace)


def test_a_person_pauses_aborts_retries_and_promotes(jane: Person, server_image: str):
    refused = jane.types("abort")
    assert refused.returncode == 1
    assert "no revision of fraud is on its way" in refused.stderr

    jane.asks_for(server_image, "2", **UNDECIDED)
    jane.until_phase("Judging")
    second = jane.status()["rollout"]["revision"]
    jane.orders("pause")
    jane.until_reason("Paused")
    jane.orders("resume")
    jane.until_reason("OnTrial")

    assert "is taken out of the traffic" in jane.orders("abort")
    ended = jane.types("wait", "--timeout", "30s")
    assert (ended.returncode, "aborted it" in ended.stderr) == (1, True)
    status = jane.status()
    assert (status["rollout"]["phase"], status["failed"]["revision"]) == ("RolledBack", second)
    assert status["stable"]["modelVersion"] == "1"

    jane.orders("retry")
    jane.until_phase("Judging")
    assert jane.status()["rollout"]["revision"] == second

    jane.orders("abort")  # the same order again is another one
    jane.until_phase("RolledBack", seconds=10)
    jane.orders("retry")
    jane.until_phase("Judging")

    assert "whatever the evidence says" in jane.orders("promote")
    assert jane.types("wait", "--timeout", "90s").returncode == 0
    status = jane.status()
    assert status["stable"]["modelVersion"] == "2"
    told = [(each["outcome"], bool(each.get("by"))) for each in reversed(status["history"])]
    order = ["Paused", "Resumed", "Aborted", "Retried", "Aborted", "Retried", "Promoted"]
    assert told == [(outcome, True) for outcome in order]


def test_a_revision_waits_until_it_is_approved(jane: Person, server_image: str):
    rollout = {
        "onInconclusive": "Promote",
        "minDuration": "10s",
        "maxDuration": "31s",
        "guard": "3s",
        "drain": "3s",
    }
    jane.asks_for(server_image, "2", approval={"required": True}, **rollout)
    assert jane.types("wait", "--for", "decided", "--timeout", "120s").returncode == 0
    assert jane.status()["rollout"]["phase"] == "AwaitingApproval"
    assert jane.types("wait", "--timeout", "5s").returncode == 3
    assert "takes over now" in jane.orders("approve")
    assert jane.types("wait", "--timeout", "90s").returncode == 0
    status = jane.status()
    assert status["stable"]["modelVersion"] == "2"
    assert [each["outcome"] for each in status["history"]] == ["Promoted", "Approved"]

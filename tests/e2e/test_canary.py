"""Canaries on real pods, with real traffic and real metrics: what is good takes over, what is bad goes back.

The cases are played at once: by the number of pods first, and then some of them by the weights of a real Gateway, with
an operator that is killed in every phase, and again and again.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Any

import pytest

from e2e.gateways import gateway_in
from e2e.trials import TRIAL, Case, Played, Trial, playing
from fairlead.api.kinds import MODEL_DEPLOYMENT, POD
from kube import Kube
from operator_process import OperatorProcess, running
from waiting import holds, until

Record = Mapping[str, Any]
KILLED_EVERY = 30  # seconds


def metrics_are_cut_for_a_while(trial: Trial) -> Record:
    trial.until_weight()
    trial.in_pods("touch /tmp/no-metrics", "1")
    until(lambda: trial.ready().get("reason") == "EvidenceMissing", seconds=90, what="EvidenceMissing")
    weight = trial.rollout().get("weight")
    holds(lambda: not trial.status_history() and trial.rollout().get("weight") == weight, seconds=10, what="the weight")
    trial.in_pods("rm /tmp/no-metrics", "1")
    return trial.decided()


def the_spec_goes_back(trial: Trial) -> Record:
    trial.until_weight()
    trial.ask_for("1")
    return trial.decided()


def another_version_is_asked_for(trial: Trial) -> Record:
    trial.until_weight()
    trial.ask_for("3", ERROR_RATE="0.3")
    first = trial.decided()
    until(lambda: len(trial.status_history()) > 1, seconds=400, every=0.5, what="the end of version 3")
    assert trial.status_history()[0]["outcome"] == "RolledBack"
    return first


def a_stable_pod_dies(trial: Trial) -> Record:
    trial.until_weight()
    trial.kube.delete(POD, trial.namespace, trial.pods("1")[0])
    return trial.decided()


def both_are_bad_at_once(trial: Trial) -> Record:
    """Nothing is blamed on the canary; then somebody takes the change back."""
    trial.until_weight()
    trial.in_pods("echo 0.3 > /tmp/error-rate", "1", "2")
    until(lambda: trial.ready().get("reason") == "StableFailing", seconds=120, what="StableFailing")
    holds(lambda: not trial.status_history(), seconds=15, what="the trial")
    trial.ask_for("1")
    return trial.decided()


def somebody_approves(trial: Trial) -> Record:
    until(lambda: trial.rollout().get("phase") == "AwaitingApproval", seconds=TRIAL, what="AwaitingApproval")
    holds(lambda: trial.rollout().get("phase") == "AwaitingApproval", seconds=10, what="AwaitingApproval")
    trial.order("approve", trial.rollout()["revision"])
    assert trial.decided()["outcome"] == "Approved"
    return until(trial.promoted, seconds=TRIAL, every=0.5, what="the promotion")


def nobody_can_tell_in_time(trial: Trial) -> Record:
    until(lambda: trial.rollout().get("phase") == "Held", seconds=TRIAL, what="Held")
    trial.order("promote", trial.rollout()["revision"])
    return until(trial.promoted, seconds=TRIAL, every=0.5, what="the promotion")


CASES = (
    Case(name="good"),
    Case(name="errors", before={"ERROR_RATE": "0.005"}, env={"ERROR_RATE": "0.1"}),
    Case(name="slow", before={"LATENCY": "0.04"}, env={"LATENCY": "0.12"}),
    Case(name="crashes", env={"EXIT_ON_START": "the weights are missing"}),
    Case(
        name="memory",
        env={"ALLOCATE_MB": "300"},
        more={"resources": {"requests": {"memory": "64Mi"}, "limits": {"memory": "128Mi"}}},
    ),
    Case(name="never-ready", env={"NEVER_READY": "1"}, more={"rollout": {"progressDeadline": "30s"}}),
    Case(name="metrics-cut", meanwhile=metrics_are_cut_for_a_while),
    Case(name="reverted", meanwhile=the_spec_goes_back),
    Case(name="superseded", meanwhile=another_version_is_asked_for),
    Case(name="stable-pod", meanwhile=a_stable_pod_dies),
    Case(name="both-bad", meanwhile=both_are_bad_at_once),
    Case(name="approved", more={"rollout": {"approval": {"required": True}}}, meanwhile=somebody_approves),
)
BY_GATEWAY = ("good", "errors", "slow", "crashes", "metrics-cut", "reverted", "superseded", "approved")
SHORT = {"rollout": {"minDuration": "10s", "maxDuration": "31s"}}
BY_GATEWAY_ONLY = (Case(name="held", more=SHORT, meanwhile=nobody_can_tell_in_time),)
PHASES = {"Starting", "Judging", "Held", "AwaitingApproval", "Promoting", "Guarding", "RolledBack"}
"""Of the Canary strategy, beside Stable."""
Games = dict[str, Future[Played]]
BY_PODS_ONLY = pytest.mark.parametrize("games", ["by-pods"], indirect=True)


@pytest.fixture(scope="module", params=["by-pods", "by-gateway"])
def games(
    request: pytest.FixtureRequest, kube: Kube, server_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Games]:
    """All cases, on their way."""
    folder = tmp_path_factory.mktemp("operator")
    gateway = request.getfixturevalue("gateway_address") if request.param == "by-gateway" else ""
    with ExitStack() as stack:
        namespace = stack.enter_context(kube.namespace())
        if gateway:
            gateway_in(kube, namespace)
        operator = stack.enter_context(running(kube.kubeconfig, folder, namespace))
        some = (*(case for case in CASES if case.name in BY_GATEWAY), *BY_GATEWAY_ONLY)
        cases = some if gateway else CASES
        played = stack.enter_context(playing(kube, namespace, server_image, cases, gateway))
        if gateway:
            stack.enter_context(killed_again_and_again(operator, kube, namespace))
        yield played


class killed_again_and_again(threading.Thread):  # noqa: N801 - it is used like a function
    """An operator that is killed when a model is in a phase for the first time, and every KILLED_EVERY seconds.

    At the end it must have been killed in every phase.
    """

    def __init__(self, operator: OperatorProcess, kube: Kube, namespace: str) -> None:
        super().__init__()
        self._operator, self._kube, self._namespace = operator, kube, namespace
        self._end = threading.Event()
        self._killed_in: set[str] = set()

    def run(self) -> None:
        last = time.monotonic()
        while not self._end.wait(0.2):
            new = self._phases() - self._killed_in
            if new or time.monotonic() - last > KILLED_EVERY:
                self._operator.kill()
                self._operator.start()
                self._killed_in |= new
                last = time.monotonic()

    def _phases(self) -> set[str]:
        models = self._kube.list(MODEL_DEPLOYMENT, self._namespace)
        rollouts = [(model.get("status") or {}).get("rollout") or {} for model in models]
        return {str(rollout["phase"]) for rollout in rollouts if "phase" in rollout}

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, failed: object, *_: object) -> None:
        self._end.set()
        self.join()
        assert failed or self._killed_in >= PHASES, f"it was not killed in {sorted(PHASES - self._killed_in)}"


def decision(played: Played) -> tuple[str, str]:
    return played.record["outcome"], played.record["reason"]


def lost(played: Played) -> int:
    assert not played.counted["failed"], played.counted["failures"]
    return int(played.counted["failed"])


def test_a_good_version_is_promoted_and_no_request_lost(games: Games):
    played = games["good"].result()
    assert decision(played) == ("Promoted", "EvidenceFor")
    assert lost(played) == 0
    assert set(played.counted["versions"]) == {"1", "2"}


def test_a_version_with_twenty_times_the_errors_is_rolled_back(games: Games):
    played = games["errors"].result()
    assert decision(played) == ("RolledBack", "EvidenceAgainst")
    assert "errors:" in played.record["message"]
    assert set(played.counted["reasons"]) == {"status 500"}


def test_a_version_that_takes_three_times_as_long_is_rolled_back_without_a_lost_request(games: Games):
    played = games["slow"].result()
    assert decision(played) == ("RolledBack", "EvidenceAgainst")
    assert "Latency>" in played.record["message"]
    assert lost(played) == 0


def test_a_version_that_crashes_is_rolled_back_before_it_gets_traffic(games: Games):
    played = games["crashes"].result()
    assert decision(played) == ("RolledBack", "ContainerFailing")
    assert lost(played) == 0
    assert set(played.counted["versions"]) == {"1"}


@BY_PODS_ONLY
def test_a_version_that_runs_out_of_memory_is_rolled_back(games: Games):
    played = games["memory"].result()
    assert decision(played) == ("RolledBack", "ContainerFailing")
    assert "used more memory than resources.limits.memory" in played.record["message"]


@BY_PODS_ONLY
def test_a_version_that_never_gets_ready_is_rolled_back_at_its_deadline(games: Games):
    played = games["never-ready"].result()
    assert decision(played) == ("RolledBack", "ProgressDeadlineExceeded")
    assert lost(played) == 0
    assert set(played.counted["versions"]) == {"1"}


def test_a_trial_without_metrics_is_held_and_goes_on_when_they_are_back(games: Games):
    played = games["metrics-cut"].result()
    assert decision(played) == ("Promoted", "EvidenceFor")
    assert lost(played) == 0


def test_going_back_ends_the_trial(games: Games):
    played = games["reverted"].result()
    assert played.record["outcome"] == "Aborted"
    assert lost(played) == 0


def test_another_version_supersedes_a_trial_and_is_judged_by_itself(games: Games):
    assert games["superseded"].result().record["outcome"] == "Superseded"


def test_a_version_that_is_good_enough_takes_over_once_it_is_approved(games: Games):
    played = games["approved"].result()
    assert decision(played) == ("Promoted", "EvidenceFor")
    assert lost(played) == 0


@BY_PODS_ONLY
def test_a_stable_pod_that_dies_is_not_blamed_on_the_canary(games: Games):
    played = games["stable-pod"].result()
    assert decision(played) == ("Promoted", "EvidenceFor")
    assert lost(played) == 0


@BY_PODS_ONLY
def test_when_both_are_bad_nothing_is_blamed_on_the_canary(games: Games):
    assert games["both-bad"].result().record["outcome"] == "Aborted"


@pytest.mark.parametrize("games", ["by-gateway"], indirect=True)
def test_a_version_of_which_nobody_can_tell_in_time_is_held_until_a_person_decides(games: Games):
    played = games["held"].result()
    assert played.record["outcome"] == "Promoted"
    assert lost(played) == 0

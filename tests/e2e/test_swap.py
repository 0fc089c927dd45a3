"""Canaries where a quota leaves no spare place: their pods take the place of old ones, and give it back."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Any

import pytest

from e2e.trials import Case, Played, Trial, playing
from kube import QUOTA, Kube
from operator_process import running

REPLICAS = 3  # of each model: see models.a_canary


def without_a_spare_place(trial: Trial) -> Mapping[str, Any]:
    """There are never more pods than the model needs, and in the end it has all of them again."""
    trial.no_more_than(REPLICAS, lambda: bool(trial.status_history()))
    trial.no_more_than(REPLICAS, lambda: "givenUp" not in trial.rollout())
    return trial.status_history()[0]


SWAP = {"rollout": {"capacity": "Swap"}}
SLOW = {"LATENCY": "0.12"}
CASES = (
    Case(name="good", more=SWAP, meanwhile=without_a_spare_place),
    Case(name="slow", more=SWAP, before={"LATENCY": "0.04"}, env=SLOW, meanwhile=without_a_spare_place),
)
Games = dict[str, Future[Played]]


@pytest.fixture(scope="module")
def games(kube: Kube, server_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Games]:
    """Both cases, on their way. The quota has room for their pods and for those that ask them, and for no other."""
    folder = tmp_path_factory.mktemp("operator")
    with ExitStack() as stack:
        namespace = stack.enter_context(kube.namespace())
        quota = {
            "apiVersion": QUOTA.api_version,
            "kind": QUOTA.kind,
            "metadata": {"name": "no-spare-place", "namespace": namespace},
            "spec": {"hard": {"pods": str(len(CASES) * (REPLICAS + 1))}},
        }
        kube.create(QUOTA, quota)
        stack.enter_context(running(kube.kubeconfig, folder, namespace))
        yield stack.enter_context(playing(kube, namespace, server_image, CASES))


def test_a_good_version_takes_over_pod_by_pod_and_no_request_is_lost(games: Games):
    played = games["good"].result()
    assert (played.record["outcome"], played.record["reason"]) == ("Promoted", "EvidenceFor")
    assert not played.counted["failed"], played.counted["reasons"]
    assert set(played.counted["versions"]) == {"1", "2"}
    assert played.trial.ready()["status"] == "True"


def test_a_bad_version_gives_its_place_back_and_no_request_is_lost(games: Games):
    played = games["slow"].result()
    assert (played.record["outcome"], played.record["reason"]) == ("RolledBack", "EvidenceAgainst")
    assert not played.counted["failed"], played.counted["reasons"]
    assert len(played.trial.pods("1")) == REPLICAS
    assert not played.trial.pods("2")

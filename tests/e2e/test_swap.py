"""Canaries where a quota leaves no spare place: their pods take the place of old ones, and give it back.

All are played at once: by the number of pods, and by the weights of a real Gateway.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Any

import pytest

from e2e.gateways import gateway_in
from e2e.trials import Case, Played, Trial, playing
from fairlead.api.kinds import MODEL_DEPLOYMENT
from kube import QUOTA, Kube
from operator_process import running

REPLICAS = 3  # of each model: see models.a_canary


def without_a_spare_place(trial: Trial) -> Mapping[str, Any]:
    """There are never more pods than the model needs, and in the end it has all of them again."""
    trial.no_more_than(REPLICAS, lambda: bool(trial.status_history()))
    trial.no_more_than(REPLICAS, lambda: "givenUp" not in trial.rollout())
    return trial.status_history()[0]


def nobody_can_read_the_spec(trial: Trial) -> Mapping[str, Any]:
    """The API server takes for a regular expression whatever it is given."""
    trial.until_weight()
    bad = {"series": "http_requests_total", "labels": {"code": "5("}}
    counters = {"bad": [bad], "total": [{"series": "http_requests_total"}]}
    change = {"spec": {"slo": {"objectives": [{"name": "safe", "target": "99", "counters": counters}]}}}
    trial.kube.patch(MODEL_DEPLOYMENT, trial.namespace, trial.name, change)
    return without_a_spare_place(trial)


SWAP = {"rollout": {"capacity": "Swap"}}
FAST, SLOW = {"LATENCY": "0.04"}, {"LATENCY": "0.12"}
BY_PODS = (
    Case(name="good", more=SWAP, meanwhile=without_a_spare_place),
    Case(name="slow", more=SWAP, before=FAST, env=SLOW, meanwhile=without_a_spare_place),
)
BY_GATEWAY = (
    Case(name="good-behind", more=SWAP, meanwhile=without_a_spare_place),
    Case(name="slow-behind", more=SWAP, before=FAST, env=SLOW, meanwhile=without_a_spare_place),
    Case(name="unread-behind", more=SWAP, meanwhile=nobody_can_read_the_spec),
)
Games = dict[str, Future[Played]]
EITHER_WAY = pytest.mark.parametrize("way", ["", "-behind"], ids=["by-pods", "by-gateway"])


@pytest.fixture(scope="module")
def games(
    kube: Kube, server_image: str, gateway_address: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Games]:
    """All cases, on their way. The quota has room for their pods and for those that ask them, and for no other."""
    folder = tmp_path_factory.mktemp("operator")
    with ExitStack() as stack:
        namespace = stack.enter_context(kube.namespace())
        quota = {
            "apiVersion": QUOTA.api_version,
            "kind": QUOTA.kind,
            "metadata": {"name": "no-spare-place", "namespace": namespace},
            "spec": {"hard": {"pods": str(len(BY_PODS + BY_GATEWAY) * (REPLICAS + 1))}},
        }
        kube.create(QUOTA, quota)
        gateway_in(kube, namespace)
        stack.enter_context(running(kube.kubeconfig, folder, namespace))
        by_pods = stack.enter_context(playing(kube, namespace, server_image, BY_PODS))
        yield by_pods | stack.enter_context(playing(kube, namespace, server_image, BY_GATEWAY, gateway_address))


@EITHER_WAY
def test_a_good_version_takes_over_pod_by_pod_and_no_request_is_lost(games: Games, way: str):
    played = games[f"good{way}"].result()
    assert (played.record["outcome"], played.record["reason"]) == ("Promoted", "EvidenceFor")
    assert not played.counted["failed"], played.counted["failures"]
    assert set(played.counted["versions"]) == {"1", "2"}
    assert played.trial.ready()["status"] == "True"


@EITHER_WAY
def test_a_bad_version_gives_its_place_back_and_no_request_is_lost(games: Games, way: str):
    played = games[f"slow{way}"].result()
    assert (played.record["outcome"], played.record["reason"]) == ("RolledBack", "EvidenceAgainst")
    assert not played.counted["failed"], played.counted["failures"]
    assert len(played.trial.pods("1")) == REPLICAS
    assert not played.trial.pods("2")


def test_a_version_whose_spec_nobody_can_read_gives_its_place_back_and_no_request_is_lost(games: Games):
    played = games["unread-behind"].result()
    assert (played.record["outcome"], played.record["message"]) == ("Aborted", "the spec cannot be read any more")
    assert not played.counted["failed"], played.counted["failures"]
    assert (len(played.trial.pods("1")), played.trial.pods("2")) == (REPLICAS, [])
    assert played.trial.ready()["reason"] == "InvalidSpec"

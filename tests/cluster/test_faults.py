"""An API server that answers late, wrongly or not at all, watches that end, and two operators at once."""

import signal
import time
from pathlib import Path

import pytest

import localcluster
from api_proxy import ApiProxy, Fault, Rule, writes_to
from fairlead.api.kinds import DEPLOYMENT, MODEL_DEPLOYMENT, SERVICE
from kube import LEASE, Kube
from models import a_model
from operator_process import OperatorProcess, running
from waiting import holds, until


def first_times(n: int, fault: Fault, pattern: str = "") -> Rule:
    """The fault for the first n writes, of those whose path matches."""
    matches, left = writes_to(pattern), [n]

    def rule(method: str, path: str) -> Fault | None:
        if not matches(method, path) or not left[0]:
            return None
        left[0] -= 1
        return fault

    return rule


FAULTS = {
    "409": Fault(status=409),
    "429": Fault(status=429, headers={"Retry-After": "1"}),
    "500": Fault(status=500),
    "503": Fault(status=503),
    "cut": Fault(cut=True),
    "late": Fault(hang=2.0),
}


@pytest.mark.parametrize("name", FAULTS)
def test_writes_that_fail_are_tried_again_until_all_is_there(
    kube: Kube, operator: OperatorProcess, proxy: ApiProxy, namespace: str, name: str
):
    with proxy.rule(first_times(2, FAULTS[name])):
        kube.create(MODEL_DEPLOYMENT, a_model(namespace))
        kinds = {"ControllerRevision", "Deployment", "Service", "ServiceAccount"}
        stalled = []

        def all_there() -> bool:
            stalled.append(kube.condition(namespace, "fraud", "Stalled"))
            return {kind for kind, _ in kube.children(namespace, "fraud")} == kinds

        until(all_there, seconds=60, what="all children")
        until(lambda: kube.condition(namespace, "fraud", "Ready"), what="a status")
    assert not any(stalled), "what passes by itself is nobody's business"


def test_a_refusal_that_stays_is_told(kube: Kube, operator: OperatorProcess, proxy: ApiProxy, namespace: str):
    with proxy.rule(first_times(1000, Fault(status=422), "/deployments/")):
        kube.create(MODEL_DEPLOYMENT, a_model(namespace))
        stalled = until(lambda: kube.condition(namespace, "fraud", "Stalled"), what="Stalled")
        assert stalled["reason"] == "WriteRefused"
        assert "injected by the test" in stalled["message"]
    until(lambda: not kube.condition(namespace, "fraud", "Stalled"), seconds=60, what="Stalled gone with its cause")


def test_what_is_refused_for_one_object_keeps_no_other_from_being_repaired(
    kube: Kube, operator: OperatorProcess, proxy: ApiProxy, namespace: str
):
    kube.create(MODEL_DEPLOYMENT, a_model(namespace))
    until(lambda: kube.get(SERVICE, namespace, "fraud"), what="the Service")
    (deployment,) = kube.list(DEPLOYMENT, namespace)
    selector = kube.get(SERVICE, namespace, "fraud")["spec"]["selector"]
    with proxy.rule(first_times(1000, Fault(status=422), "/deployments/")):
        drift = {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 30}}}}
        kube.patch(DEPLOYMENT, namespace, deployment["metadata"]["name"], drift)
        until(lambda: kube.condition(namespace, "fraud", "Stalled"), what="Stalled")
        kube.patch(SERVICE, namespace, "fraud", {"spec": {"selector": {"app": "nonsense"}}})
        until(lambda: kube.get(SERVICE, namespace, "fraud")["spec"]["selector"] == selector, what="the selector again")


def test_watches_that_are_cut_lose_nothing(kube: Kube, operator: OperatorProcess, proxy: ApiProxy, namespace: str):
    for number in range(3):
        proxy.close_watches()
        kube.create(MODEL_DEPLOYMENT, a_model(namespace, f"fraud-{number}"))
        until(lambda number=number: kube.children(namespace, f"fraud-{number}"), what="children")
        proxy.close_watches()
        kube.delete(MODEL_DEPLOYMENT, namespace, f"fraud-{number}")
    until(lambda: operator.metric("fairlead_cached_objects", kind="ModelDeployment") == 0, what="an empty cache")
    assert operator.is_running()


def test_a_deletion_during_a_cut_watch_is_repaired(
    kube: Kube, operator: OperatorProcess, proxy: ApiProxy, namespace: str
):
    kube.create(MODEL_DEPLOYMENT, a_model(namespace))
    until(lambda: kube.get(SERVICE, namespace, "fraud"), what="the Service")

    def no_watches(method: str, path: str) -> Fault | None:
        return Fault(status=500) if "watch=true" in path else None

    with proxy.rule(no_watches):
        proxy.close_watches()
        kube.delete(SERVICE, namespace, "fraud")
    until(lambda: kube.get(SERVICE, namespace, "fraud"), seconds=60, what="the Service again")


@pytest.mark.parametrize(
    "nonsense",
    [{"stable": {"revision": "no-such"}}, {"rollout": {"phase": "Draining", "since": "2999-01-01T00:00:00Z"}}, {}],
    ids=["stable", "rollout", "empty"],
)
def test_a_status_written_by_hand_is_put_right(
    kube: Kube, operator: OperatorProcess, namespace: str, nonsense: dict[str, object]
):
    kube.create(MODEL_DEPLOYMENT, a_model(namespace))
    until(lambda: "cannot be pulled" in kube.condition(namespace, "fraud", "Ready").get("message", ""), what="a status")
    before, children = kube.model(namespace, "fraud")["status"], kube.children(namespace, "fraud").keys()
    uids = {key: child["metadata"]["uid"] for key, child in kube.children(namespace, "fraud").items()}
    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"status": None}, "/status")
    if nonsense:
        kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"status": nonsense}, "/status")

    def put_right() -> bool:
        status = kube.model(namespace, "fraud").get("status") or {}
        told = [(c["type"], c["status"], c["reason"], c["message"]) for c in status.get("conditions", [])]
        return told == [(c["type"], c["status"], c["reason"], c["message"]) for c in before["conditions"]]

    until(put_right, what="the same conditions")
    assert kube.model(namespace, "fraud")["status"]["rollout"]["phase"] == before["rollout"]["phase"]
    assert kube.children(namespace, "fraud").keys() == children
    assert {key: child["metadata"]["uid"] for key, child in kube.children(namespace, "fraud").items()} == uids


def test_a_restarted_api_server_is_survived(
    kube: Kube, local_cluster: localcluster.Cluster, operator: OperatorProcess, namespace: str
):
    kube.create(MODEL_DEPLOYMENT, a_model(namespace, "before"))
    until(lambda: kube.children(namespace, "before"), what="children")
    local_cluster.restart("kube-apiserver")
    kube.create(MODEL_DEPLOYMENT, a_model(namespace, "after"))
    until(
        lambda: ("Service", "after") in kube.children(namespace, "after"), seconds=90, what="children of the new model"
    )
    assert operator.is_running()


def test_another_leader_takes_over_within_15_seconds(
    kube: Kube, proxy: ApiProxy, operator: OperatorProcess, namespace: str, tmp_path: Path
):
    other_proxy = ApiProxy(kube.kubeconfig)
    other_proxy.start()
    try:
        with running(other_proxy.kubeconfig(tmp_path), tmp_path, namespace, name="other") as other:
            kube.create(MODEL_DEPLOYMENT, a_model(namespace, "first"))
            until(lambda: kube.children(namespace, "first"), what="children by the first leader")
            assert not other_proxy.writes, "a standby writes nothing"
            operator.kill()
            killed = time.monotonic()
            kube.create(MODEL_DEPLOYMENT, a_model(namespace, "second"))
            until(lambda: other_proxy.writes, seconds=20, what="a write of the other one")
            assert other_proxy.writes[0].at - killed < 15
            until(lambda: ("Service", "second") in kube.children(namespace, "second"), what="children by the other one")
            assert other.metric("fairlead_leader") == 1
    finally:
        other_proxy.stop()


def test_a_leader_that_slept_too_long_does_not_write(
    kube: Kube, proxy: ApiProxy, operator: OperatorProcess, namespace: str, tmp_path: Path
):
    with running(kube.kubeconfig, tmp_path, namespace, name="other") as other:
        kube.create(MODEL_DEPLOYMENT, a_model(namespace))
        until(lambda: kube.list(DEPLOYMENT, namespace), what="a Deployment")
        holds(lambda: other.metric("fairlead_leader") == 0, seconds=1, what="one leader")
        operator.signal(signal.SIGSTOP)
        until(lambda: other.metric("fairlead_leader") == 1, seconds=20, what="the other one leading")
        before = len(proxy.writes)
        kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {"replicas": 3}})
        operator.signal(signal.SIGCONT)
        until(lambda: _replicas(kube, namespace) == 3, what="3 replicas, by the other one")
        holds(lambda: len(proxy.writes) == before, seconds=5, what="no write of the one that slept")


def test_sigterm_gives_the_lease_back_at_once(kube: Kube, operator: OperatorProcess, namespace: str):
    kube.create(MODEL_DEPLOYMENT, a_model(namespace))
    until(lambda: kube.children(namespace, "fraud"), what="children")
    began = time.monotonic()
    assert operator.terminate() == 0
    assert time.monotonic() - began < 10
    lease = kube.get(LEASE, namespace, "fairlead")
    assert lease is not None
    assert not lease["spec"].get("holderIdentity")


def _replicas(kube: Kube, namespace: str) -> int:
    (deployment,) = kube.list(DEPLOYMENT, namespace)
    return int(deployment["spec"]["replicas"])

"""What the operator makes of a ModelDeployment on a real API server, and how it keeps it so."""

from typing import Any

import pytest

from api_proxy import ApiProxy
from fairlead.api.kinds import (
    BY_KIND,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    EVENT,
    MODEL_DEPLOYMENT,
    NETWORK_POLICY,
    POD_DISRUPTION_BUDGET,
    SERVICE,
    SERVICE_ACCOUNT,
)
from kube import Kube
from models import a_model
from operator_process import OperatorProcess
from waiting import holds, same, until

SCALING = {"minReplicas": 2, "maxReplicas": 5, "target": {"cpuUtilization": 70}}
FULL: dict[str, Any] = {
    "autoscaling": SCALING,
    "resources": {"requests": {"cpu": "1000m", "memory": "1024Mi"}},
    "network": {"isolation": "Namespace"},
    "pod": {"tolerations": [{"key": "gpu", "operator": "Equal", "value": ""}]},  # the server drops the empty value
}
KINDS = {
    "ControllerRevision",
    "Deployment",
    "HorizontalPodAutoscaler",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "Service",
    "ServiceAccount",
}


def created(kube: Kube, namespace: str, **spec: Any) -> dict[tuple[str, str], Any]:
    kube.create(MODEL_DEPLOYMENT, a_model(namespace, **spec))
    return settled(kube, namespace)


def settled(kube: Kube, namespace: str) -> dict[tuple[str, str], Any]:
    until(lambda: kube.condition(namespace, "fraud", "Ready"), what="a status")
    return kube.children(namespace, "fraud")


def at_rest(kube: Kube, namespace: str) -> None:
    """Until all that these pods will ever do has happened: their image cannot be pulled."""
    told = "cannot be pulled"
    until(lambda: told in kube.condition(namespace, "fraud", "Ready").get("message", ""), what="the pods' trouble")
    until(
        lambda: any(event["reason"] == "ImageUnavailable" for event in kube.list(EVENT, namespace)),
        what="the Event, which is written last",
    )


def test_one_resource_becomes_all_objects(kube: Kube, operator: OperatorProcess, namespace: str):
    children = created(kube, namespace, **FULL)
    assert {kind for kind, _ in children} == KINDS
    assert len(children) == len(KINDS) + 1, "two Services: one for clients, one for the revision"
    model = kube.model(namespace, "fraud")
    for child in children.values():
        (owner,) = child["metadata"]["ownerReferences"]
        assert (owner["uid"], owner["controller"]) == (model["metadata"]["uid"], True)
    assert "finalizers" not in model["metadata"], "deletion must work with the operator down"


def test_the_very_first_status_says_not_ready(kube: Kube, operator: OperatorProcess, namespace: str):
    created(kube, namespace)
    status = kube.model(namespace, "fraud")["status"]
    ready = next(found for found in status["conditions"] if found["type"] == "Ready")
    assert ready["status"] == "False"
    assert status["observedGeneration"] == ready["observedGeneration"] == 1


def test_a_quiet_model_is_not_written_to(kube: Kube, operator: OperatorProcess, proxy: ApiProxy, namespace: str):
    created(kube, namespace, **FULL)
    at_rest(kube, namespace)
    before = len(proxy.writes)
    same(lambda: proxy.writes[before:], seconds=20, what="what is written")
    assert operator.metric("fairlead_noop_writes_total") == 0


def test_a_restart_writes_nothing(kube: Kube, operator: OperatorProcess, proxy: ApiProxy, namespace: str):
    created(kube, namespace, **FULL)
    at_rest(kube, namespace)
    assert operator.terminate() == 0
    before = len(proxy.writes)
    operator.start()
    until(lambda: operator.metric("fairlead_reconciles_total") >= 1, what="the first look")
    same(lambda: proxy.writes[before:], seconds=3, what="what is written")


def test_each_child_that_is_deleted_comes_back_in_one_write(
    kube: Kube, operator: OperatorProcess, proxy: ApiProxy, namespace: str
):
    for (kind_name, name), child in created(kube, namespace, **FULL).items():
        kind = BY_KIND[(child["apiVersion"], kind_name)]
        before = len(proxy.writes)
        kube.delete(kind, namespace, name)
        found = until(lambda kind=kind, name=name: kube.get(kind, namespace, name), what=f"{kind_name} {name} again")
        assert found["metadata"]["uid"] != child["metadata"]["uid"]
        path = kind.path(namespace, name)
        assert [write.method for write in proxy.writes[before:] if write.path == path] == ["PATCH"]


EDITS: dict[str, dict[str, Any]] = {
    "Deployment": {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 30}}}},
    "HorizontalPodAutoscaler": {"spec": {"maxReplicas": 99}},
    "NetworkPolicy": {"spec": {"ingress": []}},
    "PodDisruptionBudget": {"spec": {"maxUnavailable": 5}},
    "Service": {"spec": {"selector": {"app": "nonsense"}}},
    "ServiceAccount": {"automountServiceAccountToken": True},
    "ControllerRevision": {"metadata": {"labels": {"fairlead.dev/wish": "nonsense"}}},
}


@pytest.mark.parametrize("kind_name", sorted(EDITS))
def test_an_edited_child_is_put_right_in_one_write(
    kube: Kube, operator: OperatorProcess, proxy: ApiProxy, namespace: str, kind_name: str
):
    children = created(kube, namespace, **FULL)
    name, child = next((name, child) for (kind, name), child in children.items() if kind == kind_name)
    kind = BY_KIND[(child["apiVersion"], kind_name)]
    before = len(proxy.writes)
    kube.patch(kind, namespace, name, EDITS[kind_name])

    def put_right() -> bool:
        return _without_bookkeeping(kube.get(kind, namespace, name)) == _without_bookkeeping(child)

    until(put_right, what=f"{kind_name} {name} as it was")
    writes = [
        write for write in proxy.writes[before:] if write.path.partition("?")[0].endswith(f"/{kind.plural}/{name}")
    ]
    assert [write.method for write in writes] == ["PATCH"]


SMUGGLED: dict[str, tuple[Any, dict[str, Any]]] = {
    "a second port": (SERVICE, {"spec": {"ports": [{"name": "http", "port": 80}, {"name": "x", "port": 81}]}}),
    "a volume of another kind": (
        DEPLOYMENT,
        {"spec": {"template": {"spec": {"volumes": [{"name": "scratch-0", "hostPath": {"path": "/"}}]}}}},
    ),
    "a budget of another kind": (POD_DISRUPTION_BUDGET, {"spec": {"maxUnavailable": None, "minAvailable": 1}}),
    "a policy for everybody": (
        NETWORK_POLICY,
        {"spec": {"ingress": [{"from": [{"podSelector": {}, "namespaceSelector": {}}]}]}},
    ),
}


@pytest.mark.parametrize("name", SMUGGLED)
def test_what_applying_cannot_take_away_is_replaced(
    kube: Kube, operator: OperatorProcess, proxy: ApiProxy, namespace: str, name: str
):
    kind, change = SMUGGLED[name]
    created(kube, namespace, **FULL)
    at_rest(kube, namespace)
    children = kube.children(namespace, "fraud")
    child_name, child = next((n, child) for (k, n), child in children.items() if k == kind.kind)
    note = {"metadata": {"annotations": {"example.com/note": "by hand"}}}
    kube.patch(kind, namespace, child_name, {**change, **note})

    def put_right() -> bool:
        found = kube.get(kind, namespace, child_name)
        assert found is not None
        assert found["metadata"]["annotations"]["example.com/note"] == "by hand", "whoever adds one keeps it"
        return _without_bookkeeping(found) == _without_bookkeeping(child)

    until(put_right, what=f"{kind.kind} as it was")
    holds(put_right, seconds=2, what=f"{kind.kind} as it was")
    before = len(proxy.writes)
    same(lambda: proxy.writes[before:], seconds=4, what="what is written")


def test_a_variable_that_somebody_adds_is_taken_away(kube: Kube, operator: OperatorProcess, namespace: str):
    children = created(kube, namespace)
    name, child = next((name, child) for (kind, name), child in children.items() if kind == "Deployment")
    container = child["spec"]["template"]["spec"]["containers"][0]
    added = {**container, "env": [{"name": "ADDED", "value": "by hand"}]}
    kube.patch(DEPLOYMENT, namespace, name, {"spec": {"template": {"spec": {"containers": [added]}}}})

    def env() -> Any:
        return kube.get(DEPLOYMENT, namespace, name)["spec"]["template"]["spec"]["containers"][0].get("env")

    until(lambda: not env(), what="the variable gone")


def _without_bookkeeping(found: dict[str, Any] | None) -> dict[str, Any]:
    assert found is not None
    changing = {"resourceVersion", "generation", "managedFields", "annotations"}
    metadata = {key: value for key, value in found["metadata"].items() if key not in changing}
    return {key: value for key, value in found.items() if key != "status"} | {"metadata": metadata}


def test_replicas_that_somebody_sets_by_hand_are_put_right(kube: Kube, operator: OperatorProcess, namespace: str):
    children = created(kube, namespace, replicas=2)
    name = next(name for kind, name in children if kind == "Deployment")
    kube.patch(DEPLOYMENT, namespace, name, {"spec": {"replicas": 7}}, "/scale")
    until(lambda: kube.get(DEPLOYMENT, namespace, name)["spec"]["replicas"] == 2, what="2 replicas")


def test_an_autoscaler_takes_over_without_a_fall_to_one_replica(
    kube: Kube, operator: OperatorProcess, proxy: ApiProxy, namespace: str
):
    children = created(kube, namespace, replicas=4, resources=FULL["resources"])
    name = next(name for kind, name in children if kind == "Deployment")
    until(lambda: kube.get(DEPLOYMENT, namespace, name)["spec"]["replicas"] == 4, what="4 replicas")
    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {"replicas": None, "autoscaling": SCALING}})
    until(lambda: ("HorizontalPodAutoscaler", name) in kube.children(namespace, "fraud"), what="an autoscaler")
    holds(lambda: kube.get(DEPLOYMENT, namespace, name)["spec"]["replicas"] == 4, seconds=3, what="4 replicas")
    generation = kube.get(DEPLOYMENT, namespace, name)["metadata"]["generation"]
    kube.patch(DEPLOYMENT, namespace, name, {"spec": {"replicas": 3}}, "/scale")  # the autoscaler's part
    holds(
        lambda: kube.get(DEPLOYMENT, namespace, name)["spec"]["replicas"] == 3, seconds=3, what="the autoscaler's word"
    )
    assert kube.get(DEPLOYMENT, namespace, name)["metadata"]["generation"] == generation + 1


def test_editing_what_is_no_part_of_the_pods_changes_only_that(
    kube: Kube, operator: OperatorProcess, proxy: ApiProxy, namespace: str
):
    before = created(kube, namespace, **FULL)
    at = len(proxy.writes)
    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {"autoscaling": {"maxReplicas": 7}}})
    until(lambda: kube.condition(namespace, "fraud", "Ready"), what="a status about the new spec")
    after = kube.children(namespace, "fraud")
    changed = {key for key in before if _without_bookkeeping(before[key]) != _without_bookkeeping(after[key])}
    assert {kind for kind, _ in changed} == {"HorizontalPodAutoscaler"}
    paths = [write.path.partition("?")[0].split("/") for write in proxy.writes[at:]]
    written = {path[-2] for path in paths if path[-1] != "events"}  # that it took over may be told only now
    assert written <= {"horizontalpodautoscalers", "fraud"}, "the autoscaler, and the status of the model"


def test_another_strategy_changes_the_deployment_and_no_pod(
    kube: Kube, operator: OperatorProcess, proxy: ApiProxy, namespace: str
):
    children = created(kube, namespace)
    name, before = next((name, child) for (kind, name), child in children.items() if kind == "Deployment")

    def deployment() -> dict[str, Any]:
        found = kube.get(DEPLOYMENT, namespace, name)
        assert found is not None
        return dict(found["spec"])

    at = len(proxy.writes)
    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {"rollout": {"strategy": "Recreate"}}})
    until(lambda: deployment()["strategy"] == {"type": "Recreate"}, what="Recreate")
    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {"rollout": {"strategy": "BlueGreen"}}})
    until(lambda: deployment() == before["spec"], what="the Deployment as it was")
    writes = [write.method for write in proxy.writes[at:] if f"/deployments/{name}" in write.path]
    assert writes == ["PATCH", "PATCH"]


def test_a_revision_that_is_wanted_again_is_renumbered_in_one_write(
    kube: Kube, operator: OperatorProcess, proxy: ApiProxy, namespace: str
):
    children = created(kube, namespace, model={"version": "1"})
    first = next(name for kind, name in children if kind == "ControllerRevision")
    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {"model": {"version": "2"}}})
    until(lambda: len(kube.list(CONTROLLER_REVISION, namespace)) == 2, what="a second record")
    at = len(proxy.writes)
    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {"model": {"version": "1"}}})
    until(lambda: kube.get(CONTROLLER_REVISION, namespace, first)["revision"] == 3, what="number 3")
    writes = [write.method for write in proxy.writes[at:] if f"/controllerrevisions/{first}" in write.path]
    assert writes == ["PATCH"]


def test_what_is_switched_off_goes(kube: Kube, operator: OperatorProcess, namespace: str):
    created(kube, namespace, **FULL)
    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {"autoscaling": None, "network": None, "replicas": 1}})
    gone = {"HorizontalPodAutoscaler", "NetworkPolicy", "PodDisruptionBudget"}
    until(lambda: gone.isdisjoint(kind for kind, _ in kube.children(namespace, "fraud")), what="the objects gone")


@pytest.mark.parametrize("kind", [SERVICE, SERVICE_ACCOUNT], ids=lambda kind: kind.kind)
def test_a_foreign_object_of_the_same_name_is_refused_and_not_touched(
    kube: Kube, operator: OperatorProcess, namespace: str, kind: Any
):
    foreign: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": kind.kind,
        "metadata": {"name": "fraud", "namespace": namespace},
    }
    if kind == SERVICE:
        foreign["spec"] = {"selector": {"app": "somebody-else"}, "ports": [{"port": 80}]}
    theirs = kube.create(kind, foreign)
    kube.create(MODEL_DEPLOYMENT, a_model(namespace))
    stalled = until(lambda: kube.condition(namespace, "fraud", "Stalled"), what="Stalled")
    assert stalled["reason"] == "NameTaken"
    assert f"{kind.kind} fraud" in stalled["message"]
    assert kube.get(kind, namespace, "fraud") == theirs
    kube.delete(kind, namespace, "fraud")
    until(
        lambda: not kube.condition(namespace, "fraud", "Stalled"), seconds=60, what="Stalled gone once the name is free"
    )


@pytest.mark.parametrize("strategy", ["BlueGreen", "Recreate"])
def test_a_name_that_is_taken_keeps_no_old_revision_alive(
    kube: Kube, operator: OperatorProcess, namespace: str, strategy: str
):
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "fraud", "namespace": namespace}}
    kube.create(SERVICE_ACCOUNT, account)
    kube.create(MODEL_DEPLOYMENT, a_model(namespace, rollout={"strategy": strategy}, model={"version": "1"}))
    (old,) = until(lambda: kube.list(DEPLOYMENT, namespace), what="a Deployment")
    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {"model": {"version": "2"}}})

    def replaced() -> bool:
        names = [found["metadata"]["name"] for found in kube.list(DEPLOYMENT, namespace)]
        return len(names) == 1 and names != [old["metadata"]["name"]]

    until(replaced, seconds=60, what="the new revision alone")


def test_deleting_the_model_deletes_everything_with_the_operator_down(
    kube: Kube, operator: OperatorProcess, namespace: str
):
    created(kube, namespace, **FULL)
    operator.kill()
    kube.delete(MODEL_DEPLOYMENT, namespace, "fraud")
    until(lambda: not kube.children(namespace, "fraud"), seconds=60, what="all children gone")


def test_a_model_of_the_same_name_takes_over_from_a_deleted_one(kube: Kube, operator: OperatorProcess, namespace: str):
    first = created(kube, namespace)
    kube.delete(MODEL_DEPLOYMENT, namespace, "fraud")
    kube.create(MODEL_DEPLOYMENT, a_model(namespace))
    uid = kube.model(namespace, "fraud")["metadata"]["uid"]

    def all_new() -> bool:
        children = kube.children(namespace, "fraud")
        owners = {child["metadata"]["ownerReferences"][0]["uid"] for child in children.values()}
        return owners == {uid} and children.keys() == first.keys()

    until(all_new, seconds=60, what="children of the new model alone")


def test_one_bad_object_harms_no_other(kube: Kube, operator: OperatorProcess, proxy: ApiProxy, namespace: str):
    kube.create(MODEL_DEPLOYMENT, a_model(namespace, name="bad", pod={"affinity": {"nodeAffinity": {"nonsense": 1}}}))
    refused = until(lambda: kube.condition(namespace, "bad", "Stalled"), what="Stalled of the bad one")
    assert refused["reason"] == "WriteRefused"
    assert "nonsense" in refused["message"]
    created(kube, namespace)
    assert operator.is_running()

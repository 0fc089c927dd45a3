"""observe/caches.py: which models an event has looked at, and which events nobody."""

from copy import deepcopy
from typing import Any

import pytest

from fairlead.api.kinds import HORIZONTAL_POD_AUTOSCALER, MODEL_DEPLOYMENT, MODEL_RUNTIME, POD, SCALED_OBJECT
from fairlead.cluster.store import Key
from fairlead.observe.caches import caches, runtime_name
from fairlead.scaling.trouble import troubles
from world import RUNTIME, World, a_model

FRAUD = ("risk", "fraud")


def versioned(obj: Any, version: int) -> dict[str, Any]:
    found = deepcopy(dict(obj))
    found["metadata"] |= {"uid": "1", "resourceVersion": str(version)}
    return found


def an_autoscaler() -> dict[str, Any]:
    scaling = {"minReplicas": 2, "maxReplicas": 10, "target": {"cpuUtilization": 70}}
    world = World(a_model(autoscaling=scaling, resources={"requests": {"cpu": "1"}}))
    world.reconcile()
    return next(found for (kind, _), found in world.children.items() if kind == HORIZONTAL_POD_AUTOSCALER)


def test_the_numbers_of_an_autoscaler_are_no_reason_to_look():
    made, store = an_autoscaler(), caches()[HORIZONTAL_POD_AUTOSCALER]
    assert store.observe("ADDED", versioned(made, 1) | {"status": {"currentReplicas": 1}}) == {FRAUD}
    assert store.observe("MODIFIED", versioned(made, 2) | {"status": {"currentReplicas": 2}}) == set()
    made["spec"]["maxReplicas"] = 99
    assert store.observe("MODIFIED", versioned(made, 3)) == {FRAUD}


def test_an_autoscaler_that_begins_or_ends_to_fail_is_a_reason_to_look():
    made, store = an_autoscaler(), caches()[HORIZONTAL_POD_AUTOSCALER]

    def says(version: int, status: str, **more: Any) -> set[Key]:
        condition = {"type": "ScalingActive", "status": status, "lastTransitionTime": str(version), **more}
        limited = {"type": "ScalingLimited", "status": str(version % 2 == 0), "message": f"{version} pods"}
        told = {"status": {"currentReplicas": version, "conditions": [condition, limited]}}
        return store.observe("MODIFIED", versioned(made, version) | told)

    assert says(1, "True", message="able to calculate a replica count from cpu: 1") == {FRAUD}
    assert says(2, "True", message="able to calculate a replica count from cpu: 2") == set()
    assert says(3, "False", message="no metrics") == {FRAUD}
    assert says(4, "False", message="no metrics") == set()
    assert says(5, "False", message="no metrics-server") == {FRAUD}
    assert says(6, "True") == {FRAUD}


def test_an_autoscaler_that_scales_is_a_reason_to_look_and_so_is_that_this_is_over():
    made, store = an_autoscaler(), caches()[HORIZONTAL_POD_AUTOSCALER]

    def says(version: int, able: str, pods: int, cpu: int) -> set[Key]:
        metric = {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": cpu}}}
        found = [
            {"type": "AbleToScale", "status": "True", "reason": able},
            {"type": "ScalingActive", "status": "True", "reason": "ValidMetricFound", "message": "from cpu"},
        ]
        status = {"lastScaleTime": "x", "desiredReplicas": pods, "currentMetrics": [metric], "conditions": found}
        return store.observe("MODIFIED", versioned(made, version) | {"status": status})

    assert says(1, "ReadyForNewScale", 2, 60) == {FRAUD}
    assert says(2, "ReadyForNewScale", 2, 65) == set()
    assert says(3, "SucceededRescale", 4, 143) == {FRAUD}
    (cached,) = store.owned(FRAUD)
    assert cached["status"]["currentMetrics"][0]["resource"]["current"]["averageUtilization"] == 143
    assert troubles(HORIZONTAL_POD_AUTOSCALER, cached) == ()
    assert says(4, "ReadyForNewScale", 4, 70) == {FRAUD}
    assert says(5, "ReadyForNewScale", 4, 66) == set()


def test_a_scaled_object_tells_of_its_fallback_and_not_of_its_load():
    made, store = an_autoscaler(), caches()[SCALED_OBJECT]

    def says(version: int, **conditions: str) -> set[Key]:
        found = [{"type": kind, "status": status} for kind, status in conditions.items()]
        return store.observe("MODIFIED", versioned(made, version) | {"status": {"conditions": found}})

    assert says(1, Ready="True", Active="True", Fallback="False") == {FRAUD}
    assert says(2, Ready="True", Active="False", Fallback="False") == set()
    assert says(3, Ready="True", Active="False", Fallback="True") == {FRAUD}


@pytest.mark.parametrize(
    ("conditions", "types"),
    [
        ({}, ["Ready"]),
        ({"Ready": "Unknown"}, ["Ready"]),
        ({"Ready": "True", "Active": "True"}, []),
        ({"Ready": "True", "Fallback": "True"}, ["Fallback"]),
        ({"Ready": "True", "HPAActive": "False"}, ["HPAActive"]),
        ({"Ready": "False"}, ["Ready"]),
    ],
)
def test_what_is_wrong_with_a_scaled_object_is_the_same_in_the_cache(conditions: dict[str, str], types: list[str]):
    made, store = an_autoscaler(), caches()[SCALED_OBJECT]
    found = [{"type": kind, "status": status} for kind, status in conditions.items()]
    store.observe("ADDED", versioned(made, 1) | {"status": {"conditions": found}})
    (cached,) = store.owned(FRAUD)
    assert [each["type"] for each in troubles(SCALED_OBJECT, cached)] == types


def test_a_runtime_concerns_the_models_that_use_it():
    stores = caches()
    assert stores[MODEL_RUNTIME].observe(None, versioned(RUNTIME, 1)) == set()
    stores[MODEL_DEPLOYMENT].observe("ADDED", versioned(a_model(), 2))
    other = versioned(a_model(runtime={"container": {"image": "x"}}), 3)
    other["metadata"]["name"] = "other"
    stores[MODEL_DEPLOYMENT].observe("ADDED", other)
    assert stores[MODEL_RUNTIME].observe(None, versioned(RUNTIME, 1)) == set(), "the same once more"
    changed = versioned(RUNTIME, 4)
    changed["spec"]["image"] = "registry.example/mlserver:2"
    assert stores[MODEL_RUNTIME].observe("MODIFIED", changed) == {FRAUD}
    assert stores[MODEL_RUNTIME].observe("DELETED", versioned(RUNTIME, 5)) == {FRAUD}


def test_a_model_that_makes_no_sense_uses_nothing():
    for spec in (None, {"runtime": "x"}, {"runtime": {"ref": "x"}}, {"runtime": {"ref": {"name": 7}}}):
        assert runtime_name({"spec": spec}) is None


def test_of_a_pod_is_kept_what_a_message_may_name():
    probe = {"httpGet": {"path": "/ready", "port": "http"}}
    server = {"name": "server", "image": "x", "env": [{"name": "A"}], "readinessProbe": probe, "ports": []}
    claim = {"name": "model", "persistentVolumeClaim": {"claimName": "models"}}
    spec = {"nodeName": "n", "containers": [server], "volumes": [claim, {"name": "scratch-0", "emptyDir": {}}]}
    labels = {"fairlead.dev/model": "fraud"}
    pod = {"metadata": {"name": "p", "namespace": "risk", "labels": labels}, "spec": spec, "status": {"qosClass": "x"}}
    store = caches()[POD]
    store.observe("ADDED", versioned(pod, 1))
    kept = store.get(("risk", "p"))
    assert kept is not None
    assert kept["spec"] == {
        "containers": [{"name": "server", "readinessProbe": probe, "ports": []}],
        "volumes": [claim],
    }
    assert kept["status"] == {}

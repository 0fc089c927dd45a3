"""Autoscalers that people make by hand, with kubectl, of what Fairlead scales."""

from typing import Any

import pytest

from fairlead.api.kinds import DEPLOYMENT, MODEL_DEPLOYMENT
from kube import Kube
from models import a_model, a_server
from operator_process import OperatorProcess
from waiting import holds, until

pytestmark = pytest.mark.usefixtures("operator")

CPU = {"requests": {"cpu": "100m"}}
BOUNDS = {"minReplicas": 1, "maxReplicas": 3, "target": {"cpuUtilization": 70}}


def scaling(kube: Kube, namespace: str) -> tuple[str, str]:
    found = kube.condition(namespace, "fraud", "ScalingActive")
    return found.get("reason", ""), found.get("message", "")


def autoscale(kube: Kube, namespace: str, target: str) -> None:
    told = kube.kubectl("autoscale", target, "-n", namespace, "--name=theirs", "--min=2", "--max=3", "--cpu=50%")
    assert told.returncode == 0, told.stderr


def stop_autoscaling(kube: Kube, namespace: str) -> None:
    assert kube.kubectl("delete", "hpa", "theirs", "-n", namespace).returncode == 0
    until(lambda: scaling(kube, namespace)[0] != "ForeignAutoscaler", seconds=60, what="that it is gone")


def test_one_of_a_deployment_is_told_and_the_number_is_left_to_it(kube: Kube, namespace: str, server_image: str):
    kube.create(MODEL_DEPLOYMENT, a_model(namespace, **a_server(server_image), replicas=1, resources=CPU))
    stable = kube.wait_ready(namespace, "fraud")["status"]["stable"]["revision"]

    def pods() -> int:
        found = kube.get(DEPLOYMENT, namespace, stable)
        assert found is not None
        return int(found["spec"]["replicas"])

    autoscale(kube, namespace, f"deployment/{stable}")
    until(lambda: scaling(kube, namespace)[0] == "ForeignAutoscaler", seconds=60, what="that it is told")
    assert scaling(kube, namespace)[1].startswith(
        f"HorizontalPodAutoscaler theirs, which is not Fairlead's, sets the number of pods of {stable}; "
    )
    until(lambda: pods() >= 2, seconds=60, what="its minimum, which the autoscaler sets again until it is left alone")
    holds(lambda: pods() >= 2, seconds=20, what="its minimum")
    stop_autoscaling(kube, namespace)
    until(lambda: pods() == 1, seconds=30, what="spec.replicas")


def test_one_of_the_model_is_told_beside_autoscaling(kube: Kube, namespace: str, server_image: str):
    kube.create(MODEL_DEPLOYMENT, a_model(namespace, **a_server(server_image), autoscaling=BOUNDS, resources=CPU))
    kube.wait_ready(namespace, "fraud")
    autoscale(kube, namespace, "modeldeployment/fraud")
    until(lambda: scaling(kube, namespace)[0] == "ForeignAutoscaler", seconds=60, what="that it is told")
    assert scaling(kube, namespace)[1] == (
        "HorizontalPodAutoscaler theirs, which is not Fairlead's, is meant to scale this ModelDeployment, and cannot "
        "beside spec.autoscaling: delete one of the two"
    )
    stop_autoscaling(kube, namespace)


def test_kubectl_scale_beside_autoscaling(kube: Kube, namespace: str, server_image: str):
    """Of the model it is refused. Of what serves it holds until the autoscaler sets another number, and is told."""
    kube.create(MODEL_DEPLOYMENT, a_model(namespace, **a_server(server_image), autoscaling=BOUNDS, resources=CPU))
    stable = kube.wait_ready(namespace, "fraud")["status"]["stable"]["revision"]
    refused = kube.kubectl("scale", "-n", namespace, "fmd/fraud", "--replicas=2")
    assert refused.returncode != 0
    assert "set replicas or autoscaling, not both: an autoscaler owns the number of replicas" in refused.stderr
    assert kube.kubectl("scale", "-n", namespace, f"deployment/{stable}", "--replicas=2").returncode == 0

    def changes() -> list[dict[str, Any]]:
        return list(kube.model(namespace, "fraud")["status"]["scaling"].get("changes") or ())

    found = until(changes, seconds=30, what="the change")[0]
    assert (found["before"], found["after"]) == (1, 2)
    assert found["reason"] == f"HorizontalPodAutoscaler {stable}, or somebody else: it does not say"


def test_one_of_the_model_sets_spec_replicas(kube: Kube, namespace: str, operator: OperatorProcess, server_image: str):
    kube.create(MODEL_DEPLOYMENT, a_model(namespace, **a_server(server_image), replicas=1, resources=CPU))
    kube.wait_ready(namespace, "fraud")
    autoscale(kube, namespace, "modeldeployment/fraud")
    until(lambda: kube.model(namespace, "fraud")["spec"]["replicas"] == 2, seconds=60, what="its minimum")
    kube.wait_ready(namespace, "fraud")
    assert scaling(kube, namespace) == ("", "")

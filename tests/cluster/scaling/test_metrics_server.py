"""What real pods use, as a real metrics-server tells it, and a real autoscaler that goes by it."""

import pytest

from cluster.scaling.pods import LIMIT, WAITING, WORKING, a_deployment, pods, ready
from fairlead.api.kinds import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, Kind
from kube import Kube
from waiting import until

POD_METRICS = Kind("metrics.k8s.io", "v1beta1", "PodMetrics", "pods")
UNITS = {"n": 1e-6, "u": 1e-3, "m": 1.0, "": 1000.0}

pytestmark = pytest.mark.usefixtures("metrics_server")


def used(kube: Kube, namespace: str) -> dict[str, float]:
    """By pod, in thousandths of a core."""
    return {
        metrics["metadata"]["name"]: sum(millicores(each["usage"]["cpu"]) for each in metrics["containers"])
        for metrics in kube.list(POD_METRICS, namespace)
    }


def millicores(quantity: str) -> float:
    number = quantity.rstrip("num")
    return float(number) * UNITS[quantity.removeprefix(number)]


def test_what_a_working_pod_uses_is_told(kube: Kube, namespace: str, server_image: str):
    kube.create(DEPLOYMENT, a_deployment(namespace, server_image, WORKING))
    most = until(
        lambda: max((cpu for cpu in used(kube, namespace).values() if cpu > LIMIT / 2), default=None),
        seconds=120,
        every=1,
        what=f"a pod that uses {LIMIT}m",
    )
    assert most is not None
    assert most < LIMIT * 1.25, "more than its limit, and what the kernel lets slip"

    top = kube.kubectl("top", "pods", "-n", namespace, "--no-headers")
    assert top.returncode == 0, top.stderr
    (name,) = pods(kube, namespace)
    assert top.stdout.split()[0] == name


def test_an_autoscaler_goes_by_it(kube: Kube, namespace: str, server_image: str):
    """Every pod uses 200 % of what it asks for, so more are wanted until there are as many as there may be."""
    kube.create(DEPLOYMENT, a_deployment(namespace, server_image, WORKING))
    kube.create(HORIZONTAL_POD_AUTOSCALER, an_autoscaler(namespace))
    until(lambda: ready(kube, namespace) == 3, seconds=240, every=1, what="three pods")
    now = a_deployment(namespace, server_image, WAITING)["spec"]["template"]["spec"]["containers"]
    kube.patch(DEPLOYMENT, namespace, "fraud", {"spec": {"template": {"spec": {"containers": now}}}})
    until(lambda: ready(kube, namespace) == 1, seconds=300, every=1, what="one pod, when there is no work")


def an_autoscaler(namespace: str) -> dict[str, object]:
    target = {"type": "Utilization", "averageUtilization": 50}
    return {
        "apiVersion": HORIZONTAL_POD_AUTOSCALER.api_version,
        "kind": HORIZONTAL_POD_AUTOSCALER.kind,
        "metadata": {"namespace": namespace, "name": "fraud"},
        "spec": {
            "scaleTargetRef": {"apiVersion": DEPLOYMENT.api_version, "kind": DEPLOYMENT.kind, "name": "fraud"},
            "minReplicas": 1,
            "maxReplicas": 3,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
        },
    }

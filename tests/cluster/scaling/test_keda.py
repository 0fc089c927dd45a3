"""A real KEDA: a ScaledObject whose metric a real Prometheus has, and one that the API server refuses."""

from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import ApiException

from cluster.scaling.pods import WAITING, a_deployment, ready
from fairlead.api.kinds import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, Kind
from kube import Kube
from prometheus_process import PrometheusProcess, scraping
from waiting import until

SCALED_OBJECT = Kind("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects")
EXTERNAL = "/apis/external.metrics.k8s.io/v1beta1/namespaces"

pytestmark = pytest.mark.usefixtures("keda")


def a_scaled_object(namespace: str, *triggers: dict[str, Any]) -> dict[str, Any]:
    """None at rest and three at most."""
    return {
        "apiVersion": SCALED_OBJECT.api_version,
        "kind": SCALED_OBJECT.kind,
        "metadata": {"namespace": namespace, "name": "fraud"},
        "spec": {
            "scaleTargetRef": {"name": "fraud"},
            "minReplicaCount": 0,
            "maxReplicaCount": 3,
            "pollingInterval": 2,
            "cooldownPeriod": 5,
            "triggers": list(triggers),
        },
    }


def by(prometheus: PrometheusProcess, query: str) -> dict[str, Any]:
    metadata = {"serverAddress": prometheus.url, "query": query, "threshold": "1"}
    return {"type": "prometheus", "metadata": metadata}


def told(kube: Kube, namespace: str) -> list[str]:
    """The values of the first trigger, as autoscalers are told them."""
    scaled = "scaledobject.keda.sh/name=fraud"
    try:
        answer = kube.call("GET", f"{EXTERNAL}/{namespace}/s0-prometheus", labelSelector=scaled)
    except ApiException as error:
        if error.status not in (404, 500):  # these until KEDA has asked for it
            raise
        return []
    return [item["value"] for item in answer["items"]]


def test_pods_come_by_what_prometheus_says_and_go(kube: Kube, namespace: str, server_image: str, tmp_path: Path):
    itself = {"job_name": "itself", "static_configs": [{"targets": ["127.0.0.1:1"]}]}
    kube.create(DEPLOYMENT, a_deployment(namespace, server_image, WAITING))
    with scraping(tmp_path / "prometheus", itself) as prometheus:
        until(lambda: prometheus.query("up"), what="a first scrape")
        # Nothing answers there, so `up` is 0, and 3 less that is 3.
        kube.create(SCALED_OBJECT, a_scaled_object(namespace, by(prometheus, "3 - sum(up)")))
        until(lambda: told(kube, namespace) == ["3"], seconds=60, every=1, what="the value of the metric")
        until(lambda: ready(kube, namespace) == 3, seconds=120, every=1, what="three pods")
        found = kube.get(HORIZONTAL_POD_AUTOSCALER, namespace, "keda-hpa-fraud")
        assert found is not None

        nothing = a_scaled_object(namespace, by(prometheus, "sum(up)"))["spec"]
        kube.patch(SCALED_OBJECT, namespace, "fraud", {"spec": nothing})
        until(lambda: ready(kube, namespace) == 0, seconds=180, every=1, what="no pods")


def test_what_is_no_scaled_object_is_refused(kube: Kube, namespace: str):
    whole = a_scaled_object(namespace, {"type": "cron", "metadata": {}})
    del whole["spec"]["scaleTargetRef"]
    with pytest.raises(ApiException) as refused:
        kube.create(SCALED_OBJECT, whole)
    assert refused.value.status == 422
    assert "spec.scaleTargetRef" in str(refused.value.body)

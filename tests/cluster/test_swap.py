"""rollout.capacity: Swap on a real API server: what would leave nothing to share is refused, whichever way it comes."""

from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from fairlead.api.kinds import MODEL_DEPLOYMENT
from kube import Kube
from models import METRICS, a_model


def test_one_replica_is_refused_by_the_scale_subresource_too(kube: Kube, namespace: str):
    container: dict[str, Any] = {"image": "registry.invalid/fraud:1", "metrics": METRICS}
    rollout = {"strategy": "Canary", "capacity": "Swap"}
    model = a_model(namespace, replicas=3, runtime={"container": container}, rollout=rollout)
    kube.create(MODEL_DEPLOYMENT, model)
    with pytest.raises(ApiException, match="set replicas to 2 or more"):
        kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {"replicas": 1}}, "/scale")
    scaled = kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {"replicas": 2}}, "/scale")
    assert scaled["spec"]["replicas"] == 2

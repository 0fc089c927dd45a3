"""What autoscalers measure by, on the real cluster."""

import os

import pytest

import localcluster
from kube import Kube


def _needs(extra: str) -> None:
    if os.environ.get("FAIRLEAD_TEST_KUBECONFIG"):
        pytest.skip(f"needs {extra} of hack/cluster, and FAIRLEAD_TEST_KUBECONFIG names another cluster")


@pytest.fixture(scope="session")
def metrics_server(kube: Kube) -> None:
    """metrics.k8s.io is served."""
    _needs("the metrics-server")
    localcluster.up(metrics=True)


@pytest.fixture(scope="session")
def keda(kube: Kube) -> None:
    """ScaledObjects are acted upon, and external.metrics.k8s.io is served."""
    _needs("KEDA")
    localcluster.up(keda=True)

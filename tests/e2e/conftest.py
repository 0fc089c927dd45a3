"""Fixtures for tests with real pods."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import localcluster
from fairlead.api.kinds import Kind
from kube import Kube
from localcluster.gateway import PORT
from localcluster.network import HOST
from operator_process import OperatorProcess, running

GATEWAY = Kind("gateway.networking.k8s.io", "v1", "Gateway", "gateways")


@pytest.fixture
def operator(kube: Kube, namespace: str, tmp_path: Path) -> Iterator[OperatorProcess]:
    """An operator for the test's namespace."""
    with running(kube.kubeconfig, tmp_path, namespace) as process:
        yield process


@pytest.fixture(scope="session")
def gateway_address(kube: Kube) -> str:
    """Where a real implementation of the Gateway API listens."""
    if os.environ.get("FAIRLEAD_TEST_KUBECONFIG"):
        pytest.skip("needs the gateway of hack/cluster, and FAIRLEAD_TEST_KUBECONFIG names another cluster")
    localcluster.up(gateway=True)
    return f"http://{HOST}:{PORT}"


@pytest.fixture
def gateway(kube: Kube, namespace: str, gateway_address: str) -> str:
    """A Gateway called `public` in the test's namespace; returns its address."""
    listener = {"name": "web", "protocol": "HTTP", "port": PORT, "allowedRoutes": {"namespaces": {"from": "Same"}}}
    made = {
        "apiVersion": GATEWAY.api_version,
        "kind": GATEWAY.kind,
        "metadata": {"name": "public", "namespace": namespace},
        "spec": {"gatewayClassName": "traefik", "listeners": [listener]},
    }
    kube.create(GATEWAY, made)
    return gateway_address

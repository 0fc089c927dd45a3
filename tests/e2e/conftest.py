"""Fixtures for tests with real pods."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import localcluster
from e2e.gateways import ADDRESS, gateway_in
from kube import Kube
from operator_process import OperatorProcess, running


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
    return ADDRESS


@pytest.fixture
def gateway(kube: Kube, namespace: str, gateway_address: str) -> str:
    """A Gateway called `public` in the test's namespace; returns its address."""
    gateway_in(kube, namespace)
    return gateway_address

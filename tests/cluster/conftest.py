"""Fixtures for tests on a real API server, with the operator as a process beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api_proxy import ApiProxy, proxied
from kube import Kube
from operator_process import OperatorProcess, running


@pytest.fixture
def proxy(kubeconfig: Path) -> Iterator[ApiProxy]:
    """A proxy before the API server, which counts writes and can let requests fail."""
    with proxied(kubeconfig) as proxy:
        yield proxy


@pytest.fixture
def operator(kube: Kube, proxy: ApiProxy, namespace: str, tmp_path: Path) -> Iterator[OperatorProcess]:
    """An operator for the test's namespace, which speaks with the API server through the proxy."""
    with running(proxy.kubeconfig(tmp_path), tmp_path, namespace) as process:
        yield process

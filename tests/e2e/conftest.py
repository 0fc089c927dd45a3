"""Fixtures for tests with real pods."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kube import Kube
from operator_process import OperatorProcess, running


@pytest.fixture
def operator(kube: Kube, namespace: str, tmp_path: Path) -> Iterator[OperatorProcess]:
    """An operator for the test's namespace."""
    with running(kube.kubeconfig, tmp_path, namespace) as process:
        yield process

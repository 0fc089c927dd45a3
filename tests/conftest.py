"""Fixtures that all tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import localcluster
from kube import Kube, install_crds

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    """A real cluster: the one that FAIRLEAD_TEST_KUBECONFIG names, else one on this machine (hack/cluster)."""
    if given := os.environ.get("FAIRLEAD_TEST_KUBECONFIG"):
        return Path(given)
    return localcluster.up().kubeconfig


@pytest.fixture(scope="session")
def kube(kubeconfig: Path) -> Kube:
    """The cluster, with the custom resources of this checkout."""
    kube = Kube(kubeconfig)
    install_crds(kube, ROOT / "crds")
    return kube


@pytest.fixture
def namespace(kube: Kube) -> Iterator[str]:
    """A namespace for one test."""
    with kube.namespace() as name:
        yield name

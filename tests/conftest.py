"""Fixtures that all tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import localcluster
from kube import Kube, install_crds

ROOT = Path(__file__).parents[1]
SERVER = "fairlead.test/server:1"


@pytest.fixture(scope="session")
def local_cluster() -> localcluster.Cluster:
    """The cluster on this machine (hack/cluster)."""
    if os.environ.get("FAIRLEAD_TEST_KUBECONFIG"):
        pytest.skip("needs the cluster of hack/cluster, and FAIRLEAD_TEST_KUBECONFIG names another one")
    return localcluster.up()


@pytest.fixture(scope="session")
def kubeconfig(request: pytest.FixtureRequest) -> Path:
    """A real cluster: the one that FAIRLEAD_TEST_KUBECONFIG names, else one on this machine."""
    if given := os.environ.get("FAIRLEAD_TEST_KUBECONFIG"):
        return Path(given)
    cluster: localcluster.Cluster = request.getfixturevalue("local_cluster")
    return cluster.kubeconfig


@pytest.fixture(scope="session")
def kube(kubeconfig: Path) -> Kube:
    """The cluster, with the custom resources of this checkout."""
    kube = Kube(kubeconfig)
    install_crds(kube, ROOT / "crds")
    return kube


@pytest.fixture(scope="session")
def server_image(request: pytest.FixtureRequest) -> str:
    """An image with a small server that can misbehave on command, on every node."""
    if given := os.environ.get("FAIRLEAD_TEST_SERVER_IMAGE"):
        return given
    cluster: localcluster.Cluster = request.getfixturevalue("local_cluster")
    cluster.load(localcluster.build_image(ROOT / "tests/images/server", SERVER))
    return SERVER


@pytest.fixture
def namespace(kube: Kube) -> Iterator[str]:
    """A namespace for one test."""
    with kube.namespace() as name:
        yield name

"""Fixtures that all tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

import localcluster
from fairlead.api.kinds import DEPLOYMENT
from installation.helm import Helm, Object
from installation.image import OPERATOR, image_of
from kube import Kube, install_crds
from release import Release, released

# The same examples in every run, and no clock: a slow machine is no failure.
hypothesis.settings.register_profile("fairlead", deadline=None, derandomize=True)
hypothesis.settings.load_profile("fairlead")

pytest_plugins = ["fetch.started"]

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
    for other in kube.list(DEPLOYMENT, selector="app.kubernetes.io/name=fairlead"):
        if watches_everything(other):
            where = f"{other['metadata']['namespace']}/{other['metadata']['name']}"
            pytest.exit(
                f"the operator {where} watches all namespaces, and would meddle: uninstall it, or end the cluster", 3
            )
    install_crds(kube, ROOT / "crds")
    return kube


def watches_everything(operator: Object) -> bool:
    """Whether a Deployment of the operator is told no namespaces, which means all of them."""
    (container,) = operator["spec"]["template"]["spec"]["containers"]
    told = {entry["name"]: entry.get("value") for entry in container.get("env", [])}
    return not told.get("FAIRLEAD_NAMESPACES")


@pytest.fixture(scope="session")
def server_image(request: pytest.FixtureRequest) -> str:
    """An image with a small server that can misbehave on command, on every node."""
    if given := os.environ.get("FAIRLEAD_TEST_SERVER_IMAGE"):
        return given
    cluster: localcluster.Cluster = request.getfixturevalue("local_cluster")
    cluster.load(localcluster.build_image(ROOT / "tests/images/server", SERVER))
    return SERVER


@pytest.fixture(scope="session")
def image(request: pytest.FixtureRequest) -> dict[str, str]:
    """Values of the chart that name an image of the operator that every node has."""
    given = os.environ.get("FAIRLEAD_TEST_OPERATOR_IMAGE", "")
    if not given:
        cluster: localcluster.Cluster = request.getfixturevalue("local_cluster")
        cluster.load(image_of(ROOT, OPERATOR))
    repository, _, tag = (given or OPERATOR.tag).rpartition(":")
    return {"repository": repository, "tag": tag, "pullPolicy": "IfNotPresent"}


@pytest.fixture(scope="session")
def helm() -> Helm:
    """Helm, and the chart of this checkout."""
    return Helm(program=localcluster.binary("helm"), chart=ROOT / "charts" / "fairlead")


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


@pytest.fixture
def release(helm: Helm, kube: Kube) -> Iterator[Release]:
    """A release of the chart of this checkout, not installed yet."""
    with released(helm, kube) as release:
        yield release


@pytest.fixture
def namespace(kube: Kube) -> Iterator[str]:
    """A namespace for one test."""
    with kube.namespace() as name:
        yield name

"""Releases of the chart on a real cluster."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import localcluster
from cluster.chart.release import Release, released
from installation.helm import Helm
from installation.image import TAG, operator_image
from kube import Kube

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def helm() -> Helm:
    """Helm, and the chart of this checkout."""
    return Helm(program=localcluster.binary("helm"), chart=ROOT / "charts" / "fairlead")


@pytest.fixture
def release(helm: Helm, kube: Kube) -> Iterator[Release]:
    """A release of the chart of this checkout, not installed yet."""
    with released(helm, kube) as release:
        yield release


@pytest.fixture(scope="session")
def image(request: pytest.FixtureRequest) -> dict[str, str]:
    """Values that name an image of the operator that every node has."""
    given = os.environ.get("FAIRLEAD_TEST_OPERATOR_IMAGE", "")
    if not given:
        cluster: localcluster.Cluster = request.getfixturevalue("local_cluster")
        cluster.load(operator_image(ROOT))
    repository, _, tag = (given or TAG).rpartition(":")
    return {"repository": repository, "tag": tag, "pullPolicy": "IfNotPresent"}

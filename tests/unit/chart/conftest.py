"""The chart of this checkout, and Helm to render it."""

from pathlib import Path

import pytest

import localcluster
from installation.helm import Helm

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def helm() -> Helm:
    """Helm, and the chart."""
    return Helm(program=localcluster.binary("helm"), chart=ROOT / "charts" / "fairlead")

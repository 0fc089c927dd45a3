"""Where things are kept: the cache outlives the cluster, /run does not."""

import os
from collections.abc import Callable
from pathlib import Path

Progress = Callable[[str], None]

NAME = "fairlead"

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCES = CHECKOUT / "hack" / "binaries"
IMAGE_SOURCES = CHECKOUT / "tests" / "images"

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fairlead"
BINARIES = CACHE / "bin"
IMAGES = CACHE / "images"

# One set of addresses, so one cluster a machine: what is running is recorded where every checkout and every user looks.
RUN = Path("/run/fairlead-cluster")

CLUSTER = CACHE / "clusters" / NAME
KUBECONFIG = CLUSTER / "kubeconfig"
LOGS = CLUSTER / "logs"
KEYS = CLUSTER / "pki"
REGISTRIES = CLUSTER / "registries"


class ClusterError(Exception):
    """What went wrong, in words for the person at the keyboard."""

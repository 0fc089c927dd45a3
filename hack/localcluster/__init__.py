"""A real Kubernetes on one machine, for the tests and the demo.

    cluster = localcluster.up()          does nothing when it is up already
    cluster.load(localcluster.build_image(Path("tests/images/server"), "fairlead.test/server:1"))

With a Docker engine it is kind; without one, on Linux as root, it is the processes of Kubernetes themselves, two nodes
with real pods, and the names of Services in DNS. A gateway, metrics-server, KEDA and nodes with pretended accelerators
can be had in addition. What those do not have: NetworkPolicies are stored but not enforced, and there is no storage to
claim.
"""

from localcluster.binaries import binary
from localcluster.cluster import Cluster
from localcluster.images import build_image
from localcluster.places import ClusterError
from localcluster.shell import settings
from localcluster.start import can_have_extras, find, up

__all__ = ["Cluster", "ClusterError", "binary", "build_image", "can_have_extras", "find", "settings", "up"]

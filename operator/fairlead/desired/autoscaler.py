"""The HorizontalPodAutoscaler of a revision."""

from typing import Any

from fairlead.api.kinds import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER
from fairlead.api.modeldeployment import Autoscaling
from fairlead.api.revision import Revision
from fairlead.desired.metadata import manifest
from fairlead.situation import Identity


def autoscaler(identity: Identity, revision: Revision, scaling: Autoscaling, at_least: int) -> dict[str, Any]:
    """The autoscaler, which never goes below `at_least` replicas.

    A candidate without traffic would be scaled to its minimum, and meet all traffic with that: while it is on trial
    its minimum is what the stable revision has now.
    """
    target = scaling.target
    shares = {"cpu": target.cpu_utilization, "memory": target.memory_utilization}
    return {
        **manifest(HORIZONTAL_POD_AUTOSCALER, identity, revision.name, revision),
        "spec": {
            "scaleTargetRef": {"apiVersion": DEPLOYMENT.api_version, "kind": DEPLOYMENT.kind, "name": revision.name},
            "minReplicas": max(scaling.min_replicas, at_least),
            "maxReplicas": scaling.max_replicas,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": name, "target": {"type": "Utilization", "averageUtilization": share}},
                }
                for name, share in shares.items()
                if share is not None
            ],
        },
    }

"""The HorizontalPodAutoscaler of a revision."""

from typing import Any

from fairlead.api.autoscaling import Autoscaling
from fairlead.api.kinds import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER
from fairlead.api.revision import Revision
from fairlead.metadata import manifest
from fairlead.situation import Identity


def autoscaler(identity: Identity, revision: Revision, scaling: Autoscaling, floor: int) -> dict[str, Any]:
    """The autoscaler, which never goes below `floor` replicas. That is `minReplicas` at least: see rollout/size.py."""
    target = scaling.target
    shares = {"cpu": target.cpu_utilization, "memory": target.memory_utilization}
    return {
        **manifest(HORIZONTAL_POD_AUTOSCALER, identity, revision.name, revision),
        "spec": {
            "scaleTargetRef": {"apiVersion": DEPLOYMENT.api_version, "kind": DEPLOYMENT.kind, "name": revision.name},
            "minReplicas": floor,
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

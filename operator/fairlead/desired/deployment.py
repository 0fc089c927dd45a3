"""The Deployment of a revision, made from the revision alone: what runs is what was recorded."""

from typing import Any, assert_never

from fairlead.api import names
from fairlead.api.kinds import DEPLOYMENT
from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.revision import Revision
from fairlead.metadata import manifest
from fairlead.situation import Identity


def deployment(identity: Identity, revision: Revision, spec: ModelDeploymentSpec) -> dict[str, Any]:
    """The Deployment, without its number of replicas (see plan.Scale)."""
    recorded = revision.snapshot.template
    labels = {**recorded["metadata"]["labels"], names.REVISION: revision.name}
    built = manifest(DEPLOYMENT, identity, revision.name, revision)
    built["metadata"]["labels"][names.WISH] = revision.wish
    return {
        **built,
        "spec": {
            "selector": {"matchLabels": names.selector(identity.name, revision.name)},
            "template": {**recorded, "metadata": {**recorded["metadata"], "labels": labels}},
            "strategy": _replacement(spec),
            "revisionHistoryLimit": 1,
            "progressDeadlineSeconds": int(spec.rollout.progress_deadline.total_seconds()),
        },
    }


def _replacement(spec: ModelDeploymentSpec) -> dict[str, Any]:
    """How a pod is replaced within its revision, when somebody restarts the Deployment."""
    match spec.rollout.strategy:
        case "Canary" if spec.rollout.capacity == "Swap":  # there is no room for its successor
            return {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}
        case "Canary" | "BlueGreen":  # it stays until its successor serves
            return {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"}}
        case "Recreate":  # there may be no room for its successor, or no second claim to its volume
            return {"type": "Recreate"}
        case _:
            assert_never(spec.rollout.strategy)

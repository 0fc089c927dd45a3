"""The PodDisruptionBudget of a revision: a node drain takes one pod at a time."""

from typing import Any

from fairlead.api import names
from fairlead.api.kinds import POD_DISRUPTION_BUDGET
from fairlead.api.revision import Revision
from fairlead.metadata import manifest
from fairlead.situation import Identity


def disruption_budget(identity: Identity, revision: Revision) -> dict[str, Any]:
    """The budget. Pods that do not serve may always be evicted (KEP-3017), or they would block a drain for ever."""
    return {
        **manifest(POD_DISRUPTION_BUDGET, identity, revision.name, revision),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": names.selector(identity.name, revision.name)},
        },
    }

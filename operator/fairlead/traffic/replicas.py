"""Traffic by the number of pods: a Service shares requests evenly among the pods that it selects.

It needs nothing but Services, and is as coarse as the numbers of pods are: with two stable pods a canary of one gets a
third. Connections that stay open keep their pod, so the share holds for new connections only.
"""

from math import floor
from typing import Any

from fairlead.api.revision import Revision
from fairlead.decision import Wait
from fairlead.situation import Situation
from fairlead.traffic.interface import TrafficSplit
from fairlead.traffic.service import stable_service


class ReplicaRatio(TrafficSplit):
    """The Service selects the pods of both revisions while a canary is on trial, and those of one otherwise.

    Moving traffic is one write of a selector: there is nothing to wait for.
    """

    def pods(self, share: float, stable_pods: int, needed: int) -> int:
        """As many as do not exceed the share, but one at least."""
        if share >= 1:
            return needed
        return min(max(1, floor(share / (1 - share) * stable_pods + 1e-9)), max(needed, 1))

    def share(self, wanted: float, canary_pods: int, stable_pods: int, needed: int) -> float:
        return canary_pods / (canary_pods + stable_pods) if canary_pods and wanted > 0 else 0.0

    def objects(
        self, situation: Situation, serving: Revision, candidate: Revision | None, share: float
    ) -> tuple[dict[str, Any], ...]:
        return (stable_service(situation.identity, serving, shared=share > 0),)

    def pending(self, situation: Situation) -> Wait | None:
        return None

    def moving(self, situation: Situation, revision: Revision) -> Wait | None:
        return None

    def may_reach(self, situation: Situation, revision: Revision) -> bool:
        return False

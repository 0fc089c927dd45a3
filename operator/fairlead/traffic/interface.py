"""What every way to share traffic has to tell and to make."""

from typing import Any, Protocol

from fairlead.api.revision import Revision
from fairlead.decision import Wait
from fairlead.situation import Situation


class TrafficSplit(Protocol):
    """One way to share traffic. Shares are fractions: 0.25 is a quarter of the requests."""

    def pods(self, share: float, stable_pods: int, needed: int) -> int:
        """How many pods a canary has for a share of traffic, beside `stable_pods`; `needed` can take all of it."""

    def share(self, wanted: float, canary_pods: int, stable_pods: int, needed: int) -> float:
        """The share that a canary gets with so many pods available, where the evidence allows the `wanted` one."""

    def objects(
        self, situation: Situation, serving: Revision, candidate: Revision | None, share: float
    ) -> tuple[dict[str, Any], ...]:
        """What sends clients to the pods, in the order in which it is written."""

    def pending(self, situation: Situation) -> Wait | None:
        """Why what was written last may not be what happens; None when it is."""

    def moving(self, situation: Situation, revision: Revision) -> Wait | None:
        """Why it is not certain that a revision gets all traffic; None when it does, or when nothing is to be seen.

        Whoever served before is not taken for drained until then.
        """

    def may_reach(self, situation: Situation, revision: Revision) -> bool:
        """Whether clients may still be sent to a revision, whatever was decided."""

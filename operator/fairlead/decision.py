"""What is decided about the revisions of a model at one look, as a frozen value. Made by rollout/, read by desired/ and
report/, which make the plan of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from fairlead.api.orders import Action, Order
from fairlead.api.reasons import Phase, Reason
from fairlead.api.revision import Revision
from fairlead.evidence.judgement import Judged


@dataclass(frozen=True, kw_only=True)
class Drained:
    """A revision that has had traffic, and when that moved away from it.

    `served` says that it had all of it and was not found wanting: so that one can go back to it. `reached` says that
    clients may still be sent to it, so that its drain has not begun.
    """

    revision: Revision
    since: datetime
    served: bool = True
    reached: bool = False


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why the revision that the spec asks for cannot be made. Nothing that runs is touched.

    `passing` says that it takes no person, only time.
    """

    reason: Reason
    message: str
    passing: bool = False


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Why production traffic does not move yet."""

    reason: Reason
    message: str


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A revision that was rolled back, why, when. It is not tried again unless the spec changes or it is retried."""

    revision: str
    reason: Reason
    message: str
    since: datetime


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What came of asking for the error budget for a revision, since when, and in words.

    `passed` is when it was found that it may start; `reason` why it may not.
    """

    since: datetime
    told: str
    passed: datetime | None = None
    reason: Reason | None = None


@dataclass(frozen=True, kw_only=True)
class Ordered:
    """Since when something holds that a person has ordered, and who it was, where that is known."""

    since: datetime
    by: str | None = None

    @property
    def who(self) -> str:
        """The person, for a sentence."""
        return self.by or "somebody"


@dataclass(frozen=True, kw_only=True)
class Handled:
    """An order that was seen, when, and what came of it. `order` is None when it cannot be read."""

    action: Action
    value: str
    since: datetime
    result: Literal["Done", "Ignored", "Unreadable", "Waiting"]
    message: str
    order: Order | None = None


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What people have decided about the revision on its way.

    `start`, `promote`, `approved` and `paused` hold until they are taken back, or the revision is off its way. `abort`
    and `anew` are of this look: that it is given up, and that its failure is forgotten. `handled` are all orders that
    are there, and `fresh` those among them that are new.
    """

    start: Ordered | None = None
    promote: Ordered | None = None
    approved: Ordered | None = None
    paused: Ordered | None = None
    abort: Ordered | None = None
    anew: bool = False
    handled: tuple[Handled, ...] = ()
    fresh: tuple[Handled, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Which revisions live, and which of them serves.

    `replicas` is how many pods a revision needs to take all traffic; `stable_replicas` how many the stable one is to
    have, which may be more. `scale` is how many pods Fairlead gives to a revision, by name; none where it leaves the
    number alone. `floor` is the number below which a revision's autoscaler must not go. `starting` says whether the
    candidate may run already (with Recreate it waits for the old pods to end). `stable_since` is when the stable
    revision took over. `traffic_stays` says that the Service is left as it is, for the candidate has no pods that
    could serve. `overdue` says that the candidate has had its time. `look_again` is set where time alone will make a
    difference.

    Of a canary: `candidate_replicas` is how many pods it has that does not get all traffic yet; `share` is how much of
    the traffic it is to get. `judged` is what the evidence says, `failed` the revision that the spec asks for and that
    was rolled back, and `orders` what people have decided. `budget` is what came of asking for the error budget,
    None where it was not asked at this look.
    """

    phase: Phase
    replicas: int
    stable_replicas: int
    scale: Mapping[str, int] = field(default_factory=dict)
    floor: Mapping[str, int] = field(default_factory=dict)
    stable: Revision | None = None
    candidate: Revision | None = None
    draining: tuple[Drained, ...] = ()
    stable_since: datetime | None = None
    candidate_replicas: int | None = None
    share: float = 0.0
    judged: Judged | None = None
    failed: Failed | None = None
    budget: Budget | None = None
    orders: Orders = Orders()
    overdue: bool = False
    starting: bool = True
    traffic_stays: bool = False
    wait: Wait | None = None
    problem: Problem | None = None
    look_again: timedelta | None = None

    @property
    def serving(self) -> Revision | None:
        """The revision that the Service is to select; None where it is left as it is."""
        if self.traffic_stays:
            return None
        return self.stable or (self.candidate if self.starting else None)

    @property
    def running(self) -> tuple[Revision, ...]:
        """The revisions that have pods by this decision, the serving one first."""
        candidate = (self.candidate,) if self.candidate and self.starting else ()
        stable = (self.stable,) if self.stable else ()
        return (*stable, *candidate, *(drained.revision for drained in self.draining))

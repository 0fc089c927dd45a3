"""Revisions that served before and finish their open requests."""

from datetime import datetime, timedelta

from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.revision import Revision
from fairlead.api.status import DrainingStatus
from fairlead.decision import Drained
from fairlead.rollout.capacity import swaps
from fairlead.situation import Situation, revision_named
from fairlead.traffic.choice import traffic_of

AT_ONCE = timedelta(seconds=10)
"""So long traffic may take to move away. Only of a revision that is reached for longer status says so."""


def draining(
    situation: Situation, spec: ModelDeploymentSpec, keep_out: set[str], *, guarded: bool = True
) -> tuple[Drained, ...]:
    """Those that still drain. One that is wanted again, has drained, or is gone, is not among them.

    What is only kept for a way back is kept no longer where another revision is wanted, which is not `guarded`.
    """
    remembered = situation.status.draining if situation.status else ()
    found = [
        _as_it_is(situation, spec, revision, entry, guarded=guarded)
        for entry in remembered
        if (revision := revision_named(situation.revisions, entry.revision)) is not None
        and revision.name not in keep_out
        and revision.name in situation.deployed_revisions()
    ]
    return tuple(drained for drained in found if _left(situation, spec, drained) > timedelta(0))


def _as_it_is(
    situation: Situation, spec: ModelDeploymentSpec, revision: Revision, entry: DrainingStatus, *, guarded: bool
) -> Drained:
    """How one stands now. Its drain begins when it is known that no more clients come.

    While they may come, nothing of what is remembered changes: that may last, and would be a write at every look.
    """
    # A time in the future, from a clock that was wrong or a hand-written status, must not keep a revision for ever: it
    # counts as now, and that is what is remembered.
    since = min(entry.since, situation.now)
    may_come = traffic_of(spec).may_reach(situation, revision)
    reached = may_come and (entry.reached or situation.now - since >= AT_ONCE)
    begins = entry.reached and not may_come
    return Drained(
        revision=revision,
        since=situation.now if begins else since,
        served=entry.served and guarded,
        reached=reached,
    )


def drained_from_now(
    situation: Situation, spec: ModelDeploymentSpec, revision: Revision, *, served: bool = True
) -> tuple[Drained, ...]:
    """The revision that traffic moves away from by this decision; none where no time to drain is asked for."""
    drained = Drained(revision=revision, since=situation.now, served=served)
    return (drained,) if _left(situation, spec, drained) > timedelta(0) else ()


def next_drained(situation: Situation, spec: ModelDeploymentSpec, drained: tuple[Drained, ...]) -> timedelta | None:
    """After how long the first of them has drained; None when there are none."""
    return min((_left(situation, spec, each) for each in drained), default=None)


def guard_left(situation: Situation, spec: ModelDeploymentSpec, drained: Drained) -> timedelta:
    """How long a revision is still kept ready for a way back; not positive when it is not."""
    return _since(situation, drained) + _guard(spec, drained) - situation.now


def _guard(spec: ModelDeploymentSpec, drained: Drained) -> timedelta:
    # With Swap it has given up its pods: there is nothing that could be kept ready.
    guarded = spec.rollout.strategy == "Canary" and not swaps(spec) and drained.served
    return spec.rollout.guard if guarded else timedelta(0)


def _left(situation: Situation, spec: ModelDeploymentSpec, drained: Drained) -> timedelta:
    left = _since(situation, drained) + _guard(spec, drained) + spec.rollout.drain - situation.now
    # However short the drain, whoever may still get requests stays.
    return max(left, AT_ONCE) if traffic_of(spec).may_reach(situation, drained.revision) else left


def _since(situation: Situation, drained: Drained) -> datetime:
    """From when on its times count."""
    return situation.now if drained.reached else drained.since

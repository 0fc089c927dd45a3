"""What holds of every strategy: one revision serves, and what served before drains."""

from datetime import timedelta

from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.reasons import Phase
from fairlead.api.revision import Revision
from fairlead.decision import Decision, Drained
from fairlead.rollout.draining import drained_from_now, draining, guard_left, next_drained
from fairlead.rollout.size import enough_replicas, wanted_replicas
from fairlead.rollout.stable import stable_since
from fairlead.situation import Situation, revision_named
from fairlead.sources.fetched import fetched_at, fetches, has_to_fetch

NOTHING = timedelta(0)
SOON = timedelta(seconds=1)


def serves(
    situation: Situation, spec: ModelDeploymentSpec, stable: Revision | None, old: tuple[Drained, ...]
) -> Decision:
    needed = wanted_replicas(spec, situation, None)
    guards = [guard_left(situation, spec, drained) for drained in old]
    return Decision(
        phase=_phase(situation, spec, old),
        replicas=needed,
        stable_replicas=enough_replicas(spec, situation, stable),
        stable=stable,
        stable_since=stable_since(situation, stable) if stable else None,
        draining=old,
        look_again=soonest(*guards, next_drained(situation, spec, old)),
    )


def take_over(situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision) -> Decision:
    """The wanted revision is stable from now on, and what served before drains."""
    old = draining(situation, spec, keep_out={stable.name, wanted.name}, guarded=False)
    return serves(situation, spec, wanted, (*old, *drained_from_now(situation, spec, stable)))


def _phase(situation: Situation, spec: ModelDeploymentSpec, old: tuple[Drained, ...]) -> Phase:
    if any(guard_left(situation, spec, drained) > NOTHING for drained in old):
        return Phase.GUARDING
    return Phase.DRAINING if old else Phase.STABLE


def phase_of(situation: Situation, wanted: Revision) -> Phase | None:
    """Where a revision that is wanted stood after the last decision; None when it was not on its way."""
    rollout = situation.status.rollout if situation.status else None
    return rollout.phase if rollout is not None and rollout.revision == wanted.name else None


def abandoned(situation: Situation, spec: ModelDeploymentSpec, keep: set[str]) -> tuple[Drained, ...]:
    """A canary that has had traffic and is not on trial any more: it drains like everything that served."""
    rollout = situation.status.rollout if situation.status else None
    if rollout is None or rollout.weight is None or rollout.revision in keep:
        return ()
    left = revision_named(situation.revisions, rollout.revision)
    if left is None or left.name not in situation.deployed_revisions():
        return ()
    return drained_from_now(situation, spec, left, served=False)


def time_left(situation: Situation, spec: ModelDeploymentSpec, candidate: Revision) -> timedelta:
    """How much of its progress deadline a candidate has left; not positive when it is over."""
    rollout = situation.status.rollout if situation.status else None
    known = rollout is not None and rollout.revision == candidate.name
    since = min(rollout.since, situation.now) if rollout is not None and known else situation.now
    if rollout is not None and known and rollout.given_up is not None:
        since = min(max(since, rollout.given_up.since), situation.now)  # with Swap every pod has its own time
    waits = rollout is not None and known and rollout.phase == Phase.WAITING
    placed = has_to_fetch(situation, candidate.name) and situation.placed_pods(candidate.name) > 0
    if fetches(situation, candidate.name) or (waits and placed):
        since = situation.now  # a deadline is about what it does with its model
    elif (got := fetched_at(situation, candidate.name)) is not None:
        since = min(max(since, got), situation.now)
    return since + spec.rollout.progress_deadline - situation.now


def soonest(*times: timedelta | None) -> timedelta | None:
    return min((time for time in times if time is not None and time > NOTHING), default=None)

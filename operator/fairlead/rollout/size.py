"""How many pods each revision gets, and below which number its autoscaler must not go.

needed        what can take all traffic: spec.replicas, or with an autoscaler what serves now, within its bounds and
              never less than a scheduled floor
candidate     needed; as many as its share of traffic takes while it is on trial
stable        needed; while a candidate is on trial never less than it has, and not more before that one has its
              place, or has had its time
draining      what it has
floor         of a candidate's autoscaler: needed. It would meet all traffic with minReplicas otherwise
              of the stable one's: what it has while a candidate has traffic, and for a while after it got all of it
              of one that is kept for a way back: what it has
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from fairlead.api.autoscaling import Autoscaling
from fairlead.api.history import TRIAL_ENDED
from fairlead.api.kinds import SCALED_OBJECT
from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.phases import ON_TRIAL
from fairlead.api.revision import Revision
from fairlead.decision import Decision
from fairlead.rollout.capacity import swaps
from fairlead.rollout.draining import guard_left
from fairlead.rollout.places import within_places
from fairlead.rollout.stable import stable_since
from fairlead.scaling.choice import floor_of, least_of
from fairlead.scaling.trouble import settles
from fairlead.situation import Manifest, Situation

NONE = timedelta(0)
FLOOR_TIME = timedelta(minutes=2)
"""How long a revision that has just got all traffic is not scaled in at least: what it was measured at before may be as
old, with scrapes a minute apart."""


def sized(situation: Situation, spec: ModelDeploymentSpec, decision: Decision) -> Decision:
    """The decision with the numbers of every revision that runs by it."""
    found = replace(decision, scale=_scale(situation, spec, decision), floor=_floors(situation, spec, decision))
    return within_places(situation, found) if swaps(spec) else found


def scaling_changes(situation: Situation, spec: ModelDeploymentSpec, stable: Revision | None) -> tuple[timedelta, ...]:
    """After how long another number of pods may hold at least, or something else may be told of the autoscaler."""
    if spec.autoscaling is None:
        return ()
    changes = floor_of(situation, spec.autoscaling).changes
    by_time = (changes - situation.now,) if changes else ()
    if stable is None:
        return by_time
    settled = settles(situation, stable.name)
    return (*by_time, floor_left(situation, spec.autoscaling, stable), *((settled,) if settled else ()))


def wanted_replicas(spec: ModelDeploymentSpec, situation: Situation, stable: Revision | None) -> int:
    """How many replicas a revision needs to take all traffic.

    With an autoscaler that is as many as the stable revision has now, within the autoscaler's bounds.
    """
    if spec.autoscaling is None:
        return 1 if spec.replicas is None else spec.replicas
    now = situation.asked_pods(stable.name) if stable else 0
    return min(max(floor_of(situation, spec.autoscaling).replicas, now), spec.autoscaling.max_replicas)


def enough_replicas(spec: ModelDeploymentSpec, situation: Situation, stable: Revision | None) -> int:
    """With how many replicas the stable revision is complete.

    With an autoscaler its minimum is enough, whatever a scheduled floor asks for: a service that scales out is not
    unready. One that may sleep is complete without any, but not while it wakes. Somebody else's may go below it.
    """
    if spec.autoscaling is None:
        return wanted_replicas(spec, situation, None)
    least, asked = least_of(situation, spec.autoscaling), situation.asked_pods(stable.name) if stable else 0
    if spec.autoscaling.mode == "External" and stable and situation.deployment(stable.name) is not None:
        least = min(least, asked)
    return max(least, min(1, asked))


def kept_replicas(situation: Situation, stable: Revision, needed: int) -> int:
    """How many replicas the stable revision has while something else is wanted, whatever the spec says by now.

    Nothing is taken from what serves before its successor has taken over.
    """
    return max(needed, situation.asked_pods(stable.name))


def needs_the_room(situation: Situation, stable: Revision, candidate: Revision, needed: int) -> bool:
    """Whether the stable revision must not grow yet: the candidate's pods have no place so far.

    A version and more replicas, changed in one edit, would have the old version take the room that the new one needs.
    A stable revision that has no pods at all grows first.
    """
    return situation.asked_pods(stable.name) > 0 and situation.placed_pods(candidate.name) < needed


def floor_left(situation: Situation, bounds: Autoscaling, stable: Revision) -> timedelta:
    """How long the stable revision's autoscaler must still not scale it in; not positive when it may.

    That is the time for which fewer pods have to be enough at any other time, counted from when it got all traffic.
    """
    return _all_traffic_since(situation, stable) + max(bounds.pace.down.stabilization, FLOOR_TIME) - situation.now


def _all_traffic_since(situation: Situation, stable: Revision) -> datetime:
    """When it took over, or got back what a canary had."""
    status = situation.status
    if status is not None and status.rollout is not None and status.rollout.phase in ON_TRIAL:
        return situation.now
    ended = [each.time for each in (status.history if status else ()) if each.outcome in TRIAL_ENDED]
    return max((stable_since(situation, stable), *(min(each, situation.now) for each in ended)))


def _scale(situation: Situation, spec: ModelDeploymentSpec, decision: Decision) -> Mapping[str, int]:
    numbers = {revision.name: _number(situation, spec, decision, revision) for revision in decision.running}
    return {name: number for name, number in numbers.items() if number is not None}


def _number(situation: Situation, spec: ModelDeploymentSpec, decision: Decision, revision: Revision) -> int | None:
    """How many pods to set; None where the number is left alone."""
    if revision == decision.candidate and decision.candidate_replicas is not None:
        return decision.candidate_replicas
    now, autoscalers = situation.asked_pods(revision.name), situation.autoscalers(revision.name)
    if spec.autoscaling is not None and spec.autoscaling.mode == "External":
        begins = revision == decision.candidate or situation.deployment(revision.name) is None
        return max(now, decision.replicas) if begins else None
    if spec.autoscaling is not None:
        # An autoscaler does not own the number before it exists. That of Kubernetes leaves a Deployment at zero alone;
        # KEDA's wakes it.
        owned = now > 0 or situation.child(SCALED_OBJECT, revision.name) is not None
        return None if owned and autoscalers else max(now, decision.replicas)
    if any(each["metadata"].get("deletionTimestamp") for each in autoscalers):
        return None  # somebody's finalizer keeps it alive, and it would take back whatever is set
    made = situation.deployment(revision.name) is not None
    if revision == decision.stable and made and situation.rivals_of(revision.name):
        return None  # nor is it taken back from somebody else's, again and again: ScalingActive says so
    if revision == decision.stable:
        return decision.stable_replicas
    return decision.replicas if revision == decision.candidate else None


def _floors(situation: Situation, spec: ModelDeploymentSpec, decision: Decision) -> Mapping[str, int]:
    bounds = spec.autoscaling
    if bounds is None:
        return {}
    wanted = {revision.name: _floor(situation, spec, bounds, decision, revision) for revision in decision.running}
    # The bounds may have been changed since: an autoscaler with more at least than at most is refused.
    least = floor_of(situation, bounds).replicas
    return {name: min(max(least, floor), bounds.max_replicas) for name, floor in wanted.items()}


def _floor(
    situation: Situation, spec: ModelDeploymentSpec, bounds: Autoscaling, decision: Decision, revision: Revision
) -> int:
    """The floor before the spec's bounds; 0 for none.

    After a takeover, and after a trial, the autoscaler still sees the time in which others had the traffic, and would
    scale in under all of it: its own stabilisation window looks at what it recommended, not at what it was allowed.
    """
    if revision == decision.candidate:
        return decision.replicas
    asked = situation.asked_pods(revision.name)
    if any(each.revision == revision and guard_left(situation, spec, each) > NONE for each in decision.draining):
        return asked
    live = situation.autoscalers(revision.name)
    least = max((_said(each) for each in live), default=0)
    # Without traffic a candidate measures nothing, and it may wait for the very room that this one could give.
    if decision.candidate is not None and decision.phase in ON_TRIAL:
        # While it is the measure of a canary it is not scaled in; nor is one that had no autoscaler on its own trial.
        judged = revision == decision.stable and decision.candidate_replicas is not None
        return max(least, asked) if judged or not live else least
    if decision.stable is not None and floor_left(situation, bounds, decision.stable) > NONE:
        return least if live else max(least, asked)
    return 0


def _said(autoscaler: Manifest) -> int:
    """Below which number a live autoscaler does not go."""
    spec = autoscaler.get("spec") or {}
    return int(spec.get("minReplicas") or spec.get("minReplicaCount") or 0)

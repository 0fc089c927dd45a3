"""How many pods each revision gets, and below which number its autoscaler must not go.

needed        what can take all traffic: spec.replicas, or with an autoscaler what serves now, within its bounds
candidate     needed; as many as its share of traffic takes while it is on trial
stable        needed; while a candidate is on trial never less than it has, and not more before that one has its
              place, or has had its time
draining      what it has
floor         of a candidate's autoscaler: needed. It would meet all traffic with minReplicas otherwise
              of any other one: what it was while a candidate is on trial, and for FLOOR_TIME after it took over
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from fairlead.api.autoscaling import Autoscaling
from fairlead.api.kinds import HORIZONTAL_POD_AUTOSCALER
from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.revision import Revision
from fairlead.decision import Decision
from fairlead.rollout.capacity import swaps
from fairlead.rollout.places import within_places
from fairlead.rollout.stable import stable_since
from fairlead.situation import Situation

FLOOR_TIME = timedelta(minutes=5)
"""How long a new stable revision is not scaled in: the autoscaler's default stabilisation window
(kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale, "Stabilization window")."""


def sized(situation: Situation, spec: ModelDeploymentSpec, decision: Decision) -> Decision:
    """The decision with the numbers of every revision that runs by it."""
    found = replace(
        decision, scale=_scale(situation, spec, decision), floor=_floors(situation, spec.autoscaling, decision)
    )
    return within_places(situation, found) if swaps(spec) else found


def wanted_replicas(spec: ModelDeploymentSpec, situation: Situation, stable: Revision | None) -> int:
    """How many replicas a revision needs to take all traffic.

    With an autoscaler that is as many as the stable revision has now, within the autoscaler's bounds.
    """
    if spec.autoscaling is None:
        return 1 if spec.replicas is None else spec.replicas
    now = situation.asked_pods(stable.name) if stable else 0
    return min(max(spec.autoscaling.min_replicas, now), spec.autoscaling.max_replicas)


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


def floor_left(situation: Situation, stable: Revision) -> timedelta:
    """How long the stable revision's autoscaler must still not scale it in; not positive when it may."""
    return stable_since(situation, stable) + FLOOR_TIME - situation.now


def _scale(situation: Situation, spec: ModelDeploymentSpec, decision: Decision) -> Mapping[str, int]:
    numbers = {revision.name: _number(situation, spec, decision, revision) for revision in decision.running}
    return {name: number for name, number in numbers.items() if number is not None}


def _number(situation: Situation, spec: ModelDeploymentSpec, decision: Decision, revision: Revision) -> int | None:
    """How many pods to set; None where the number is left alone."""
    if revision == decision.candidate and decision.candidate_replicas is not None:
        return decision.candidate_replicas
    autoscaler = situation.child(HORIZONTAL_POD_AUTOSCALER, revision.name)
    if spec.autoscaling is not None:
        # An autoscaler does not own the number before it exists, and it leaves a Deployment at zero alone.
        now = situation.asked_pods(revision.name)
        return None if now > 0 and autoscaler is not None else max(now, decision.replicas)
    if autoscaler is not None and autoscaler["metadata"].get("deletionTimestamp"):
        return None  # somebody's finalizer keeps it alive, and it would take back whatever is set
    if revision == decision.stable:
        return decision.stable_replicas
    return decision.replicas if revision == decision.candidate else None


def _floors(situation: Situation, bounds: Autoscaling | None, decision: Decision) -> Mapping[str, int]:
    if bounds is None:
        return {}
    wanted = {revision.name: _floor(situation, decision, revision) for revision in decision.running}
    # The bounds may have been changed since: an autoscaler with more at least than at most is refused.
    return {name: min(max(bounds.min_replicas, floor), bounds.max_replicas) for name, floor in wanted.items()}


def _floor(situation: Situation, decision: Decision, revision: Revision) -> int:
    """The floor before the spec's bounds; 0 for none.

    After a takeover the autoscaler still sees the idle time before, and would scale in under full traffic: its own
    stabilisation window looks at what it recommended, not at what it was allowed.
    """
    if revision == decision.candidate:
        return decision.replicas
    on_trial = decision.candidate is not None and decision.starting
    if on_trial or (decision.stable is not None and floor_left(situation, decision.stable) > timedelta(0)):
        live = situation.child(HORIZONTAL_POD_AUTOSCALER, revision.name)
        least = int(((live or {}).get("spec") or {}).get("minReplicas") or 0)
        judged = on_trial and revision == decision.stable and decision.candidate_replicas is not None
        # While it is the measure of a canary it is not scaled in; nor is one that had no autoscaler on its own trial.
        return max(least, situation.asked_pods(revision.name)) if judged or live is None else least
    return 0

"""A canary before it gets traffic: what has to be there first, and what it is rolled back for."""

from dataclasses import replace
from datetime import timedelta

from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.phases import ON_TRIAL
from fairlead.api.reasons import Phase, Reason
from fairlead.api.revision import Revision
from fairlead.decision import Decision, Orders, Wait
from fairlead.rollout.budget import Gate, budget_gate
from fairlead.rollout.capacity import swaps
from fairlead.rollout.draining import draining, next_drained
from fairlead.rollout.gates import (
    BEFORE_TRAFFIC,
    about_to_be_asked,
    first_objection,
    pods_not_available,
    probe_unanswered,
)
from fairlead.rollout.judging import judge
from fairlead.rollout.places import no_place_yet, time_runs
from fairlead.rollout.pods import not_to_be_hurried
from fairlead.rollout.rollback import roll_back
from fairlead.rollout.serving import NOTHING, SOON, phase_of, soonest, time_left
from fairlead.rollout.size import wanted_replicas
from fairlead.rollout.underway import on_the_way
from fairlead.rollout.untried import Untried, needs_no_trial, served_earlier
from fairlead.situation import Situation
from fairlead.traffic.choice import traffic_of

AGAIN = timedelta(minutes=1)
"""Whoever tells of a new error budget might have ended."""


def start(
    situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision, orders: Orders
) -> Decision | None:
    """Before a canary gets traffic: what it waits for, or None when it waits for nothing."""
    gate = budget_gate(situation, spec, stable, wanted, orders, excused=_excuse(situation, spec, stable, wanted))
    if gate.wait is not None or (gate.budget is not None and gate.budget.passed is not None):
        return _at_the_gate(situation, spec, stable, wanted, gate)
    started = _started(situation, spec, stable, wanted)
    return replace(started, budget=gate.budget) if started is not None else None


def _excuse(situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision) -> str | None:
    """Why a revision need not wait for error budget."""
    if needs_no_trial(situation, spec, stable, wanted) == Untried.STABLE_GONE:
        return f"{stable.name} has no pods"
    return f"{wanted.name} served before {stable.name}" if served_earlier(situation, stable, wanted) else None


def _at_the_gate(
    situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision, gate: Gate
) -> Decision:
    """Nothing of it runs before there is enough of the error budget, and before that is written down."""
    phase = Phase.WAITING if gate.wait else Phase.STARTING
    wait = gate.wait or Wait(reason=Reason.STARTING, message=f"{wanted.name} is about to start")
    decision = on_the_way(situation, spec, stable, wanted, phase=phase, wait=wait, goal=0)
    old = draining(situation, spec, keep_out={stable.name}, guarded=False)  # it may be what drains, retried
    asked = situation.budget is not None or phase_of(situation, wanted) == Phase.WAITING
    # What is asked, and what starts, follows from the status that is written now: no event tells of one's own writing.
    ask = AGAIN if gate.wait and asked else SOON
    return replace(
        decision,
        starting=False,
        stable_replicas=wanted_replicas(spec, situation, stable),
        draining=old,
        budget=gate.budget,
        look_again=soonest(ask, next_drained(situation, spec, old)),
    )


def _started(situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision) -> Decision | None:
    wait = _no_place(situation, spec, stable, wanted) or first_objection(BEFORE_TRAFFIC, situation, wanted, 1)
    others = situation.deployed_revisions() - {stable.name, wanted.name}
    if wait is None and others:
        named = ", ".join(sorted(others))
        wait = Wait(reason=Reason.STARTING, message=f"{wanted.name} is ready, and waits for {named} to end")
    # A trial begins where traffic is known to go as it is told.
    wait = wait or traffic_of(spec).pending(situation)
    if wait is None:
        return None
    room = not_to_be_hurried(situation, wanted.name) or wait.reason == Reason.STOPPING
    phase = Phase.WAITING if room else Phase.STARTING
    judged = judge(situation, spec, stable, wanted, may_grow=False)
    started = on_the_way(situation, spec, stable, wanted, phase=phase, wait=wait, judged=judged)
    left = time_left(situation, spec, wanted)
    if left <= NOTHING and _is_its_own_doing(situation, spec, stable, wanted):
        late = Wait(
            reason=Reason.PROGRESS_DEADLINE_EXCEEDED,
            message=f"within spec.rollout.progressDeadline, {wait.message}",
        )
        return roll_back(situation, spec, stable, wanted, late)
    ask = SOON if wait == about_to_be_asked(wanted) else None
    return replace(started, look_again=soonest(ask, left, next_drained(situation, spec, started.draining)))


def _no_place(situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision) -> Wait | None:
    """Swap: what stands between a canary and its first place."""
    needed = wanted_replicas(spec, situation, stable)
    if not swaps(spec) or wanted.name in situation.deployed_revisions():
        return None
    # No place is given up before traffic is known to go as it is told.
    return traffic_of(spec).pending(situation) or no_place_yet(situation, needed, stable, wanted)


def _is_its_own_doing(situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision) -> bool:
    """Whether a canary that has not started runs against its deadline.

    One that waits for room does not, but with Swap: a pod that served was given up for it.
    """
    if first_objection((pods_not_available, probe_unanswered), situation, wanted, 1) is None:
        return False
    if swaps(spec):
        return time_runs(situation, wanted_replicas(spec, situation, stable), stable, wanted)
    return not not_to_be_hurried(situation, wanted.name) and phase_of(situation, wanted) != Phase.WAITING


def without_pods(situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision) -> Decision:
    """Swap, and spec.replicas is 0: none are left to try anything with. A trial that has begun goes on afterwards."""
    phase = Phase.HELD if phase_of(situation, wanted) in ON_TRIAL else Phase.STARTING
    told = f"spec.replicas is 0, and {wanted.name} has no pods to be tried with"
    return on_the_way(
        situation,
        spec,
        stable,
        wanted,
        phase=phase,
        wait=Wait(reason=Reason.SCALED_TO_ZERO, message=told),
        judged=judge(situation, spec, stable, wanted, may_grow=False),
    )

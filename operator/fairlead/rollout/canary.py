"""Canary: a new revision gets production traffic only as fast as the evidence shows that it is safe.

    Starting ──▶ Judging ──▶ AwaitingApproval ──▶ Promoting ──▶ Guarding ──▶ Draining ──▶ Stable
      │  ▲         │  ▲        (if asked for)
      ▼  │         ▼  │                         RolledBack from everywhere before Draining
    Waiting        Held

All moves are in api/phases.py. What speaks against a canary is asked before all that could let it go on. A revision
that was rolled back is remembered, and not tried again until the spec asks for another one or a person retries it.
"""

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.phases import ON_TRIAL
from fairlead.api.reasons import Phase, Reason
from fairlead.api.revision import Revision
from fairlead.decision import Decision, Orders, Wait
from fairlead.evidence.judgement import Judged
from fairlead.evidence.verdict import Verdict
from fairlead.rollout.capacity import swaps
from fairlead.rollout.gates import (
    BEFORE_FIRST_TRAFFIC,
    BEFORE_TRAFFIC,
    first_objection,
)
from fairlead.rollout.holding import is_approved, missing_for_too_long, not_fit
from fairlead.rollout.judging import judge
from fairlead.rollout.orders import pause
from fairlead.rollout.pods import crash_looping
from fairlead.rollout.promoting import promote
from fairlead.rollout.rollback import aborted, remembered_failure, roll_back, roll_back_by_evidence, rolled_back
from fairlead.rollout.serving import SOON, phase_of, take_over
from fairlead.rollout.size import wanted_replicas
from fairlead.rollout.starting import start, without_pods
from fairlead.rollout.steps import step_of
from fairlead.rollout.underway import on_the_way
from fairlead.rollout.untried import Untried, needs_no_trial
from fairlead.situation import Situation
from fairlead.traffic.choice import traffic_of

HOW_TO_END = "raise it, change spec.rollout.onInconclusive, or promote or abort by hand"


def beside(
    situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision, orders: Orders
) -> Decision:
    """What becomes of a revision that the spec asks for while another one serves; `orders` are what people want."""
    if orders.abort is not None:
        return aborted(situation, spec, stable, wanted, orders.abort)
    if orders.anew:
        situation = replace(situation, trial=None)  # the error bounds start anew, too
    failed = remembered_failure(situation, wanted)
    if failed is not None and not orders.anew:
        return rolled_back(situation, spec, stable, wanted, failed)
    crash = crash_looping(situation, wanted.name, _asked_for(situation, wanted))
    if crash is not None:
        return roll_back(situation, spec, stable, wanted, crash)
    if swaps(spec) and wanted_replicas(spec, situation, stable) == 0:
        return without_pods(situation, spec, stable, wanted)
    phase = phase_of(situation, wanted)
    gates = BEFORE_FIRST_TRAFFIC if phase in ON_TRIAL else BEFORE_TRAFFIC
    paused = pause(spec, orders) is not None
    gone = needs_no_trial(situation, spec, stable, wanted) == Untried.STABLE_GONE
    free = is_approved(spec, orders) and not paused
    if gone and free and first_objection(gates, situation, wanted, 1) is None:
        return take_over(situation, spec, stable, wanted)
    # With Swap the pods that it has are what it is promoted with.
    if phase == Phase.PROMOTING and (situation.serving_pods(wanted.name) or not swaps(spec)):
        judged = judge(situation, spec, stable, wanted, may_grow=not paused)
        return promote(situation, spec, stable, wanted, orders, judged)
    # One whose pods are all away is not judged, and has its deadline to come back.
    if phase not in ON_TRIAL or not situation.serving_pods(wanted.name):
        objection = start(situation, spec, stable, wanted, orders)
        if objection is not None:
            return objection
    back = needs_no_trial(situation, spec, stable, wanted) == Untried.SERVED_BEFORE
    if orders.promote is not None or back:
        judged = judge(situation, spec, stable, wanted, may_grow=not paused)
        return promote(situation, spec, stable, wanted, orders, judged)
    return _judge(situation, spec, stable, wanted, orders)


def _judge(
    situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision, orders: Orders
) -> Decision:
    """On trial: the evidence decides. Its weight does not grow before the last one is known to be in force."""
    pending = traffic_of(spec).pending(situation)
    held = pause(spec, orders)
    judged = judge(situation, spec, stable, wanted, may_grow=pending is None and held is None)
    late = missing_for_too_long(situation, spec, wanted, judged)
    match judged.verdict:
        case Verdict.ROLLBACK:
            return roll_back_by_evidence(situation, spec, stable, wanted, judged)
        case _ if late is not None:
            return replace(roll_back(situation, spec, stable, wanted, late), judged=judged)
        case _ if phase_of(situation, wanted) == Phase.AWAITING_APPROVAL:
            return promote(situation, spec, stable, wanted, orders, judged)
        case Verdict.PROMOTE | Verdict.INCONCLUSIVE if held is not None:
            wait = _goes_on(spec, wanted, judged, held)
        case Verdict.PROMOTE:
            return promote(situation, spec, stable, wanted, orders, judged)
        case Verdict.INCONCLUSIVE:
            return _inconclusive(situation, spec, stable, wanted, orders, judged)
        case Verdict.UNSTEADY:
            told = f"the pods of {stable.name} differ among each other: {wanted.name} cannot be compared with them"
            wait = Wait(reason=Reason.STABLE_FAILING, message=told)
        case Verdict.BREACHING:
            told = f"{stable.name} breaks its own objective, and {wanted.name} does not show that it keeps it"
            wait = Wait(reason=Reason.STABLE_FAILING, message=told)
        case Verdict.CONTINUE:
            wait = pending or _goes_on(spec, wanted, judged, held)
        case _:
            assert_never(judged.verdict)
    trying = on_the_way(situation, spec, stable, wanted, phase=Phase.JUDGING, wait=wait, judged=judged)
    # What is read follows from the status that is written now, and no event tells of one's own writing.
    return trying if situation.sweep is not None else replace(trying, look_again=SOON)


def _goes_on(spec: ModelDeploymentSpec, wanted: Revision, judged: Judged, held: str | None) -> Wait:
    if judged.missing is not None:
        return Wait(reason=Reason.EVIDENCE_MISSING, message=f"{wanted.name} cannot be judged: {judged.missing}")
    if held is not None:
        return Wait(reason=Reason.PAUSED, message=f"{held} holds {wanted.name} at its weight")
    left_out = f" ({judged.trial.unjudged})" if judged.trial and judged.trial.unjudged else ""
    steps = spec.rollout.steps
    at = step_of(judged.trial, steps) if judged.trial else 0
    step = f", at step {at} of {len(steps)}" if at else ""
    return Wait(reason=Reason.ON_TRIAL, message=f"{wanted.name} is on trial{step}{left_out}")


def _inconclusive(
    situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision, orders: Orders, judged: Judged
) -> Decision:
    told = f"no verdict on {wanted.name} within spec.rollout.maxDuration"
    if judged.missing is not None:
        told += f": {judged.missing}"
    match spec.rollout.on_inconclusive:
        case "Promote" if not_fit(wanted, judged) is None:
            return promote(situation, spec, stable, wanted, orders, judged)
        case "Rollback":
            why = Wait(reason=Reason.INCONCLUSIVE, message=told)
            return replace(roll_back(situation, spec, stable, wanted, why), judged=judged)
        case "Hold" | "Promote":
            wait = Wait(reason=Reason.INCONCLUSIVE, message=f"{told}; {HOW_TO_END}")
            held = on_the_way(situation, spec, stable, wanted, phase=Phase.HELD, wait=wait, judged=judged)
            return replace(held, overdue=True)
        case _:
            assert_never(spec.rollout.on_inconclusive)


def _asked_for(situation: Situation, wanted: Revision) -> datetime:
    """When the wanted revision was first asked for."""
    rollout = situation.status.rollout if situation.status else None
    known = rollout is not None and rollout.revision == wanted.name
    return rollout.started or situation.now if rollout is not None and known else situation.now

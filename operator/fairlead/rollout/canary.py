"""Canary: a new revision gets production traffic only as fast as the evidence shows that it is safe.

    Starting ──▶ Judging ──▶ AwaitingApproval ──▶ Promoting ──▶ Guarding ──▶ Draining ──▶ Stable
      │  ▲         │  ▲        (if asked for)
      ▼  │         ▼  │                         RolledBack from everywhere before Draining
    Waiting        Held

All moves are in api/phases.py. What speaks against a canary is asked before all that could let it go on. A revision
that was rolled back is remembered, and not tried again until the spec asks for another one or a person retries it.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.phases import ON_TRIAL
from fairlead.api.reasons import Phase, Reason
from fairlead.api.revision import Revision
from fairlead.evidence.judgement import Judged
from fairlead.evidence.verdict import Verdict
from fairlead.plan import Decision, Wait
from fairlead.rollout.draining import drained_from_now, draining, next_drained
from fairlead.rollout.gates import (
    BEFORE_FIRST_TRAFFIC,
    BEFORE_TRAFFIC,
    about_to_be_asked,
    first_objection,
    pods_not_available,
    probe_unanswered,
)
from fairlead.rollout.holding import may_be_promoted, missing_for_too_long, waits_for_approval
from fairlead.rollout.judging import judge
from fairlead.rollout.orders import of_canary, pause
from fairlead.rollout.pods import crash_looping, waits_for_room
from fairlead.rollout.rollback import aborted, remembered_failure, roll_back, roll_back_by_evidence, rolled_back
from fairlead.rollout.serving import NOTHING, SOON, abandoned, phase_of, serves, soonest, time_left
from fairlead.rollout.size import kept_replicas, wanted_replicas
from fairlead.rollout.stable import stable_since
from fairlead.rollout.steps import step_of
from fairlead.rollout.untried import is_gone
from fairlead.situation import Situation
from fairlead.traffic.choice import traffic_of

TICK = timedelta(seconds=5)
HOW_TO_END = "raise it, change spec.rollout.onInconclusive, or promote or abort by hand"


def beside(situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision) -> Decision:
    """What becomes of a revision that the spec asks for while another one serves."""
    told = of_canary(situation, wanted)
    if told.abort is not None:
        return aborted(situation, spec, stable, wanted, told.abort)
    if told.anew:
        situation = replace(situation, trial=None)  # the error bounds start anew, too
    failed = remembered_failure(situation, wanted)
    if failed is not None and not told.anew:
        return rolled_back(situation, spec, stable, wanted, failed)
    crash = crash_looping(situation, wanted.name, _asked_for(situation, wanted))
    if crash is not None:
        return roll_back(situation, spec, stable, wanted, crash)
    phase = phase_of(situation, wanted)
    gates = BEFORE_FIRST_TRAFFIC if phase in ON_TRIAL else BEFORE_TRAFFIC
    approved = told.approved is not None or not spec.rollout.approval.required
    if approved and is_gone(situation, stable) and first_objection(gates, situation, wanted, 1) is None:
        return _take_over(situation, spec, stable, wanted)
    if phase == Phase.PROMOTING:
        return _promote(situation, spec, stable, wanted, judge(situation, spec, stable, wanted))
    # One whose pods are all away is not judged, and has its deadline to come back.
    if phase not in ON_TRIAL or not situation.serving_pods(wanted.name):
        objection = _start(situation, spec, stable, wanted)
        if objection is not None:
            return objection
    if told.promote is not None:
        return _promote(situation, spec, stable, wanted, judge(situation, spec, stable, wanted))
    return _judge(situation, spec, stable, wanted)


def _start(situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision) -> Decision | None:
    """Before a canary gets traffic: what it waits for, or None when it waits for nothing."""
    wait = first_objection(BEFORE_TRAFFIC, situation, wanted, 1)
    others = situation.deployed_revisions() - {stable.name, wanted.name}
    if wait is None and others:
        named = ", ".join(sorted(others))
        wait = Wait(reason=Reason.STARTING, message=f"{wanted.name} is ready, and waits for {named} to end")
    # A trial begins where traffic is known to go as it is told.
    wait = wait or traffic_of(spec).pending(situation)
    if wait is None:
        return None
    room = waits_for_room(situation, wanted.name)
    phase = Phase.WAITING if room else Phase.STARTING
    judged = judge(situation, spec, stable, wanted, ready=False)
    started = _on_the_way(situation, spec, stable, wanted, phase=phase, wait=wait, judged=judged)
    left = time_left(situation, spec, wanted)
    # Only what is the canary's own doing runs against its deadline.
    own = first_objection((pods_not_available, probe_unanswered), situation, wanted, 1)
    if left <= NOTHING and own is not None and not room and phase_of(situation, wanted) != Phase.WAITING:
        late = Wait(
            reason=Reason.PROGRESS_DEADLINE_EXCEEDED,
            message=f"within spec.rollout.progressDeadline, {wait.message}",
        )
        return roll_back(situation, spec, stable, wanted, late)
    ask = SOON if wait == about_to_be_asked(wanted) else None
    return replace(started, look_again=soonest(ask, left, next_drained(situation, spec, started.draining)))


def _judge(situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision) -> Decision:
    """On trial: the evidence decides. Its weight does not grow before the last one is known to be in force."""
    pending = traffic_of(spec).pending(situation)
    judged = judge(situation, spec, stable, wanted, ready=pending is None)
    held = pause(situation, spec, wanted)
    late = missing_for_too_long(situation, spec, wanted, judged)
    match judged.verdict:
        case Verdict.ROLLBACK:
            return roll_back_by_evidence(situation, spec, stable, wanted, judged)
        case _ if late is not None:
            return replace(roll_back(situation, spec, stable, wanted, late), judged=judged)
        case _ if phase_of(situation, wanted) == Phase.AWAITING_APPROVAL:
            return _promote(situation, spec, stable, wanted, judged)
        case Verdict.PROMOTE | Verdict.INCONCLUSIVE if held is not None:
            wait = _goes_on(spec, wanted, judged, held)
        case Verdict.PROMOTE:
            return _promote(situation, spec, stable, wanted, judged)
        case Verdict.INCONCLUSIVE:
            return _inconclusive(situation, spec, stable, wanted, judged)
        case Verdict.UNSTEADY:
            told = f"the pods of {stable.name} differ among each other: {wanted.name} cannot be compared with them"
            wait = Wait(reason=Reason.STABLE_FAILING, message=told)
        case Verdict.BREACHING:
            told = f"{stable.name} breaks its own objective: this is no time for {wanted.name}"
            wait = Wait(reason=Reason.STABLE_FAILING, message=told)
        case Verdict.CONTINUE:
            wait = pending or _goes_on(spec, wanted, judged, held)
        case _:
            assert_never(judged.verdict)
    trying = _on_the_way(situation, spec, stable, wanted, phase=Phase.JUDGING, wait=wait, judged=judged)
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
    situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision, judged: Judged
) -> Decision:
    told = f"no verdict on {wanted.name} within spec.rollout.maxDuration"
    if judged.missing is not None:
        told += f": {judged.missing}"
    match spec.rollout.on_inconclusive:
        case "Promote" if may_be_promoted(judged):
            return _promote(situation, spec, stable, wanted, judged)
        case "Rollback":
            why = Wait(reason=Reason.INCONCLUSIVE, message=told)
            return replace(roll_back(situation, spec, stable, wanted, why), judged=judged)
        case "Hold" | "Promote":
            wait = Wait(reason=Reason.INCONCLUSIVE, message=f"{told}; {HOW_TO_END}")
            held = _on_the_way(situation, spec, stable, wanted, phase=Phase.HELD, wait=wait, judged=judged)
            return replace(held, overdue=True)
        case _:
            assert_never(spec.rollout.on_inconclusive)


def _take_over(situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision) -> Decision:
    old = draining(situation, spec, keep_out={stable.name, wanted.name}, guarded=False)
    return serves(situation, spec, wanted, (*old, *drained_from_now(situation, spec, stable)))


def _promote(
    situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision, judged: Judged
) -> Decision:
    """The canary gets the pods for all traffic, and then all traffic; it is looked at all the while.

    It is stable once traffic is known to have moved: until then what served before may still get requests.
    """
    ordered = of_canary(situation, wanted).promote
    if judged.verdict == Verdict.ROLLBACK and ordered is None:
        return roll_back_by_evidence(situation, spec, stable, wanted, judged)
    promoting = phase_of(situation, wanted) == Phase.PROMOTING
    person = None if promoting else waits_for_approval(situation, spec, wanted, judged)
    if person is not None:
        return _on_the_way(situation, spec, stable, wanted, phase=Phase.AWAITING_APPROVAL, wait=person, judged=judged)
    needed, held = wanted_replicas(spec, situation, stable), pause(situation, spec, wanted)
    wait = pods_not_available(situation, wanted, needed)
    # A verdict is written down before it is carried out.
    moves = wait is None and promoting and held is None
    if moves:
        wait = traffic_of(spec).moving(situation, wanted)
        if wait is None:
            return _take_over(situation, spec, stable, wanted)
    why = "is good enough" if ordered is None else f"is promoted by {ordered.who}"
    told = wait or Wait(reason=Reason.PROMOTING, message=f"{wanted.name} {why}, and takes over")
    if held is not None:
        told = Wait(reason=Reason.PAUSED, message=f"{wanted.name} {why}; {held} holds it")
    going = _on_the_way(situation, spec, stable, wanted, phase=Phase.PROMOTING, wait=told, judged=judged)
    if moves:
        going = replace(going, share=1.0)
    pods = situation.asked_pods(wanted.name) if held is not None else needed
    overdue = promoting and time_left(situation, spec, wanted) <= NOTHING
    return replace(going, candidate_replicas=pods, overdue=overdue, look_again=SOON if wait is None else TICK)


def _on_the_way(
    situation: Situation,
    spec: ModelDeploymentSpec,
    stable: Revision,
    wanted: Revision,
    *,
    phase: Phase,
    wait: Wait,
    judged: Judged | None = None,
) -> Decision:
    needed = wanted_replicas(spec, situation, stable)
    serving, trying = situation.serving_pods(stable.name), situation.serving_pods(wanted.name)
    others = situation.deployed_revisions() - {stable.name, wanted.name}
    old = draining(situation, spec, keep_out={stable.name, wanted.name}, guarded=False)
    weight = judged.weight if judged is not None else 0.0
    tried = phase in ON_TRIAL and not others
    return Decision(
        phase=phase,
        replicas=needed,
        stable_replicas=kept_replicas(situation, stable, needed),
        stable=stable,
        stable_since=stable_since(situation, stable),
        candidate=wanted,
        candidate_replicas=_pods(situation, spec, stable, wanted, weight),
        share=traffic_of(spec).share(weight, trying, serving, needed) if tried else 0.0,
        draining=(*old, *abandoned(situation, spec, {stable.name, wanted.name, *(each.revision.name for each in old)})),
        judged=judged,
        wait=wait,
        look_again=TICK,
    )


def _pods(situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision, weight: float) -> int:
    """How many pods a canary has on trial: as its weight asks, never fewer than it has, never more than it may have.

    Counted by the pods that the stable revision is to have: one that is away for a moment is no reason to scale.
    """
    needed, beside = wanted_replicas(spec, situation, stable), situation.asked_pods(stable.name)
    if weight <= 0:
        return 1  # one that served before may still have many pods
    traffic = traffic_of(spec)
    most = traffic.pods(spec.rollout.max_weight / 100, beside, needed)
    return min(max(traffic.pods(weight, beside, needed), situation.asked_pods(wanted.name)), most)


def _asked_for(situation: Situation, wanted: Revision) -> datetime:
    """When the wanted revision was first asked for."""
    rollout = situation.status.rollout if situation.status else None
    known = rollout is not None and rollout.revision == wanted.name
    return rollout.started or situation.now if rollout is not None and known else situation.now

"""The end of a trial that went well: pods for all traffic, then all traffic, and then the revision is stable."""

from dataclasses import replace

from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.reasons import Phase, Reason
from fairlead.api.revision import Revision
from fairlead.decision import Decision, Orders, Wait
from fairlead.evidence.judgement import Judged
from fairlead.evidence.verdict import Verdict
from fairlead.rollout.capacity import swaps
from fairlead.rollout.gates import pods_not_available
from fairlead.rollout.holding import waits_for_approval
from fairlead.rollout.orders import pause
from fairlead.rollout.pod_by_pod import pod_by_pod
from fairlead.rollout.rollback import roll_back_by_evidence
from fairlead.rollout.serving import NOTHING, SOON, phase_of, take_over, time_left
from fairlead.rollout.size import wanted_replicas
from fairlead.rollout.underway import TICK, on_the_way
from fairlead.rollout.untried import Untried, needs_no_trial
from fairlead.situation import Situation
from fairlead.traffic.choice import traffic_of


def promote(
    situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision, orders: Orders, judged: Judged
) -> Decision:
    """The canary gets the pods for all traffic, and then all traffic; it is looked at all the while.

    It is stable once traffic is known to have moved: until then what served before may still get requests.
    """
    ordered = orders.promote
    back = needs_no_trial(situation, spec, stable, wanted) == Untried.SERVED_BEFORE
    if judged.verdict == Verdict.ROLLBACK and ordered is None and not back:
        return roll_back_by_evidence(situation, spec, stable, wanted, judged)
    promoting = phase_of(situation, wanted) == Phase.PROMOTING
    free = back or _has_moved(situation)
    objection = None if free else waits_for_approval(situation, spec, wanted, orders, judged)
    if objection is not None and (not promoting or objection.reason == Reason.AWAITING_APPROVAL):
        person = objection
        return on_the_way(situation, spec, stable, wanted, phase=Phase.AWAITING_APPROVAL, wait=person, judged=judged)
    held = pause(spec, orders)
    why = "has served before" if back else "is good enough"
    why = why if ordered is None else f"is promoted by {ordered.who}"
    if swaps(spec):
        found = None if back else judged
        return pod_by_pod(situation, spec, stable, wanted, found, f"{wanted.name} {why}", held, objection)
    needed = wanted_replicas(spec, situation, stable)
    wait = pods_not_available(situation, wanted, needed) or objection
    # A verdict is written down before it is carried out.
    moves = wait is None and promoting and held is None
    if moves:
        wait = traffic_of(spec).moving(situation, wanted)
        if wait is None:
            return take_over(situation, spec, stable, wanted)
    told = wait or Wait(reason=Reason.PROMOTING, message=f"{wanted.name} {why}, and takes over")
    if held is not None:
        told = Wait(reason=Reason.PAUSED, message=f"{wanted.name} {why}; {held} holds it")
    going = on_the_way(situation, spec, stable, wanted, phase=Phase.PROMOTING, wait=told, judged=judged)
    if moves:
        going = replace(going, share=1.0)
    pods = situation.asked_pods(wanted.name) if held is not None else needed
    overdue = promoting and time_left(situation, spec, wanted) <= NOTHING
    return replace(going, candidate_replicas=pods, overdue=overdue, look_again=SOON if wait is None else TICK)


def _has_moved(situation: Situation) -> bool:
    """Whether all traffic was sent to the canary already: then nothing is asked again."""
    rollout = situation.status.rollout if situation.status else None
    return rollout is not None and rollout.phase == Phase.PROMOTING and rollout.weight == "100"

"""The end of a trial that went well, with rollout.capacity: Swap: pods move over one by one, and traffic with them.

The evidence goes on being judged. What was good enough and is in doubt again stops where it is: the place that has been
given up already is taken, and no other one is given up.
"""

from dataclasses import replace

from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.reasons import Phase, Reason
from fairlead.api.revision import Revision
from fairlead.decision import Decision, Wait
from fairlead.evidence.judgement import Judged
from fairlead.rollout.capacity import bound, goal_at_the_end, goal_in_between
from fairlead.rollout.serving import NOTHING, phase_of, take_over, time_left
from fairlead.rollout.size import wanted_replicas
from fairlead.rollout.underway import on_the_way
from fairlead.situation import Situation
from fairlead.traffic.choice import traffic_of


def pod_by_pod(
    situation: Situation,
    spec: ModelDeploymentSpec,
    stable: Revision,
    wanted: Revision,
    judged: Judged | None,
    why: str,
    held: str | None,
    objection: Wait | None,
) -> Decision:
    """The canary takes over by so many pods as the stable revision has given up.

    `why` says in words that it may, and `held` what a person holds it by.
    There is nothing `judged` of one that has served before: it needs no trial, but its pods move over like any other's.
    """
    needed = wanted_replicas(spec, situation, stable)
    # A verdict is written down before it is carried out.
    goes_on = phase_of(situation, wanted) == Phase.PROMOTING and held is None and objection is None
    # The last places are free only when what served before has drained.
    there = situation.settled_pods(wanted.name)
    moves = goes_on and there >= max(1, needed - bound(needed))
    moving = traffic_of(spec).moving(situation, wanted) if moves else None
    if moves and moving is None:
        return take_over(situation, spec, stable, wanted)
    going = on_the_way(
        situation,
        spec,
        stable,
        wanted,
        phase=Phase.PROMOTING,
        wait=_told(wanted, why, there, needed, held, moving or objection),
        judged=judged,
        goal=goal_at_the_end(needed) if goes_on and not moves else goal_in_between(situation, needed, stable, wanted),
    )
    if moves:
        going = replace(going, share=1.0)
    late = phase_of(situation, wanted) == Phase.PROMOTING and time_left(situation, spec, wanted) <= NOTHING
    return replace(going, wait=_late(going.wait), overdue=True) if late else going


def _late(wait: Wait | None) -> Wait:
    told = f"past spec.rollout.progressDeadline, {wait.message if wait else ''}"
    return Wait(reason=Reason.PROGRESS_DEADLINE_EXCEEDED, message=told)


def _told(wanted: Revision, why: str, there: int, needed: int, held: str | None, wait: Wait | None) -> Wait:
    if held is not None:
        return Wait(reason=Reason.PAUSED, message=f"{why}; {held} holds it")
    if wait is not None:
        return wait
    message = f"{why}, and takes over pod by pod ({there} of {needed})"
    return Wait(reason=Reason.PROMOTING, message=message)

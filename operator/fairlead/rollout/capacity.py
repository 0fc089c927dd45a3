"""rollout.capacity: Swap, where there is no spare capacity: pods of a canary take the place of the stable revision's.

needed   N: all pods that the model needs. Both revisions together never ask for more
goal     how many of them the canary is to have: 1 before it has traffic; on trial floor(weight * N), as much as the
         evidence and maxWeight allow, and 1 at least; N - 1 when it takes over
bound    how many places may be between the two at once: a tenth of N, and 1 at least

The stable revision gives up a place; when its pod has ended the canary asks for one; when that is available, traffic
follows, and the next place is given up. On the way back the canary gives up first. The last pods of the stable revision
are not given up: traffic leaves them, they drain, and only then is their place the new stable revision's.

Traffic follows the pods: of c available pods beside s a canary gets c / (c + s), and less where the evidence allows
less; so the stable pods bear what `bound` pods more than they are would bear, at most.
"""

from dataclasses import replace
from math import ceil, floor

from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.revision import Revision
from fairlead.decision import Decision
from fairlead.situation import Situation
from fairlead.traffic.choice import traffic_of

PERCENT = 0.01
"""The weights of a route are whole percents."""
ROUNDING = 0.005
"""A weight in force that differs by no more than half a percent from the one that is due is that one."""


def swaps(spec: ModelDeploymentSpec) -> bool:
    """Whether a canary takes the place of stable pods."""
    return spec.rollout.capacity == "Swap"


def bound(needed: int) -> int:
    """How many places may be between the two revisions."""
    return max(1, needed // 10)


def goal_on_trial(situation: Situation, spec: ModelDeploymentSpec, needed: int, canary: Revision, weight: float) -> int:
    """How many pods a canary is to have for a weight: never fewer than it has, while that is not beyond maxWeight."""
    most = max(1, _part(spec.rollout.max_weight / 100, needed))
    wanted = max(1, _part(weight, needed), situation.asked_pods(canary.name) if weight > 0 else 0)
    return _beside_one(min(wanted, most), needed)


def goal_at_the_end(needed: int) -> int:
    """How many pods a canary is to have before it takes over."""
    return _beside_one(needed, needed)


def goal_in_between(situation: Situation, needed: int, stable: Revision, canary: Revision) -> int:
    """The places that the canary has, and those that have been given up for it already."""
    asked = situation.asked_pods(canary.name)
    given = min(needed - situation.asked_pods(stable.name), asked + bound(needed))
    return _beside_one(max(given, asked), needed)


def _beside_one(pods: int, needed: int) -> int:
    """Whatever happens, one pod is the stable revision's while it is that."""
    return max(0, min(pods, needed - 1))


def _part(share: float, needed: int) -> int:
    return floor(share * needed + 1e-9)


def in_its_place(
    situation: Situation,
    spec: ModelDeploymentSpec,
    decision: Decision,
    goal: int,
    weight: float | None,
) -> Decision:
    """The decision with pods and traffic of both revisions, one step nearer to the goal.

    `weight` is the share of traffic that the canary may have, None before it may have any. No step is taken before
    traffic is known to go as the last one wanted it.
    """
    stable, canary, needed = decision.stable, decision.candidate, decision.replicas
    assert stable is not None
    assert canary is not None
    serving, trying = _available(situation, stable), _available(situation, canary)
    if not _in_force(situation, spec, canary, _share(spec, needed, weight, trying, serving)):
        stays = goal_in_between(situation, needed, stable, canary)
        goal = max(min(goal, stays), _beside_one(situation.asked_pods(canary.name), needed))
    stable_pods, canary_pods = _step(situation, needed, stable, canary, goal)
    stable_pods = max(stable_pods, _still_borne(situation, needed, stable, canary))
    share = _share(spec, needed, weight, min(trying, canary_pods), min(serving, stable_pods))
    return replace(decision, stable_replicas=stable_pods, candidate_replicas=canary_pods, share=share)


def _available(situation: Situation, revision: Revision) -> int:
    return min(situation.serving_pods(revision.name), situation.asked_pods(revision.name))


def _step(situation: Situation, needed: int, stable: Revision, canary: Revision, goal: int) -> tuple[int, int]:
    """How many pods are to be the stable revision's and the canary's. What has no place yet is seen to in places.py."""
    asked = situation.asked_pods(canary.name)
    if goal < asked:
        kept = min(asked, max(goal, needed - _available(situation, stable) - bound(needed)))
        return needed - kept, kept
    given = max(asked, min(goal, _available(situation, canary) + bound(needed)))
    return needed - given, goal


def _still_borne(situation: Situation, needed: int, stable: Revision, canary: Revision) -> int:
    """How many of the stable revision's pods its traffic still takes. Only a rollout that began with Surge has more."""
    left = ceil((1 - _written(situation, canary) - PERCENT) * needed)
    return min(situation.asked_pods(stable.name), left - bound(needed))


def _share(spec: ModelDeploymentSpec, needed: int, weight: float | None, canary_pods: int, stable_pods: int) -> float:
    if weight is None or not canary_pods or not needed:
        return 0.0
    # What the stable pods cannot bear goes to the canary, whatever its weight: both share what there is.
    too_much = 1 - (stable_pods + bound(needed)) / needed
    wanted = max(weight, too_much)
    return traffic_of(spec).share(wanted, canary_pods, stable_pods, canary_pods + stable_pods)


def _in_force(situation: Situation, spec: ModelDeploymentSpec, canary: Revision, due: float) -> bool:
    return traffic_of(spec).pending(situation) is None and abs(_written(situation, canary) - due) <= ROUNDING


def _written(situation: Situation, canary: Revision) -> float:
    """The share of traffic that was written last."""
    rollout = situation.status.rollout if situation.status else None
    known = rollout is not None and rollout.revision == canary.name
    return float(rollout.weight or 0) / 100 if rollout is not None and known else 0.0

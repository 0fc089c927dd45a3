"""What status says of pods that the stable revision goes without (rollout.capacity: Swap)."""

from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.status import GivenUpStatus
from fairlead.decision import Decision
from fairlead.situation import Situation


def given_up(situation: Situation, spec: ModelDeploymentSpec, decision: Decision) -> GivenUpStatus | None:
    """How many, for whom, and since when it is so many; None when it has all of its pods."""
    pods = _pods(spec, decision)
    if pods <= 0:
        return None
    to = _to(decision)
    rollout = situation.status.rollout if situation.status else None
    before = rollout.given_up if rollout else None
    same = before is not None and (before.pods, before.to) == (pods, to)
    since = min(before.since, situation.now) if before is not None and same else situation.now
    return GivenUpStatus(pods=pods, to=to, since=since)


def with_pods(situation: Situation, spec: ModelDeploymentSpec, decision: Decision) -> str:
    """With how many of its pods the stable revision serves, as the end of a sentence; "" when it has all of them."""
    stable = decision.stable
    if stable is None or spec.rollout.capacity != "Swap":
        return ""
    there = min(situation.serving_pods(stable.name), decision.scale.get(stable.name, decision.replicas))
    if there >= decision.replicas:
        return ""
    to = _to(decision)
    takes = "takes" if decision.candidate is not None else "still has"
    given = f", and {to} {takes} the place of the others" if _pods(spec, decision) > 0 and to is not None else ""
    return f"; {stable.name} has {there} of {decision.replicas} pods{given}"


def _pods(spec: ModelDeploymentSpec, decision: Decision) -> int:
    if decision.stable is None or spec.rollout.capacity != "Swap":
        return 0
    return decision.replicas - decision.scale.get(decision.stable.name, decision.replicas)


def _to(decision: Decision) -> str | None:
    if decision.candidate is not None:
        return decision.candidate.name
    return decision.draining[-1].revision.name if decision.draining else None

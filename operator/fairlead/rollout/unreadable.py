"""A spec that cannot be read: nobody knows what it asks for. What serves goes on, and nothing else gets traffic.

That is what becomes of every spec that cannot be carried out (decide.py). It takes a spec all the same: of how many
pods serve, and by which way traffic comes. Here that is read from what runs.
"""

from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.parse import Invalid
from fairlead.api.reasons import Reason
from fairlead.api.rollout import Rollout
from fairlead.decision import Problem
from fairlead.rollout.stable import stable_revision
from fairlead.situation import Situation
from fairlead.traffic.choice import traffic_as_it_runs


def unreadable(invalid: Invalid) -> Problem:
    """Why nothing can be made of the spec."""
    return Problem(reason=Reason.INVALID_SPEC, message="; ".join(invalid.problems))


def as_it_runs(situation: Situation, invalid: Invalid) -> ModelDeploymentSpec:
    """A spec that asks for what there is.

    It has no model and no runtime: a revision cannot be made of it. Pods are counted as they are, since the number may
    be an autoscaler's, but with Swap: there some were given up, which are to come back.
    """
    status = situation.status.rollout if situation.status else None
    given_up = status.given_up if status else None
    rollout, replicas = invalid.rollout or Rollout(), _pods(situation)
    if given_up is not None or rollout.capacity == "Swap":
        rollout = rollout.model_copy(update={"capacity": "Swap"})
        replicas = invalid.replicas or replicas + (given_up.pods if given_up else 0)
    traffic = traffic_as_it_runs(situation)
    return ModelDeploymentSpec.model_construct(replicas=replicas, rollout=rollout, traffic=traffic)


def _pods(situation: Situation) -> int:
    stable = stable_revision(situation)
    return situation.asked_pods(stable.name) if stable else 0

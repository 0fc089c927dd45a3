"""spec.autoscaling: how the number of replicas follows the load."""

from typing import Any

from pydantic import Field

from fairlead.api.fields import Part
from fairlead.api.rules import Rule, at_least_one, rule


class ScalingTarget(Part):
    """What the autoscaler holds steady."""

    must_hold = (
        at_least_one(
            "autoscaling.target needs cpuUtilization or memoryUtilization, in percent of the request",
            "cpuUtilization",
            "memoryUtilization",
        ),
    )

    cpu_utilization: int | None = Field(
        default=None, ge=1, le=1000, description="Average CPU use of the pods, in percent of resources.requests.cpu."
    )
    memory_utilization: int | None = Field(
        default=None, ge=1, le=1000, description="Average memory use, in percent of resources.requests.memory."
    )


class Autoscaling(Part):
    """How the number of replicas follows the load."""

    must_hold = (
        rule(
            "autoscaling.minReplicas must not be greater than autoscaling.maxReplicas",
            "self.minReplicas <= self.maxReplicas",
            lambda self: self.min_replicas <= self.max_replicas,
            "minReplicas",
        ),
    )

    min_replicas: int = Field(default=1, ge=1, le=10_000, description="Never fewer pods than this.")
    max_replicas: int = Field(ge=1, le=10_000, description="Never more pods than this.")
    target: ScalingTarget = Field(description="What is held steady.")


def needs_request(target: str, resource: str) -> Rule:
    """Rule for the spec: what is scaled by needs a request.

    The HorizontalPodAutoscaler takes a limit for the request when there is only the limit; so does this rule.
    """
    attribute = f"{resource}_utilization"

    def holds(self: Any) -> bool:
        wanted = self.autoscaling is not None and getattr(self.autoscaling.target, attribute) is not None
        return not wanted or resource in self.resources.requests or resource in self.resources.limits

    in_resources = " || ".join(
        f"has(self.resources.{part}) && '{resource}' in self.resources.{part}" for part in ("requests", "limits")
    )
    return rule(
        f"autoscaling.target.{target} is a share of the {resource} request: set resources.requests.{resource}",
        f"!has(self.autoscaling) || !has(self.autoscaling.target.{target}) || has(self.resources) && ({in_resources})",
        holds,
        "autoscaling.target",
    )

"""spec.autoscaling: how the number of replicas follows the load."""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field

from fairlead.api.fields import Duration, Part, between, named_list, unique
from fairlead.api.forms import DnsLabel
from fairlead.api.rules import Rule, at_least_one, matching, rule

AMOUNT = r"[0-9]{1,9}(\.[0-9]{1,3})?"
Amount = Annotated[
    str,
    Field(max_length=13),
    matching(AMOUNT, 'must be a number in quotation marks, such as "20" or "0.5": digits, and at most three decimals'),
    rule(
        "must be more than 0",
        "!self.matches(r'^[0.]*$')",
        lambda text: re.fullmatch(r"[0.]*", text) is None,
    ),
]
"""A positive number as text: floats differ between programs that write them."""

BY_PODS = ("concurrency", "queueDepth", "kvCacheUtilization", "requestsPerSecond")
"""Targets that the server's metrics profile knows the series of."""


class QueryTarget(Part):
    """Anything else that Prometheus can be asked for."""

    promql: Annotated[str, Field(min_length=1, max_length=2048)] = Field(
        description="Instant query of one number that is shared among the pods, such as the length of a queue."
    )
    per_pod: Amount = Field(description='How much of it one pod takes, such as "20".')


class ScalingTarget(Part):
    """What the autoscaler holds steady; of several, the one that asks for most pods."""

    must_hold = (
        at_least_one(
            "autoscaling.target needs cpuUtilization, memoryUtilization, concurrency, queueDepth, kvCacheUtilization, "
            "requestsPerSecond or query",
            "cpuUtilization",
            "memoryUtilization",
            *BY_PODS,
            "query",
        ),
    )

    cpu_utilization: int | None = Field(
        default=None, ge=1, le=1000, description="Average CPU use of the pods, in percent of resources.requests.cpu."
    )
    memory_utilization: int | None = Field(
        default=None, ge=1, le=1000, description="Average memory use, in percent of resources.requests.memory."
    )
    concurrency: int | None = Field(
        default=None, ge=1, le=100_000, description="Requests that a pod works on at one time, on average."
    )
    queue_depth: int | None = Field(
        default=None, ge=1, le=100_000, description="Requests that wait in a pod, on average."
    )
    kv_cache_utilization: int | None = Field(
        default=None, ge=1, le=99, description="How full the cache of keys and values is, on average, in percent."
    )
    requests_per_second: Amount | None = Field(
        default=None, description='Requests that a pod answers in a second, on average, such as "20".'
    )
    query: QueryTarget | None = Field(default=None, description="A query of Prometheus.")

    @property
    def by_prometheus(self) -> bool:
        """Whether it takes more than the CPU and the memory of the pods, which the cluster itself measures."""
        return self.by_pods or self.query is not None

    @property
    def by_pods(self) -> bool:
        """Whether it takes what the pods themselves count."""
        asked = (self.concurrency, self.queue_depth, self.kv_cache_utilization, self.requests_per_second)
        return any(each is not None for each in asked)


Stabilization = Annotated[
    Duration, between("0s", "1h"), Field(description="How long it has to be so before the number changes.")
]
Percent = Annotated[
    int, Field(ge=1, le=1000, description="At most so many percent of the pods in a period, and one pod at least.")
]
Period = Annotated[Duration, between("1s", "30m"), Field(description="The period.")]


class ScalingUpPace(Part):
    """How fast pods come."""

    stabilization: Stabilization = timedelta(0)
    percent: Percent = 100
    period: Period = timedelta(seconds=15)


class ScalingDownPace(Part):
    """How fast they go."""

    stabilization: Stabilization = timedelta(minutes=10)
    percent: Percent = 20
    period: Period = timedelta(minutes=1)


class ScalingBehavior(Part):
    """How fast the number of pods follows. By default up at once and down slowly, for servers that start slowly."""

    up: ScalingUpPace = Field(default=ScalingUpPace(), description="When more pods are needed.")
    down: ScalingDownPace = Field(default=ScalingDownPace(), description="When fewer are.")


class ScheduledFloor(Part):
    """A time in which there are more pods than there have to be otherwise."""

    name: DnsLabel = Field(description="What people call it, such as office-hours.")
    cron: Annotated[
        str,
        Field(max_length=100),
        matching(
            r"[0-9A-Za-z*/,-]+( [0-9A-Za-z*/,#-]+){4}",
            'must be five fields of cron, such as "0 8 * * MON-FRI": minute, hour, day, month, day of the week',
        ),
    ] = Field(description="When it begins: minute, hour, day of the month, month, day of the week.")
    time_zone: Annotated[
        str,
        Field(max_length=64),
        matching("[A-Za-z][A-Za-z0-9_+/-]*", "must be a name of the time zone database, such as Europe/Berlin or UTC"),
    ] = Field(default="UTC", description="Time zone of the times, such as Europe/Berlin.")
    duration: Annotated[Duration, between("1m", "168h")] = Field(description="How long it lasts.")
    min_replicas: int = Field(ge=1, le=10_000, description="Never fewer pods than this, within maxReplicas.")


class Autoscaling(Part):
    """How the number of replicas follows the load."""

    must_hold = (
        rule(
            "autoscaling.minReplicas must not be greater than autoscaling.maxReplicas",
            "self.minReplicas <= self.maxReplicas",
            lambda self: self.min_replicas <= self.max_replicas,
            "minReplicas",
        ),
        rule(
            "autoscaling.target is what Fairlead's autoscaler holds steady: set it, or set autoscaling.mode: External",
            "self.mode == 'External' || has(self.target)",
            lambda self: self.mode == "External" or self.target is not None,
            "target",
        ),
        rule(
            "with autoscaling.mode: External another autoscaler decides: remove target, behavior and floors",
            "self.mode != 'External' || !has(self.target) && !has(self.behavior) && "
            "(!has(self.floors) || self.floors.size() == 0)",
            lambda self: self.mode != "External" or not (self.target or self.behavior or self.floors),
            "mode",
        ),
        rule(
            "autoscaling.minReplicas: 0 needs autoscaling.target.query, of something that counts without a pod, such "
            "as requests at the gateway: whatever the pods count themselves wakes nobody",
            "self.minReplicas > 0 || self.mode == 'External' || !has(self.target) || has(self.target.query)",
            lambda self: (
                self.min_replicas > 0 or self.mode == "External" or self.target is None or self.target.query is not None
            ),
            "minReplicas",
        ),
        rule(
            "autoscaling.minReplicas: 0 takes target.query without concurrency, queueDepth, kvCacheUtilization and "
            "requestsPerSecond: nothing can be said of those without a pod, and KEDA wakes a model for that",
            "self.minReplicas > 0 || !has(self.target) || !has(self.target.query) || "
            f"!({' || '.join(f'has(self.target.{each})' for each in BY_PODS)})",
            lambda self: (
                self.min_replicas > 0 or self.target is None or self.target.query is None or not self.target.by_pods
            ),
            "minReplicas",
        ),
        rule(
            "autoscaling.floors must not go beyond autoscaling.maxReplicas",
            "!has(self.floors) || self.floors.all(f, f.minReplicas <= self.maxReplicas)",
            lambda self: all(each.min_replicas <= self.max_replicas for each in self.floors),
            "floors",
        ),
    )

    mode: Literal["Managed", "External"] = Field(
        default="Managed",
        description="Managed: Fairlead makes an autoscaler for each revision. External: somebody else's scales the "
        "Deployments, and Fairlead leaves their numbers alone.",
    )
    min_replicas: int = Field(default=1, ge=0, le=10_000, description="Never fewer pods than this.")
    max_replicas: int = Field(ge=1, le=10_000, description="Never more pods than this.")
    target: ScalingTarget | None = Field(default=None, description="What is held steady.")
    behavior: ScalingBehavior | None = Field(
        default=None,
        description="How fast the number follows. Absent: up at once, at most twofold in 15s; down after 10m, at most "
        "20 percent in 1m.",
    )
    floors: Annotated[
        tuple[ScheduledFloor, ...], Field(max_length=16, json_schema_extra=named_list()), unique("name")
    ] = Field(default=(), description="Times with more pods at least.")

    @property
    def pace(self) -> ScalingBehavior:
        """How fast it follows."""
        return self.behavior or ScalingBehavior()


def needs_request(target: str, resource: str) -> Rule:
    """Rule for the spec: what is scaled by needs a request.

    The HorizontalPodAutoscaler takes a limit for the request when there is only the limit; so does this rule.
    """
    attribute = f"{resource}_utilization"

    def holds(self: Any) -> bool:
        asked = self.autoscaling.target if self.autoscaling is not None else None
        wanted = asked is not None and getattr(asked, attribute) is not None
        return not wanted or resource in self.resources.requests or resource in self.resources.limits

    in_resources = " || ".join(
        f"has(self.resources.{part}) && '{resource}' in self.resources.{part}" for part in ("requests", "limits")
    )
    return rule(
        f"autoscaling.target.{target} is a share of the {resource} request: set resources.requests.{resource}",
        f"!has(self.autoscaling) || !has(self.autoscaling.target) || !has(self.autoscaling.target.{target}) || "
        f"has(self.resources) && ({in_resources})",
        holds,
        "autoscaling.target",
    )

"""The status of a ModelDeployment: what users and other controllers read, and what Fairlead remembers."""

from typing import Annotated, Any, Literal

from pydantic import Field

from fairlead.api.fields import Part, named_list
from fairlead.api.forms import RevisionName
from fairlead.api.history import Decided, EvidenceStatus, Number, Person
from fairlead.api.lookup import LookupStatus, SourceStatus
from fairlead.api.orders import LONGEST, Action
from fairlead.api.reasons import Phase
from fairlead.api.times import Time


class Condition(Part):
    """One aspect of the state, in the form of metav1.Condition."""

    type: str = Field(min_length=1, max_length=316, description="Which aspect.")
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it holds.")
    reason: str = Field(min_length=1, max_length=128, description="Why, in one word for machines.")
    message: str = Field(default="", max_length=4096, description="Why, in words a person can act on.")
    last_transition_time: Time = Field(description="When status last changed.")
    observed_generation: int = Field(default=0, ge=0, description="Generation of the spec that this is about.")


class StableStatus(Part):
    """The revision that serves production."""

    revision: RevisionName = Field(description="Its name.")
    model_version: str | None = Field(default=None, max_length=63, description="spec.model.version when it was made.")
    since: Time | None = Field(default=None, description="When it took over production traffic.")


class OrderStatus(Part):
    """What a person has ordered, by an annotation."""

    since: Time = Field(description="When it began to hold.")
    by: Person | None = Field(default=None, description="Who ordered it, where the annotation says so.")


class HandledStatus(Part):
    """An annotation that was seen, and what came of it. It is not carried out again while its value stays."""

    action: Action = Field(description="Which one.")
    value: str = Field(max_length=LONGEST, description="Its value.")
    time: Time = Field(description="When it was seen.")
    result: Literal["Done", "Ignored", "Unreadable", "Waiting"] = Field(
        description="Whether it was carried out. Waiting: it is looked at again once the spec can be carried out."
    )
    message: str = Field(max_length=1024, description="What follows from it, or why nothing does.")


class GivenUpStatus(Part):
    """Pods that the stable revision goes without, so that others have their place."""

    pods: int = Field(ge=1, description="How many.")
    to: RevisionName | None = Field(
        default=None, description="The revision that has their place, or is to have it; absent while they end."
    )
    since: Time = Field(description="Since when it is so many.")


class ErrorBudgetStatus(Part):
    """Whether enough of the error budget is left to try a revision."""

    since: Time = Field(description="Since when that is asked for this revision.")
    passed: Time | None = Field(default=None, description="When it was found that it may start; absent until then.")
    reason: str | None = Field(default=None, max_length=128, description="Why it may not, in one word.")
    told: str = Field(max_length=512, description="What was left when it was found that it may start; else why not.")


class RolloutStatus(Part):
    """How the change to a new revision stands."""

    phase: Phase = Field(description="Where it stands.")
    revision: RevisionName | None = Field(default=None, description="The revision on its way to production.")
    since: Time = Field(description="When this phase began for this revision.")
    started: Time | None = Field(default=None, description="When this revision was first asked for.")
    weight: Number | None = Field(
        default=None, description="Share of production traffic that it gets now, in percent; absent without a trial."
    )
    given_up: GivenUpStatus | None = Field(
        default=None,
        description="With spec.rollout.capacity: Swap, the pods that the stable revision goes without at present.",
    )
    error_budget: ErrorBudgetStatus | None = Field(
        default=None, description="Where spec.rollout.errorBudget is set, what came of asking for the error budget."
    )
    start: OrderStatus | None = Field(default=None, description="That a person starts it whatever the error budget.")
    promote: OrderStatus | None = Field(default=None, description="That a person promotes it whatever the evidence.")
    approved: OrderStatus | None = Field(default=None, description="That a person has approved it.")
    paused: OrderStatus | None = Field(default=None, description="That a person has paused it.")
    evidence_missing_since: Time | None = Field(
        default=None, description="Since when it cannot be judged; absent while it can."
    )
    evidence: EvidenceStatus | None = Field(default=None, description="What its metrics say.")


class FailedStatus(Part):
    """A revision that was rolled back. It is not tried again until the spec changes, or a person retries it."""

    revision: RevisionName = Field(description="Its name.")
    reason: str = Field(max_length=128, description="Why, in one word.")
    message: str = Field(max_length=1024, description="Why, in words.")
    since: Time = Field(description="When it was rolled back.")


class DrainingStatus(Part):
    """A revision that served production before and finishes its open requests."""

    revision: RevisionName = Field(description="Its name.")
    since: Time = Field(description="When production traffic moved away from it.")
    served: bool = Field(default=True, description="Whether it had all traffic, and is kept for a way back at first.")
    reached: bool = Field(
        default=False, description="Whether clients may still be sent to it. Its drain begins when that has ended."
    )


class HistogramStatus(Part):
    """The bucket edges of a histogram, as a pod's page of metrics has them."""

    metric: str = Field(min_length=1, max_length=32, description="What it measures.")
    edges: Annotated[tuple[Number, ...], Field(max_length=256)] = Field(
        description="Upper edges in seconds; a threshold is rounded up to one of them."
    )


class MonitoringStatus(Part):
    """What the pods of the stable revision have been seen to count."""

    revision: RevisionName = Field(description="Whose pods.")
    counted: Annotated[tuple[Annotated[str, Field(max_length=80)], ...], Field(max_length=16)] = Field(
        default=(), description="What objectives need and is there: metrics, and objectives with counters of their own."
    )
    histograms: Annotated[tuple[HistogramStatus, ...], Field(max_length=8, json_schema_extra=named_list("metric"))] = (
        Field(default=(), description="Edges of the histograms among them.")
    )


class ScalingChange(Part):
    """The number of pods of the serving revision was changed."""

    time: Time = Field(description="When that was seen.")
    before: int = Field(ge=0, description="How many it asked for before.")
    after: int = Field(ge=0, description="How many it asks for since.")
    reason: str = Field(max_length=256, description="By whom, and why as far as that is known.")


class ScalingStatus(Part):
    """How the number of pods has followed the load."""

    revision: RevisionName = Field(description="The revision that serves.")
    replicas: int = Field(ge=0, description="How many pods it asks for.")
    changes: Annotated[tuple[ScalingChange, ...], Field(max_length=5)] = Field(
        default=(), description="The last changes of that number, the newest first."
    )
    failing_since: Time | None = Field(
        default=None,
        description="Since when its autoscaler says that it cannot do its work; absent while it can. "
        "ScalingActive tells of it after two minutes.",
    )


class Status(Part):
    """What Fairlead observed and decided."""

    observed_generation: int = Field(default=0, ge=0, description="Generation of the spec that this status is about.")
    conditions: Annotated[tuple[Condition, ...], Field(max_length=16, json_schema_extra=named_list("type"))] = Field(
        default=(),
        description="Ready, Available, and while they are true Reconciling (on its way) and Stalled (needs a person). "
        "During a rollout RolloutHealthy, and EvidenceAvailable where a canary is judged. MonitoringActive: whether "
        "Prometheus is told of the model. ScalingActive: whether the number of pods follows the load.",
    )
    replicas: int = Field(default=0, ge=0, description="How many pods the Deployments of all revisions ask for.")
    ready_replicas: int = Field(default=0, ge=0, description="How many of them are ready.")
    selector: str = Field(
        default="", max_length=512, description="Label selector of the pods, for the scale subresource."
    )
    url: str | None = Field(default=None, max_length=512, description="Where clients in the cluster reach the model.")
    stable: StableStatus | None = Field(default=None, description="The revision that serves production.")
    rollout: RolloutStatus | None = Field(default=None, description="How the change to a new revision stands.")
    failed: FailedStatus | None = Field(default=None, description="The revision that was rolled back last.")
    history: Annotated[tuple[Decided, ...], Field(max_length=10)] = Field(
        default=(), description="The last decisions, the newest first, each with the numbers that it rested on."
    )
    untold: int | None = Field(
        default=None,
        ge=1,
        le=10,
        description="How many of the newest records of history the operator's log and an Event have yet to tell of. "
        "They are told before this is taken back, so that none is lost with the process that has decided.",
    )
    handled: Annotated[
        tuple[HandledStatus, ...], Field(max_length=len(Action), json_schema_extra=named_list("action"))
    ] = Field(
        default=(), description="The annotations by which people decide, as far as they are set, and what came of each."
    )
    monitoring: MonitoringStatus | None = Field(
        default=None, description="What objectives are measured by, as the pods have it."
    )
    source: SourceStatus | None = Field(
        default=None, description="Where the model's files come from, and what a branch, tag, alias or folder meant."
    )
    lookup: LookupStatus | None = Field(
        default=None, description="While it cannot be found out what a branch, tag, alias or folder means: why."
    )
    scaling: ScalingStatus | None = Field(
        default=None, description="With spec.autoscaling, how many pods there are and what has changed that."
    )
    draining: Annotated[tuple[DrainingStatus, ...], Field(max_length=32)] = Field(
        default=(), description="Revisions that finish their open requests."
    )

    def data(self) -> dict[str, Any]:
        """The status as JSON, as it is written."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def untold(status: Status | None) -> tuple[Decided, ...]:
    """Records of decisions of which nobody has told yet, in the order of the decisions."""
    return status.history[: status.untold or 0][::-1] if status is not None else ()

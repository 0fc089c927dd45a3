"""spec.rollout: how a new revision takes over."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field

from fairlead.api.fields import Duration, Part, between, cel_is_duration
from fairlead.api.rules import Rule, matching, rule
from fairlead.api.slo import share

CONFIDENCE = r"[89][0-9](\.[0-9]{1,2})?"

EvidenceSource = Literal["Pods", "Prometheus", "Gateway"]


class Evidence(Part):
    """What a canary is judged by."""

    source: EvidenceSource = Field(
        default="Pods",
        description="Where the counters come from. Pods: Fairlead reads the pods' metrics itself, every 5 seconds. "
        "Prometheus: from the one that Fairlead was told of (prometheus.url of its chart), as often as that scrapes. "
        "Gateway: errors and latency as the Gateway of spec.traffic counts them, by that Prometheus, and what else the "
        "server counts from the pods; also for a server that counts nothing. It takes prometheus.gateway of the chart.",
    )


class Step(Part):
    """A fixed weight on the way to all traffic."""

    weight: int = Field(ge=1, le=50, description="Share of production traffic, in percent.")
    duration: Annotated[Duration, between("10s", "24h")] = Field(
        description="How long at this weight, at least. Time without evidence, or paused, does not count."
    )


class Approval(Part):
    """Whether a person must approve a revision before it takes over."""

    required: bool = Field(
        default=False,
        description="Canary: a revision that is good enough stays at its weight until a person approves it by the "
        "annotation fairlead.dev/approve (`fairlead approve`). The evidence goes on, and may still roll it back.",
    )


class ErrorBudgetGate(Part):
    """How much of the error budget has to be left for a new revision to be tried."""

    min_remaining: int = Field(
        ge=1,
        le=99,
        description="Percent of the error budget of each objective over slo.period that has to be left, by what the "
        "rules of the model record in Prometheus (fairlead:error_budget_remaining:ratio).",
    )
    on_unknown: Literal["Wait", "Start"] = Field(
        default="Wait",
        description="What happens while that cannot be known. Wait: nothing is tried. Start: it is tried all the same.",
    )


def _ascend(steps: Sequence[Step]) -> bool:
    return all(before.weight < after.weight for before, after in pairwise(steps))


def _step_rules() -> tuple[Rule, ...]:
    all_durations = f"self.steps.all(s, {cel_is_duration('duration').replace('self.', 's.')})"
    return (
        rule(
            "rollout.steps must ascend: each weight greater than the one before",
            "!has(self.steps) || self.steps.all(s, self.steps.filter(t, t.weight == s.weight).size() == 1) && "
            "self.steps.map(s, s.weight).isSorted()",
            lambda self: _ascend(self.steps),
            "steps",
        ),
        rule(
            "rollout.steps must not go beyond rollout.maxWeight",
            "!has(self.steps) || !has(self.maxWeight) || self.steps.all(s, s.weight <= self.maxWeight)",
            lambda self: all(step.weight <= self.max_weight for step in self.steps),
            "steps",
        ),
        rule(
            "rollout.steps must take less time than rollout.maxDuration, all together",
            f"!has(self.steps) || self.steps.size() == 0 || !({cel_is_duration('maxDuration')}) || !({all_durations}) "
            "|| "
            "self.steps.map(s, duration(s.duration).getSeconds()).sum() < duration(self.maxDuration).getSeconds()",
            lambda self: sum((step.duration for step in self.steps), timedelta(0)) < self.max_duration,
            "steps",
        ),
    )


class Rollout(Part):
    """How a new revision takes over."""

    must_hold = (
        rule(
            "rollout.maxDuration must be longer than rollout.minDuration",
            f"!({cel_is_duration('minDuration')} && {cel_is_duration('maxDuration')}) || "
            "duration(self.maxDuration) > duration(self.minDuration)",
            lambda self: self.max_duration > self.min_duration,
            "maxDuration",
        ),
        *_step_rules(),
        rule(
            "rollout.approval.required has an effect only with rollout.strategy: Canary; set that or remove it",
            "!has(self.approval) || !has(self.approval.required) || !self.approval.required || "
            "!has(self.strategy) || self.strategy == 'Canary'",
            lambda self: not self.approval.required or self.strategy == "Canary",
            "approval",
        ),
        rule(
            "rollout.steps has an effect only with rollout.strategy: Canary; set that or remove it",
            "!has(self.steps) || self.steps.size() == 0 || !has(self.strategy) || self.strategy == 'Canary'",
            lambda self: not self.steps or self.strategy == "Canary",
            "steps",
        ),
        rule(
            "rollout.errorBudget has an effect only with rollout.strategy: Canary; set that or remove it",
            "!has(self.errorBudget) || !has(self.strategy) || self.strategy == 'Canary'",
            lambda self: self.error_budget is None or self.strategy == "Canary",
            "errorBudget",
        ),
        rule(
            "rollout.capacity: Swap has an effect only with rollout.strategy: Canary; set that or remove it",
            "!has(self.capacity) || self.capacity != 'Swap' || !has(self.strategy) || self.strategy == 'Canary'",
            lambda self: self.capacity != "Swap" or self.strategy == "Canary",
            "capacity",
        ),
    )

    strategy: Literal["Canary", "BlueGreen", "Recreate"] = Field(
        default="Canary",
        description="Canary: the new revision gets a small share of production traffic, and more only as fast as the "
        "evidence shows that it is safe. BlueGreen: it starts beside the old one and takes over once it answers. "
        "Recreate: the old one is stopped first; needs no spare capacity, and nothing is served in between.",
    )
    max_weight: int = Field(
        default=25, ge=1, le=50, description="Canary: most of the traffic, in percent, that goes to it on trial."
    )
    bad_request_budget: int = Field(
        default=5,
        ge=1,
        le=10_000,
        description="Canary: how many more bad requests than with the old revision are accepted, as an expectation, in "
        "the half minute that it takes to react. It sets how fast the weight may grow.",
    )
    min_duration: Annotated[Duration, between("10s", "24h")] = Field(
        default=timedelta(minutes=3), description="Canary: on trial at least this long, however good it looks."
    )
    max_duration: Annotated[Duration, between("30s", "168h")] = Field(
        default=timedelta(hours=1), description="Canary: when there is no verdict by then, onInconclusive decides."
    )
    on_inconclusive: Literal["Hold", "Promote", "Rollback"] = Field(
        default="Hold",
        description="Canary: what happens after maxDuration. Hold: it stays at its weight until a person decides.",
    )
    on_missing_evidence: Literal["Hold", "Rollback"] = Field(
        default="Hold",
        description="Canary: what happens when it cannot be judged. Hold: it stays at its weight. Rollback: it is "
        "rolled back after five minutes without evidence. Missing evidence never promotes.",
    )
    steps: Annotated[tuple[Step, ...], Field(max_length=20)] = Field(
        default=(),
        description="Canary: fixed weights, one after the other, instead of one that grows as the evidence allows. "
        "It is promoted after the last one, and not before the evidence is for it.",
    )
    capacity: Literal["Surge", "Swap"] = Field(
        default="Surge",
        description="Canary: where its pods find room. Surge: they come on top of those of the old revision. Swap: "
        "they take the place of some of those, so that both together never ask for more pods than spec.replicas; for "
        "clusters without spare accelerators. It needs two replicas, and load that one pod less can bear.",
    )
    approval: Approval = Field(
        default=Approval(), description="Canary: whether a person must approve it before it takes over."
    )
    error_budget: ErrorBudgetGate | None = Field(
        default=None,
        description="Canary: no new revision is tried while too little of the error budget is left. The revision that "
        "served before may always come back, and a person may start any by the annotation fairlead.dev/start "
        "(`fairlead start`). Absent: the budget is not asked for.",
    )
    confidence: Annotated[
        str, Field(max_length=5), matching(CONFIDENCE, 'must be a percentage from 80 to 99.99, such as "95"')
    ] = Field(
        default="95",
        description="Canary: a good revision is rolled back, and a bad one promoted, with at most the probability that "
        "is left to 100, in percent.",
    )
    sensitivity: Literal["Standard", "Tight"] = Field(
        default="Standard",
        description="Canary: how much worse than the old revision it may be and still be promoted. Standard: twice the "
        "errors and 0.3 percentage points. Tight: 1.5 times and 0.1; it takes more traffic.",
    )
    evidence: Evidence = Field(default=Evidence(), description="Canary: what it is judged by.")
    guard: Annotated[Duration, between("0s", "24h")] = Field(
        default=timedelta(minutes=1),
        description="Canary: how long the old revision is kept ready after the new one has taken over, to go back at "
        "once if it fails then. With capacity: Swap nothing is kept: the old one has given up its pods.",
    )
    paused: bool = Field(default=False, description="Canary: its weight does not grow and it is not promoted.")
    drain: Annotated[Duration, between("0s", "1h")] = Field(
        default=timedelta(seconds=30),
        description="How long the old revision is kept after traffic has moved, for requests that are still open.",
    )
    progress_deadline: Annotated[Duration, between("10s", "24h")] = Field(
        default=timedelta(minutes=10),
        description="How long a new revision may take to become ready. A canary that does not is rolled back; with the "
        "other strategies it is reported as Stalled, and takes over if it becomes ready later.",
    )

    @property
    def error_bound(self) -> float:
        """The probability of a wrong decision: 0.05 for a confidence of 95."""
        return 1 - share(self.confidence)

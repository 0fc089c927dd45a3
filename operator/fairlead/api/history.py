"""What is told of evidence and decisions in status: numbers only, and enough of them to compute a verdict again."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from fairlead.api.fields import Part, named_list
from fairlead.api.forms import RevisionName
from fairlead.api.reasons import Reason
from fairlead.api.times import Time


def _is_a_number(text: str) -> str:
    float(text)
    return text


Number = Annotated[str, Field(max_length=24), AfterValidator(_is_a_number)]
"""A number as text: floats differ between programs that write them."""


Person = Annotated[str, Field(max_length=256)]
"""A name as the order gave it."""


class Outcome(StrEnum):
    """What was decided about a revision."""

    PROMOTED = "Promoted"
    """It took over production traffic."""
    ROLLED_BACK = "RolledBack"
    """It was taken out of production traffic, and is not tried again until the spec changes."""
    ABORTED = "Aborted"
    """The spec went back to the stable revision, or a person ended the trial."""
    SUPERSEDED = "Superseded"
    """The spec asks for another revision by now."""
    PAUSED = "Paused"
    """A person held it at its weight."""
    RESUMED = "Resumed"
    """A person ended the pause."""
    APPROVED = "Approved"
    """A person approved that it takes over once the evidence is for it."""
    STARTED = "Started"
    """A person had it tried whatever is left of the error budget."""
    RETRIED = "Retried"
    """It had failed, and a person had it tried anew."""


TRIAL_ENDED = frozenset({Outcome.ROLLED_BACK, Outcome.ABORTED, Outcome.SUPERSEDED})
"""Decisions that take a revision out of production traffic."""


LASTING = frozenset({Reason.AWAITING_APPROVAL, Reason.PAUSED, Reason.INCONCLUSIVE})
"""Reasons of Ready for which a canary waits for a person, over night perhaps."""


def written_every(reason: str | None) -> timedelta:
    """How often evidence is written while nothing but counts changes; it is looked at every 5 seconds.

    What a crash loses is in the counters, and is seen again as one longer window.
    """
    return timedelta(minutes=1) if reason in LASTING else timedelta(seconds=15)


class ArmCounts(Part):
    """What was counted of one revision during a trial."""

    requests: int = Field(ge=0, description="Requests.")
    bad: int = Field(ge=0, description="Bad ones among them.")


class CellStatus(Part):
    """One kind of bad event, and what it says. E-values; the evidence is their weighted sum."""

    name: str = Field(max_length=64, description="Which: errors, or requests slower than an edge.")
    canary: ArmCounts = Field(description="Counts of the canary.")
    stable: ArmCounts = Field(description="Counts of the stable revision in the same time.")
    worse: Number = Field(description="Evidence that the canary is worse than the rollback margin.")
    weight: Number = Field(description="Its weight in the evidence for a rollback.")
    beyond: Number | None = Field(default=None, description="Evidence that the canary breaks the objective.")
    beyond_weight: Number | None = Field(default=None, description="The weight of that.")
    better: Number | None = Field(default=None, description="Evidence that the canary is within the promotion margin.")


class Trace(Part):
    """The course of a trial, thinned evenly when there are many points. api/trace.py says how a point is written."""

    since: Time = Field(description="When the trial began.")
    points: Annotated[tuple[Annotated[str, Field(max_length=8192)], ...], Field(max_length=48)] = Field(
        description="Seconds since then, weight in percent and evidence for a rollback, and for each cell, after a "
        "semicolon: requests to the canary, bad ones, requests to the stable revision, bad ones, worse, better. "
        "E-values are powers of ten. A number of requests that is left out is that of the cell before."
    )


class EvidenceStatus(Part):
    """What the metrics of a canary and of the stable revision say, compared."""

    looked: Time = Field(description="When they were last read.")
    source: str = Field(max_length=64, description="Where the counters come from.")
    against: Number = Field(description="Evidence for a rollback.")
    against_limit: Number = Field(
        description="It is rolled back from here: more than usual while the stable pods differ among each other."
    )
    better_limit: Number = Field(description="It is promoted when every cell that is asked for shows this much.")
    unsteady: Number | None = Field(
        default=None,
        description="Evidence that the stable pods differ among each other. Above 1 it raises againstLimit as many "
        "times.",
    )
    unsteady_limit: Number | None = Field(
        default=None, description="Nothing is promoted from here: the stable pods are no measure."
    )
    breaching: bool = Field(
        default=False,
        description="Whether the stable revision breaks its own objective, and the canary has not shown that it keeps "
        "it. Nothing is promoted meanwhile.",
    )
    cells: Annotated[tuple[CellStatus, ...], Field(max_length=64, json_schema_extra=named_list("name"))] = Field(
        default=(), description="What it is compared by."
    )
    trace: Trace | None = Field(default=None, description="What it was like over time.")
    state: str | None = Field(
        default=None, max_length=262_144, description="What Fairlead goes on from; not for reading."
    )

    @property
    def asked(self) -> tuple[CellStatus, ...]:
        """The cells that have to show that the canary is good enough."""
        return tuple(cell for cell in self.cells if cell.better is not None)

    @property
    def short(self) -> tuple[CellStatus, ...]:
        """Those of them that have not shown it so far."""
        return tuple(cell for cell in self.asked if float(cell.better or 0) < float(self.better_limit))


class Decided(Part):
    """One decision about a revision, and what it rested on."""

    time: Time = Field(description="When.")
    outcome: Outcome = Field(description="What was decided.")
    revision: RevisionName = Field(description="About which revision.")
    stable: RevisionName | None = Field(default=None, description="What it was compared with, or followed.")
    model_version: str | None = Field(default=None, max_length=63, description="Its spec.model.version.")
    weight: Number | None = Field(default=None, description="Its share of traffic when it was decided, in percent.")
    lasted: str | None = Field(default=None, max_length=20, description="How long it was on trial.")
    reason: str = Field(max_length=128, description="Why, in one word.")
    message: str = Field(max_length=1024, description="Why, in words.")
    by: Person | None = Field(default=None, description="Who decided or approved it, where a person did.")
    approved_by: Person | None = Field(default=None, description="Who approved what was promoted.")
    error_budget: str | None = Field(
        default=None, max_length=512, description="What was left of the error budget when it was first tried."
    )
    evidence: EvidenceStatus | None = Field(default=None, description="The numbers.")

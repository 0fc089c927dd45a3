"""spec.rollout: how a new revision takes over."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from fairlead.api.fields import Duration, Part, between, cel_is_duration
from fairlead.api.rules import matching, rule
from fairlead.api.slo import share

CONFIDENCE = r"[89][0-9](\.[0-9]{1,2})?"


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
    guard: Annotated[Duration, between("0s", "24h")] = Field(
        default=timedelta(minutes=1),
        description="Canary: how long the old revision is kept ready after the new one has taken over, to go back at "
        "once if it fails then.",
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

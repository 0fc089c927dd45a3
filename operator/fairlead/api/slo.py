"""Objectives: what "good" means for a model. One list for the canary's judge, alerts and the error budget."""

import hashlib
import re
from collections.abc import Iterable
from datetime import timedelta
from math import inf
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from fairlead.api.fields import Part, named_list, unique
from fairlead.api.forms import DnsLabel
from fairlead.api.metrics import Counters, Metric
from fairlead.api.monitoring import USUAL_PERIOD, Days
from fairlead.api.rules import RULES_KEY, check, exactly_one, matching, rule

PERCENT = r"[0-9]{1,2}(\.[0-9]{1,4})?"

Percent = Annotated[
    str,
    Field(max_length=7),
    matching(PERCENT, "must be a percentage below 100 in quotation marks, such as \"99.9\": no sign, no '%'"),
]
"""A percentage below 100 with at most four decimals, as text: floats differ between programs that write them."""


def share(percent: str) -> float:
    """`99.9` → 0.999."""
    return float(percent) / 100


LATENCY = r"[1-9][0-9]{0,6}ms|[0-9]{1,4}(\.[0-9]{1,3})?s"
IS_LATENCY = matching(LATENCY, "must be milliseconds or seconds, such as 300ms or 1.5s")


def parse_latency(text: object) -> object:
    """`300ms` or `1.5s` → timedelta. What is no text is left for pydantic to refuse."""
    if not isinstance(text, str):
        return text
    check((IS_LATENCY,), text)
    number, unit = re.fullmatch(r"([0-9.]+)(ms|s)", text).groups()  # type: ignore[union-attr] # IS_LATENCY holds
    return timedelta(milliseconds=float(number)) if unit == "ms" else timedelta(seconds=float(number))


def format_latency(value: timedelta) -> str:
    """Timedelta → `300ms`, or whole seconds where it is some."""
    milliseconds = round(value.total_seconds() * 1000)
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"


def format_seconds(value: float) -> str:
    """Seconds → `250ms` or `2.5s`, for names of histogram edges."""
    return f"{value * 1000:g}ms" if value < 1 else f"{value:g}s"


def snapped(threshold: float, edges: Iterable[float]) -> float | None:
    """The smallest edge of a histogram that is not below a threshold, in seconds; None beyond the last."""
    return min((edge for edge in edges if edge >= threshold * (1 - 1e-9) and edge < inf), default=None)


Latency = Annotated[
    timedelta,
    BeforeValidator(parse_latency),
    PlainSerializer(format_latency),
    WithJsonSchema({"type": "string", "maxLength": 10, RULES_KEY: [IS_LATENCY.as_cel()]}),
]
"""How long one request takes, in milliseconds or seconds."""

_NO_COUNTER = r"(^|[^A-Za-z0-9_:])(rate|irate|increase|delta|idelta|deriv)\s*\("
Query = Annotated[
    str,
    Field(min_length=1, max_length=2048),
    rule(
        "must be of raw counters, without rate(), increase() and the like: Fairlead takes the differences itself, and "
        "those of Prometheus are extrapolated and overlap",
        f"!self.matches(r'{_NO_COUNTER}')",
        lambda text: re.search(_NO_COUNTER, text, re.ASCII) is None,
    ),
]


class Queries(Part):
    """Requests, and how many of them were bad, by PromQL."""

    bad: Query = Field(
        description="Instant query of a raw counter of bad requests that keeps the pod, such as "
        'sum by (namespace, pod) (blocked_total{namespace="risk"}).'
    )
    total: Query = Field(description="The same for all requests, the bad ones among them.")


class Objective(Part):
    """A share of requests that has to be good."""

    must_hold = (
        exactly_one(
            "an objective takes exactly one of metric (what the runtime's metrics profile counts), counters (series of "
            "the pods' own metrics) and queries (of Prometheus)",
            "metric",
            "counters",
            "queries",
        ),
        rule(
            "threshold belongs to an objective about a time: set it with metric Latency, TimeToFirstToken or "
            "InterTokenLatency, and leave it out with Errors, Aborts, counters and queries",
            "(has(self.metric) && !(self.metric in ['Errors', 'Aborts'])) == has(self.threshold)",
            lambda self: (self.metric not in (None, "Errors", "Aborts")) == (self.threshold is not None),
            "threshold",
        ),
        rule(
            "names errors and aborts belong to what the metrics profile counts: choose another one for an objective of "
            "counters or queries",
            "has(self.metric) || !(self.name in ['errors', 'aborts'])",
            lambda self: self.metric is not None or self.name not in ("errors", "aborts"),
            "name",
        ),
        rule(
            "target must be at least 50: an objective that is missed by every second request is none",
            f"!self.target.matches(r'^({PERCENT})$') || double(self.target) >= 50.0",
            lambda self: float(self.target) >= 50,
            "target",
        ),
    )

    name: DnsLabel = Field(description="What people call it, such as availability.")
    target: Percent = Field(description='How many percent of the requests have to be good, such as "99.9".')
    metric: Metric | None = Field(
        default=None,
        description="Errors: a request is good when the server did not fail. Aborts: when its answer was not broken "
        "off. The others: when it was faster than the threshold.",
    )
    counters: Counters | None = Field(
        default=None,
        description="Any other kind of bad requests, such as blocked answers: counters on the pods' page of metrics.",
    )
    queries: Queries | None = Field(
        default=None,
        description="Any other kind of bad requests, asked of Prometheus; it takes rollout.evidence.source Prometheus.",
    )
    threshold: Latency | None = Field(
        default=None,
        description="The time within which a request is good, such as 300ms; rounded up to an edge of "
        "the server's histogram.",
    )

    @property
    def allowed(self) -> float:
        """The share of requests that may be bad."""
        return 1 - share(self.target)

    @property
    def seconds(self) -> float:
        """The threshold; 0 where there is none."""
        return self.threshold.total_seconds() if self.threshold else 0.0

    @property
    def pair(self) -> str | None:
        """What is counted for it alone, None where the metrics profile says it. Another definition is another pair."""
        defined = self.counters or self.queries
        if defined is None:
            return None
        return f"{self.name}@{hashlib.sha256(defined.model_dump_json().encode()).hexdigest()[:8]}"


class Slo(Part):
    """What "good" means for this model."""

    period: Days = Field(
        default=USUAL_PERIOD,
        validate_default=True,
        description="Over how long an objective is kept: the bad requests that it allows in that time are the error "
        "budget. Whole days from 1d to 90d.",
    )
    objectives: Annotated[
        tuple[Objective, ...], Field(max_length=8, json_schema_extra=named_list("name")), unique("name")
    ] = Field(default=(), description="Shares of requests that have to be good.")

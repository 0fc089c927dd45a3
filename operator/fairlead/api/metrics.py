"""The metrics profile of a model server: which of its series count requests, errors and times."""

import re
from collections.abc import Collection, Mapping
from typing import Annotated, Literal, Self

from pydantic import Field
from pydantic.alias_generators import to_snake

from fairlead.api.fields import Part
from fairlead.api.forms import UrlPath
from fairlead.api.pattern import pattern_problem
from fairlead.api.rules import Rule, at_least_one, every_key, matching

Metric = Literal["Errors", "Aborts", "Latency", "TimeToFirstToken", "InterTokenLatency"]
"""What an objective is about; the runtime's metrics profile says which series tell it."""

SeriesName = Annotated[
    str,
    Field(max_length=200),
    matching("[a-zA-Z_:][a-zA-Z0-9_:]*", "must be the name of a series: letters, digits, '_' and ':'"),
]
_LABEL = "[a-zA-Z_][a-zA-Z0-9_]*"
LABEL_NAMES = every_key(
    "key '<key>' must be the name of a label: letters, digits and '_'",
    f"k.matches(r'^({_LABEL})$')",
    lambda _, key: re.fullmatch(_LABEL, key, re.ASCII) is not None,
)
IS_PATTERN = Rule("must be a regular expression", "", pattern_problem)
"""The API server does not know it: CEL has no way to say whether an expression compiles."""
Pattern = Annotated[str, Field(max_length=256), IS_PATTERN]
Labels = Annotated[dict[str, Pattern], Field(max_length=8), LABEL_NAMES]


class Series(Part):
    """Counters of one name whose labels match."""

    series: SeriesName = Field(description="Name of the series, as the server writes it.")
    labels: Labels = Field(
        default={},
        description="Label → regular expression for its whole value, such as status_code: 5.. ; all must match. Of "
        "what RE2 and Python have in common: no anchors, no flags, no repeated groups.",
    )


class Counters(Part):
    """Requests, and how many of them were bad: the sums of all series that match.

    Requests that failed by a mistake of the client (HTTP 4xx) belong to neither.
    """

    bad: Annotated[tuple[Series, ...], Field(min_length=1, max_length=8)] = Field(description="Bad requests.")
    total: Annotated[tuple[Series, ...], Field(min_length=1, max_length=8)] = Field(
        description="All requests, the bad ones among them."
    )


class Histogram(Part):
    """A histogram of one time per request."""

    series: SeriesName = Field(description="Name of the histogram, without _bucket.")
    labels: Labels = Field(default={}, description="Label → regular expression for its whole value.")
    unit: Literal["Seconds", "Milliseconds", "Microseconds"] = Field(
        default="Seconds", description="Unit of its bucket edges."
    )

    @property
    def per_second(self) -> int:
        """How many of its units a second has."""
        return {"Seconds": 1, "Milliseconds": 1_000, "Microseconds": 1_000_000}[self.unit]


class Gauge(Part):
    """Gauges of one name whose labels match. Of several in one pod the sum counts, and of shares the mean."""

    series: SeriesName = Field(description="Name of the series, as the server writes it.")
    labels: Labels = Field(default={}, description="Label → regular expression for its whole value.")


class MetricsProfile(Part):
    """Where the server's metrics are, and which series say how its requests went, and how many there are now.

    One that has only the latter is enough to scale by. A canary is not judged by it.
    """

    must_hold = (
        at_least_one(
            "metrics names no series: it takes errors, aborts, latency, timeToFirstToken or interTokenLatency to judge "
            "a new revision by, and concurrency, queueDepth or kvCacheUtilization to follow the load",
            "errors",
            "aborts",
            "latency",
            "timeToFirstToken",
            "interTokenLatency",
            "concurrency",
            "queueDepth",
            "kvCacheUtilization",
        ),
    )

    path: UrlPath = Field(default="/metrics", description="URL path of the metrics.")
    errors: Counters | None = Field(default=None, description="Requests, and those that the server failed.")
    aborts: Counters | None = Field(
        default=None,
        description="Requests, and those that ended before their answer was complete although the server did not fail, "
        "such as by a client that had waited long enough.",
    )
    latency: Histogram | None = Field(default=None, description="Duration of whole requests.")
    time_to_first_token: Histogram | None = Field(
        default=None, description="Time until the first token of an answer, per request."
    )
    inter_token_latency: Histogram | None = Field(
        default=None,
        description="Time between two tokens of an answer: one value per request, the mean over its tokens. A "
        "histogram that counts every token is none, since the tokens of one answer are not independent of each other.",
    )

    concurrency: Gauge | None = Field(default=None, description="Requests that a pod works on now.")
    queue_depth: Gauge | None = Field(default=None, description="Requests that wait in a pod for their turn.")
    kv_cache_utilization: Gauge | None = Field(
        default=None, description="How full the cache of keys and values is, from 0 to 1."
    )

    def without(self, metrics: Collection[Metric]) -> Self:
        """The profile without what is counted elsewhere."""
        return self.model_copy(update={to_snake(metric): None for metric in metrics})

    @property
    def counters(self) -> Mapping[Metric, Counters]:
        """What it counts by pairs of counters."""
        named: dict[Metric, Counters | None] = {"Errors": self.errors, "Aborts": self.aborts}
        return {metric: counters for metric, counters in named.items() if counters is not None}

    @property
    def histograms(self) -> Mapping[Metric, Histogram]:
        """What it counts by histograms."""
        named: dict[Metric, Histogram | None] = {
            "Latency": self.latency,
            "TimeToFirstToken": self.time_to_first_token,
            "InterTokenLatency": self.inter_token_latency,
        }
        return {metric: histogram for metric, histogram in named.items() if histogram is not None}

"""Values of series → what they say about requests, whoever has told them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate

from fairlead.api.metrics import Metric
from fairlead.observe.series import Series, Unreadable

Pair = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Said:
    """What the series of one pod say: the fields of PodMetrics. What they say nothing about is absent."""

    errors: Pair | None = None
    pairs: Mapping[str, Pair] = field(default_factory=dict)
    histograms: Mapping[Metric, Mapping[float, float]] = field(default_factory=dict)


class Tally:
    """The series of one pod, as they come. Raises Unreadable."""

    def __init__(self) -> None:
        self._values: dict[Series, float] = {}

    def count(self, series: Series, value: float) -> None:
        """One more series."""
        if not (math.isfinite(value) and value >= 0):
            # Without the value: the message is written to status, and should not change with every sweep.
            raise Unreadable(f"{series.text} is negative or not finite, which is no count")
        if self._values.setdefault(series, value) != value:
            raise Unreadable(f"{series.text} is there twice, with different values")

    def said(self) -> Said:
        """What all of them say."""
        pairs = _pairs(self._values)
        errors = pairs.pop("Errors", None)
        return Said(errors=errors, pairs=pairs, histograms=_histograms(self._values))


def _pairs(values: Mapping[Series, float]) -> dict[str, Pair]:
    """No bad series yet is no bad request yet; but without any series of all requests there is nothing to say."""
    total: dict[str, float] = {}
    bad: dict[str, float] = {}
    for series, value in values.items():
        for key in series.totals:
            total[key] = total.get(key, 0) + value
        for key in series.bads:
            bad[key] = bad.get(key, 0) + value
    return {key: (requests, bad.get(key, 0)) for key, requests in total.items()}


def _histograms(values: Mapping[Series, float]) -> dict[Metric, dict[float, float]]:
    """Per metric the sum of its histograms."""
    found: dict[Metric, dict[object, dict[float, float]]] = {}
    for series, value in values.items():
        for metric, edge in series.edges.items():
            found.setdefault(metric, {}).setdefault(series.bucket_of, {})[edge] = value
    return {metric: _summed(list(histograms.values())) for metric, histograms in found.items()}


def _summed(histograms: list[dict[float, float]]) -> dict[float, float]:
    """Edge → requests that took at most so long, over several histograms; only at edges that all of them have.

    A server that counts while it writes can be ahead with a small edge; a bigger one holds at least as many.
    """
    if not all(math.inf in histogram for histogram in histograms):
        raise Unreadable("a histogram has no bucket +Inf")
    edges = sorted(set.intersection(*(set(histogram) for histogram in histograms)))
    sums = (sum(histogram[edge] for histogram in histograms) for edge in edges)
    return dict(zip(edges, accumulate(sums, max), strict=True))

"""What a series on a metrics page counts, by the metrics profile of its server."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.api.metrics import Counters, Metric, MetricsProfile
from fairlead.api.metrics import Series as Counted
from fairlead.api.pattern import matches

Labels = Mapping[str, str]

_EDGE = "le"


class Unreadable(Exception):
    """Why a pod's metrics cannot be used, to be put after a colon."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """A series that the profile names and whose labels match. There is one object for each, so two are never equal.

    `totals` and `bads` say to which sums it belongs: "Errors", "Aborts", and the `pair` of an objective. `edges` is
    metric → upper edge in seconds, where it is a bucket of that histogram, and `bucket_of` then names the histogram:
    its labels without that of the edge.
    """

    text: str
    totals: frozenset[str]
    bads: frozenset[str]
    edges: Mapping[Metric, float]
    bucket_of: Any


class Meanings:
    """The meaning of series, as one profile and objectives of their own have it. `pairs` is pair → its counters.

    Remembers those that it was asked for, until it is told to forget. The same series may be written in several ways
    (its labels in another order, an edge as `1` and as `1.0`).
    """

    def __init__(self, profile: MetricsProfile, pairs: Mapping[str, Counters] | None = None) -> None:
        self._counters = {str(metric): each for metric, each in profile.counters.items()} | dict(pairs or {})
        self._histograms = profile.histograms
        self._known: dict[Any, Series] = {}
        self.names = frozenset(name for counters in self._counters.values() for name in _names(counters)) | {
            f"{histogram.series}_bucket" for histogram in self._histograms.values()
        }

    def forget(self) -> None:
        """Makes room."""
        self._known.clear()

    def of(self, name: str, labels: Labels) -> Series | None:
        """What a series means; None when its labels do not match."""
        edges = {
            metric: _edge(labels) / histogram.per_second
            for metric, histogram in self._histograms.items()
            if name == f"{histogram.series}_bucket" and _all_match(histogram.labels, labels)
        }
        totals = frozenset(key for key, each in self._counters.items() if _is_one_of(each.total, name, labels))
        bads = frozenset(key for key, each in self._counters.items() if _is_one_of(each.bad, name, labels))
        if not (edges or totals or bads):
            return None
        others = frozenset((label, value) for label, value in labels.items() if not edges or label != _EDGE)
        identity = (name, others, _edge(labels) if edges else None)
        found = self._known.get(identity)
        if found is None:
            text = f"{name}{{{', '.join(f'{label}={value!r}' for label, value in labels.items())}}}"[:200]
            series = Series(text=text, totals=totals, bads=bads, edges=edges, bucket_of=(name, others))
            found = self._known[identity] = series
        return found


def _names(counters: Counters) -> tuple[str, ...]:
    return tuple(each.series for each in (*counters.total, *counters.bad))


def _is_one_of(counted: tuple[Counted, ...], name: str, labels: Labels) -> bool:
    return any(name == each.series and _all_match(each.labels, labels) for each in counted)


def _all_match(patterns: Mapping[str, str], labels: Labels) -> bool:
    return all(matches(pattern, labels.get(label, "")) for label, pattern in patterns.items())


def _edge(labels: Labels) -> float:
    try:
        edge = float(labels.get(_EDGE, ""))
    except ValueError:
        edge = float("nan")
    if edge != edge:
        raise Unreadable("a bucket of a histogram has no upper edge")
    return edge

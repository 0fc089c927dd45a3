"""An objective → its events: bad ones and all, per second and revision, as PromQL.

The canary's judge takes the differences of the same series itself (evidence/cells.py): what counts for bad is said
once, by the objective and the metrics profile.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import assert_never

from fairlead.api.metrics import Counters, Histogram, MetricsProfile
from fairlead.api.names import SERIES_MODEL, SERIES_REVISION
from fairlead.api.slo import Objective, Queries, format_seconds, snapped
from fairlead.slo.promql import OF_REVISION, equals, like, rates, selector, spellings, summed
from fairlead.slo.query import query_problem

WINDOW = "5m"
"""What events per second are taken over. At least two scrapes must fall into it, so they may be two minutes apart."""
_RESOLUTION = "30s"
"""How often a query of raw counters is evaluated within the window."""


@dataclass(frozen=True, kw_only=True)
class PodLabels:
    """How a Prometheus calls the namespace and the name of the pod that a series is about."""

    namespace: str = "namespace"
    pod: str = "pod"


USUAL = PodLabels()
"""As the Prometheus Operator has them."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Whose events these are.

    `revisions` narrows them down to some; empty: all of the model. `pods` is how pods are called in what users' own
    queries answer.
    """

    namespace: str
    model: str
    revisions: tuple[str, ...] = ()
    pods: PodLabels = USUAL

    @property
    def matchers(self) -> tuple[str, ...]:
        """Matchers of the labels that its series have from the scrape."""
        several = (f'{SERIES_REVISION}=~"{"|".join(self.revisions)}"',) if self.revisions else ()
        return (*equals({"namespace": self.namespace, SERIES_MODEL: self.model}), *several)


@dataclass(frozen=True, kw_only=True)
class Events:
    """PromQL of bad events and of all events per second, one row for each revision.

    `zero` says that no series of bad ones is no bad one yet. Of a histogram it is not: a missing bucket says nothing.
    """

    bad: str
    total: str
    zero: bool = True


@dataclass(frozen=True, kw_only=True)
class Unmeasured:
    """Why there are no events of an objective, to be put after its name."""

    why: str


@dataclass(frozen=True, kw_only=True)
class Unknown(Unmeasured):
    """The same, where it may change by itself: nobody has seen the histogram yet."""


def counted_by(objective: Objective, profile: MetricsProfile | None) -> Counters | Histogram | Queries | None:
    """What counts the events of an objective; None where the server's profile has nothing for it."""
    own = objective.counters or objective.queries
    if own is not None or profile is None or objective.metric is None:
        return own
    return profile.counters.get(objective.metric) or profile.histograms.get(objective.metric)


def needed(objectives: Iterable[Objective], profile: MetricsProfile | None) -> frozenset[str]:
    """What pods have to count for these objectives: metrics, and the pairs of those that have counters of their own."""
    return frozenset(
        each.pair or str(each.metric)
        for each in objectives
        if isinstance(counted_by(each, profile), Counters | Histogram)
    )


def events(
    objective: Objective, profile: MetricsProfile | None, edges: Mapping[str, tuple[float, ...]], subject: Subject
) -> Events | Unmeasured:
    """The events of an objective. `edges` are those of the histograms that are known, in seconds, by metric."""
    counted = counted_by(objective, profile)
    match counted:
        case Counters():
            bad, total = (rates(each, WINDOW, subject.matchers) for each in (counted.bad, counted.total))
            return Events(bad=summed(OF_REVISION, bad), total=summed(OF_REVISION, total))
        case Histogram():
            return _of_histogram(objective, counted, edges.get(objective.metric or ""), subject)
        case Queries() if (problem := _unreadable(counted)) is not None:
            return Unmeasured(why=problem)
        case Queries():
            return Events(bad=_asked(counted.bad, subject), total=_asked(counted.total, subject))
        case None:
            return Unmeasured(why=f"the metrics profile has no series for {objective.metric}")
        case _:
            assert_never(counted)


def _unreadable(queries: Queries) -> str | None:
    for name, query in (("bad", queries.bad), ("total", queries.total)):
        if (problem := query_problem(query)) is not None:
            return f"queries.{name} {problem}"
    return None


def _of_histogram(
    objective: Objective, histogram: Histogram, edges: tuple[float, ...] | None, subject: Subject
) -> Events | Unmeasured:
    if not edges:
        return Unknown(why=f"no bucket of {histogram.series} has been seen so far")
    edge = snapped(objective.seconds, edges)
    if edge is None:
        longest = format_seconds(max(edges))
        return Unmeasured(
            why=f"{format_seconds(objective.seconds)} is beyond the last edge of its histogram, {longest}"
        )
    written = spellings(float(f"{edge * histogram.per_second:.12g}"))

    def at(le: str) -> str:
        bucket = selector(f"{histogram.series}_bucket", *subject.matchers, *like(histogram.labels), le)
        return summed(OF_REVISION, f"rate({bucket}[{WINDOW}])")

    total = at('le="+Inf"')
    # Buckets are scraped at one time, but each is extrapolated for itself: never less than no slow request.
    return Events(
        bad=f"clamp_min({total} - {at(f'le=~{chr(34)}{_escaped(written)}{chr(34)}')}, 0)", total=total, zero=False
    )


def _escaped(pattern: str) -> str:
    return pattern.replace("\\", "\\\\")


def _asked(query: str, subject: Subject) -> str:
    """A query of raw counters knows pods; whose they are, the scrapes of the model's pods say.

    The query stands on lines of its own, since it may end in a comment.
    """
    up = _as_ours(f"up{{{','.join(subject.matchers)}}}", subject.pods)
    pods = f"max by ({', '.join(OF_REVISION)}, pod) ({up} >= bool 0)"
    rate = f"rate((\n{query}\n)[{WINDOW}:{_RESOLUTION}])"
    if subject.pods != USUAL:
        # Summed first: `pod` may be who has counted it, such as a gateway, and two of these would get the same labels.
        rate = _as_ours(summed((subject.pods.namespace, subject.pods.pod), rate), subject.pods)
    return summed(OF_REVISION, f"{rate} * on (namespace, pod) group_left ({SERIES_MODEL}, {SERIES_REVISION}) {pods}")


def _as_ours(series: str, pods: PodLabels) -> str:
    """The same series with the labels `namespace` and `pod`, also where that Prometheus calls them differently."""
    for ours, theirs in (("namespace", pods.namespace), ("pod", pods.pod)):
        if theirs != ours:
            series = f'label_replace({series}, "{ours}", "$1", "{theirs}", "(.+)")'
    return series

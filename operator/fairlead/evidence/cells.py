"""Which kinds of bad events a canary is compared by: from objectives, and from what the stable pods measure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from math import inf

from fairlead.api.gatewaymetrics import GatewayMetrics
from fairlead.api.metrics import Metric, MetricsProfile
from fairlead.api.slo import Objective, format_seconds, snapped
from fairlead.evidence.pairs import pair_cells, pair_requests
from fairlead.evidence.sweep import PodMetrics
from fairlead.evidence.terms import Cell, Margin

ERRORS = "errors"

ROLLBACK_ERRORS = Margin(factor=1.1, offset=0.0002)
ROLLBACK_TIMES = Margin(factor=1.25, offset=0.005)
PROMOTE_ERRORS = {"Standard": Margin(factor=2, offset=0.003), "Tight": Margin(factor=1.5, offset=0.001)}
PROMOTE_TIMES = Margin(factor=1.5, offset=0.01)
"""The margins of the table in docs/evidence.md."""

COMPARISON, OBJECTIVES = 0.35, 0.15
"""Part of the evidence for each group of comparisons (errors; each kind of time), and for each objective."""

MOST_EDGES = 8
"""Of one histogram. More edges share the same evidence, and each gets less."""

MOSTLY = 0.5
"""An edge that so many requests of the stable revision exceed says little: hardly more of the canary's could."""

USUAL = 0.05
"""Without an objective a request is slow from the edge that at most this share of the stable revision's exceed."""

ENOUGH = 100
"""Requests of the stable revision from which it is known what is usual. Edges are those of the whole trial, and are
not chosen before."""

TIMES: tuple[Metric, ...] = ("Latency", "TimeToFirstToken", "InterTokenLatency")
PAIRS: tuple[Metric, ...] = ("Errors", "Aborts")


def metrics_of(profile: MetricsProfile | None, gateway: GatewayMetrics | None = None) -> tuple[Metric, ...]:
    """What is counted: by a server, as its metrics profile says, and by the Gateway where that is asked."""
    own: tuple[Metric, ...] = () if profile is None else (*profile.counters, *profile.histograms)
    at_gateway = () if gateway is None else gateway.metrics
    return (*at_gateway, *(metric for metric in own if metric not in at_gateway))


def uncounted(objectives: Iterable[Objective], profile: MetricsProfile | None) -> str | None:
    """Why no pod will ever count anything that a canary could be judged by, in words; None where one does."""
    if metrics_of(profile) or any(each.pair for each in objectives):
        return None
    if profile is None:
        return "its runtime has no metrics profile, and no objective has counters or queries of its own"
    return (
        "its server counts neither errors nor times by its metrics profile, and no objective has counters or queries "
        "of its own"
    )


def lacking(
    objectives: Iterable[Objective], profile_metrics: Iterable[Metric], stable: Iterable[PodMetrics]
) -> str | None:
    """What is missing before a trial can begin, in words: every metric of the profile, and every objective's.

    A trial is judged until its end by what was there at its beginning.
    """
    pods, counted, asked = tuple(stable), tuple(profile_metrics), tuple(objectives)
    for objective in asked:
        if objective.metric is not None and objective.metric not in counted:
            return f"the metrics profile has no series for {objective.metric}, as objective {objective.name} needs it"
    few: list[str] = [metric for metric in counted if _requests(metric, pods) < ENOUGH]
    few += [f"objective {each.name}" for each in asked if each.pair and pair_requests(each.pair, pods) < ENOUGH]
    # Without the number so far: that would be another message with every sweep.
    return f"fewer than {ENOUGH} requests are counted so far for {', '.join(few)}" if few else None


def dropped(objectives: Iterable[Objective], stable: Iterable[PodMetrics]) -> str | None:
    """What cells() leaves out although there is enough to go by, in words; None when nothing is.

    That is an objective whose threshold the histogram cannot tell, and a time of which nothing can be compared.
    """
    asked, pods = tuple(objectives), tuple(stable)
    found = chain.from_iterable(
        _left_out(metric, [each for each in asked if each.metric == metric], histogram)
        for metric, histogram in _all_histograms(pods)
    )
    return "; ".join(found) or None


def _left_out(metric: Metric, objectives: list[Objective], histogram: Mapping[float, float]) -> Iterator[str]:
    beyond = "most requests take longer than the last edge of its histogram"
    nothing = not _main_edges(histogram, _allowed(objectives, histogram))
    if nothing and not objectives:
        yield f"{metric} is not judged: {beyond}"
    for objective in objectives:
        if snapped(objective.seconds, histogram) is None:
            threshold = format_seconds(objective.seconds)
            yield f"objective {objective.name} is not judged: {threshold} is beyond the last edge of its histogram"
        elif nothing:
            yield f"objective {objective.name} is not judged: {beyond}"


def cells(objectives: tuple[Objective, ...], sensitivity: str, stable: Iterable[PodMetrics]) -> tuple[Cell, ...]:
    """The cells of a trial, their weights adding up to 1; none of what the stable pods have not counted enough."""
    pods = tuple(stable)
    times = chain.from_iterable(_all_times(objectives, pods))
    found = [*_errors(objectives, sensitivity, pods), *pair_cells(objectives, pods, ENOUGH), *times]
    total = sum(cell.weight + cell.objective_weight for cell in found)
    return tuple(
        replace(cell, weight=cell.weight / total, objective_weight=cell.objective_weight / total) for cell in found
    )


def _errors(objectives: tuple[Objective, ...], sensitivity: str, pods: tuple[PodMetrics, ...]) -> list[Cell]:
    if _requests("Errors", pods) < ENOUGH:
        return []
    allowed = min((objective.allowed for objective in objectives if objective.metric == "Errors"), default=None)
    return [
        Cell(
            name=ERRORS,
            metric="Errors",
            rollback=ROLLBACK_ERRORS,
            promotion=PROMOTE_ERRORS[sensitivity],
            weight=COMPARISON,
            objective=allowed,
            objective_weight=OBJECTIVES if allowed is not None else 0,
            in_budget=True,
        )
    ]


def _all_times(objectives: tuple[Objective, ...], pods: tuple[PodMetrics, ...]) -> list[list[Cell]]:
    return [
        _times(metric, [objective for objective in objectives if objective.metric == metric], histogram)
        for metric, histogram in _all_histograms(pods)
    ]


def _all_histograms(pods: tuple[PodMetrics, ...]) -> list[tuple[Metric, dict[float, float]]]:
    """The histograms that hold enough requests to choose edges from."""
    return [(metric, _histogram(metric, pods)) for metric in TIMES if _requests(metric, pods) >= ENOUGH]


def _histogram(metric: Metric, pods: tuple[PodMetrics, ...]) -> dict[float, float]:
    return merged(pod.histograms[metric] for pod in pods if metric in pod.histograms)


def _requests(metric: Metric, pods: tuple[PodMetrics, ...]) -> float:
    """How many requests the pods have counted by one metric of the profile."""
    if metric in PAIRS:
        return pair_requests(metric, pods)
    return _histogram(metric, pods).get(inf, 0.0)


def _times(metric: Metric, objectives: list[Objective], histogram: Mapping[float, float]) -> list[Cell]:
    """One cell per edge up to twice the slowest objective, the edges of the objectives among them.

    An objective's edge that nearly all requests exceed has no part in the comparison: it is held to the objective only.
    """
    allowed = _allowed(objectives, histogram)
    main = _main_edges(histogram, allowed)
    if not main:
        return []
    chosen = _informative(histogram, main)
    return [
        Cell(
            name=f"{metric}>{format_seconds(edge)}",
            metric=metric,
            edge=edge,
            rollback=ROLLBACK_TIMES,
            promotion=PROMOTE_TIMES if edge in main else None,
            weight=COMPARISON / len(chosen) if edge in chosen else 0,
            objective=allowed.get(edge),
            objective_weight=OBJECTIVES if edge in allowed else 0,
            in_budget=edge == max(main),
        )
        for edge in sorted({*chosen, *allowed})
    ]


def _allowed(objectives: list[Objective], histogram: Mapping[float, float]) -> dict[float, float]:
    """Edges of objectives, and which share of the requests may exceed them."""
    allowed: dict[float, float] = {}
    for objective in objectives:
        edge = snapped(objective.seconds, histogram)
        if edge is not None:
            allowed[edge] = min(objective.allowed, allowed.get(edge, 1.0))
    return allowed


def _main_edges(histogram: Mapping[float, float], allowed: Mapping[float, float]) -> set[float]:
    """The edges at which a canary has to show that it is good enough: of the objectives, or else the usual one."""
    return {edge for edge in allowed if _comparable(histogram, edge)} or {
        edge for edge in (_usual_edge(histogram),) if edge < inf and _comparable(histogram, edge)
    }


def _comparable(histogram: Mapping[float, float], edge: float) -> bool:
    """Whether a canary can be worse than the margins: where they allow every request to be slow, nothing is shown."""
    slow = _slow(histogram, edge)
    return all(margin.factor * slow + margin.offset < 1 for margin in (ROLLBACK_TIMES, PROMOTE_TIMES))


def merged(histograms: Iterable[Mapping[float, float]]) -> dict[float, float]:
    """Cumulative counts of several histograms at the edges that all of them have; empty without infinity."""
    found = list(histograms)
    shared = set.intersection(*(set(each) for each in found)) if found else set()
    return {edge: sum(each[edge] for each in found) for edge in sorted(shared)} if inf in shared else {}


def _slow(histogram: Mapping[float, float], edge: float) -> float:
    return 1 - histogram[edge] / histogram[inf] if histogram[inf] else 0.0


def _usual_edge(histogram: Mapping[float, float]) -> float:
    finite = [edge for edge in histogram if edge < inf]
    return next((edge for edge in finite if _slow(histogram, edge) <= USUAL), finite[-1] if finite else inf)


def _informative(histogram: Mapping[float, float], main: set[float]) -> list[float]:
    """At most MOST_EDGES edges: the main ones, and those nearest to them up to twice the largest of them."""
    below = [
        edge
        for edge in histogram
        if edge in main or (edge <= 2 * max(main) and edge < inf and _slow(histogram, edge) < MOSTLY)
    ]
    nearest = sorted(below, key=lambda edge: (edge not in main, abs(below.index(edge) - below.index(max(main)))))
    return sorted(nearest[:MOST_EDGES])

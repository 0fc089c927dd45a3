"""Which kinds of bad events a canary is compared by: from objectives, and from what the stable pods measure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain
from math import inf

from fairlead.api.slo import Metric, Objective, format_seconds
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


def cells(objectives: tuple[Objective, ...], sensitivity: str, stable: Iterable[PodMetrics]) -> tuple[Cell, ...]:
    """The cells of a trial, their weights adding up to 1; none when the stable pods measure nothing yet."""
    pods = tuple(stable)
    found = [*_errors(objectives, sensitivity, pods), *chain.from_iterable(_all_times(objectives, pods))]
    total = sum(cell.weight + cell.objective_weight for cell in found)
    return tuple(
        replace(cell, weight=cell.weight / total, objective_weight=cell.objective_weight / total) for cell in found
    )


def snapped(threshold: float, edges: Iterable[float]) -> float | None:
    """The smallest edge that is not below a threshold, in seconds; None beyond the last."""
    return min((edge for edge in edges if edge >= threshold * (1 - 1e-9) and edge < inf), default=None)


def _errors(objectives: tuple[Objective, ...], sensitivity: str, pods: tuple[PodMetrics, ...]) -> list[Cell]:
    if not any(pod.errors for pod in pods):
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
    metrics: tuple[Metric, ...] = ("Latency", "TimeToFirstToken", "InterTokenLatency")
    return [
        _times(metric, [objective for objective in objectives if objective.metric == metric], histogram)
        for metric in metrics
        if (histogram := merged(pod.histograms[metric] for pod in pods if metric in pod.histograms))
    ]


def _times(metric: Metric, objectives: list[Objective], histogram: Mapping[float, float]) -> list[Cell]:
    """One cell per edge up to twice the slowest objective, the edges of the objectives among them."""
    allowed: dict[float, float] = {}
    for objective in objectives:
        edge = snapped(objective.threshold.total_seconds() if objective.threshold else 0, histogram)
        if edge is not None:
            allowed[edge] = min(objective.allowed, allowed.get(edge, 1.0))
    main = set(allowed) or {_usual_edge(histogram)}
    chosen = _informative(histogram, main)
    return [
        Cell(
            name=f"{metric}>{format_seconds(edge)}",
            metric=metric,
            edge=edge,
            rollback=ROLLBACK_TIMES,
            promotion=PROMOTE_TIMES if edge in main else None,
            weight=COMPARISON / len(chosen),
            objective=allowed.get(edge),
            objective_weight=OBJECTIVES if edge in allowed else 0,
            in_budget=edge == max(main),
        )
        for edge in chosen
    ]


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

"""Cells of any other kind of bad requests than errors and slow ones: aborts, and what objectives count themselves."""

from collections.abc import Iterable
from typing import NamedTuple

from fairlead.api.slo import Objective
from fairlead.evidence.sweep import PodMetrics
from fairlead.evidence.terms import Cell, Margin

ROLLBACK = Margin(factor=1.1, offset=0.01)
PROMOTE = Margin(factor=1.5, offset=0.03)
"""The margins of the table in docs/evidence.md."""

SHARE = 0.15
"""Part of the evidence for all comparisons of this kind together, and as much for their objectives.

The more pairs there are, the less has each: errors and times never lose more than this to them.
"""


class _Pair(NamedTuple):
    key: str
    name: str
    allowed: float | None


def pair_cells(objectives: Iterable[Objective], stable: tuple[PodMetrics, ...], enough: float) -> list[Cell]:
    """One cell for each pair of which the stable pods have counted enough.

    Not in the budget of bad requests: what a pair counts need not be requests.
    """
    found = [pair for pair in _pairs(objectives) if pair_requests(pair.key, stable) >= enough]
    asked = [pair for pair in found if pair.allowed is not None]
    return [
        Cell(
            name=pair.name,
            metric=pair.key,
            rollback=ROLLBACK,
            promotion=PROMOTE,
            weight=SHARE / len(found),
            objective=pair.allowed,
            objective_weight=SHARE / len(asked) if pair.allowed is not None else 0,
        )
        for pair in found
    ]


def pair_requests(key: str, pods: Iterable[PodMetrics]) -> float:
    """How many requests the pods have counted by one pair."""
    told = (pod.errors if key == "Errors" else pod.pairs.get(key) for pod in pods)
    return sum(pair[0] for pair in told if pair is not None)


def _pairs(objectives: Iterable[Objective]) -> list[_Pair]:
    asked = tuple(objectives)
    aborts = min((each.allowed for each in asked if each.metric == "Aborts"), default=None)
    own = [_Pair(each.pair, each.name, each.allowed) for each in asked if each.pair is not None]
    return [_Pair("Aborts", "aborts", aborts), *own]

"""What happens to a stable revision and its canary: traffic, errors and latencies over time."""

import math
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

import numpy as np

from fairlead.evidence.evalues import Floats
from fairlead.evidence.terms import Cell, Margin, Terms

EDGES = (50, 100, 250, 500, 1000)  # milliseconds
"""Edges of the histogram that are judged: up to twice the objective's threshold."""
THRESHOLD = 500
MEDIAN, SPREAD = 120, 0.55
"""Latencies are log-normal: 0.47 % of the requests take longer than the threshold."""
TAIL = 5
"""A request of the tail takes so many times longer."""

ERRORS_ROLLBACK, ERRORS_PROMOTION = Margin(factor=1.1, offset=0.0002), Margin(factor=2, offset=0.003)
LATENCY_ROLLBACK, LATENCY_PROMOTION = Margin(factor=1.25, offset=0.005), Margin(factor=1.5, offset=0.01)
LATENCY_OBJECTIVE = 0.01

DAY = timedelta(hours=1)
"""A day is as long as the longest trial: load that changes faster than in reality is the harder case."""
SWING = 0.6
"""By what part load rises and falls in a day."""
DRIFT = timedelta(minutes=10)
"""How long a drift takes, from the beginning of the trial."""
OUTAGE = timedelta(minutes=2), timedelta(minutes=12)
"""Both arms are bad in this time, before the first good canary can be promoted."""


class Right(StrEnum):
    """Which verdict would be wrong: the error bounds speak of the first two."""

    KEEP = "must not be rolled back"
    REJECT = "must not be promoted"
    EITHER = "between the margins"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One line of the table. Shares, not percent; `rate` is in requests per second.

    The canary has `factor` times the errors of the stable revision, plus `offset`; or all of its requests are `slower`
    by a factor; or a part of them, `tail`, is. From when it `begins`. Both arms: their errors have grown to `drift`
    times after a while, their latencies to `slowing` times; `outage` is the share of errors in between. Errors come in
    clusters of `burst` on one pod each. One of the stable pods has twice the errors if it is `uneven`.
    Where it is counted `at_gateway`, nobody knows which pod of a revision has answered.
    """

    group: str
    name: str
    rate: float
    errors: float = 0.005
    factor: float = 1.0
    offset: float = 0.0
    slower: float = 1.0
    tail: float = 0.0
    begins: timedelta = timedelta(0)
    diurnal: bool = False
    drift: float = 1.0
    slowing: float = 1.0
    outage: float = 0.0
    burst: int = 1
    uneven: bool = False
    at_gateway: bool = False

    @property
    def key(self) -> str:
        """Names the scenario, and seeds it."""
        return f"{self.group}: {self.name}, {self.errors:.1%} errors, {self.rate:g} rps"

    def stable(self, at: timedelta) -> Floats:
        """Bad shares of the stable revision: errors, then requests slower than each edge."""
        grown = min(at / DRIFT, 1.0)
        outage = self.outage if OUTAGE[0] <= at < OUTAGE[1] else 0.0
        errors = self.errors * (1 + (self.drift - 1) * grown)
        return _shares(max(errors, outage), 1 + (self.slowing - 1) * grown)

    def canary(self, at: timedelta) -> Floats:
        """The same of the canary."""
        if at < self.begins:
            return self.stable(at)
        stable = self.stable(at)
        errors = min(self.factor * stable[0] + self.offset, 1.0)
        slowing = 1 + (self.slowing - 1) * min(at / DRIFT, 1.0)
        slow = (1 - self.tail) * _slow(self.slower * slowing) + self.tail * _slow(TAIL * self.slower * slowing)
        return np.concatenate([[errors], slow])

    @property
    def right(self) -> Right:
        """By the margins of errors and latency, at the time when the regression has begun."""
        terms, stable, canary = self.terms, self.stable(self.begins), self.canary(self.begins)
        if (canary <= terms.rollback.at(stable) + 1e-9).all():
            return Right.KEEP
        beyond = (canary >= terms.promotion.at(stable) - 1e-9) & (terms.asked > 0)
        return Right.REJECT if beyond.any() else Right.EITHER

    @property
    def terms(self) -> Terms:
        """What the judge holds the canary to: the table of the design."""
        return Terms(cells=(_errors(max(0.01, 2 * self.errors)), *(_latency(edge) for edge in EDGES)))

    @property
    def bad(self) -> int:
        """The cell whose bad events are counted: slow requests where the canary is slower, else errors."""
        return 0 if self.slower == 1 and self.tail == 0 else 1 + EDGES.index(THRESHOLD)


def _errors(objective: float) -> Cell:
    return Cell(
        name="errors",
        rollback=ERRORS_ROLLBACK,
        promotion=ERRORS_PROMOTION,
        weight=0.35,
        objective=objective,
        objective_weight=0.15,
        in_budget=True,
    )


def _latency(edge: int) -> Cell:
    cell = Cell(name=f"slower than {edge} ms", rollback=LATENCY_ROLLBACK, promotion=None, weight=0.35 / len(EDGES))
    if edge != THRESHOLD:
        return cell
    return replace(
        cell, promotion=LATENCY_PROMOTION, objective=LATENCY_OBJECTIVE, objective_weight=0.15, in_budget=True
    )


def _shares(errors: float, slower: float) -> Floats:
    return np.concatenate([[errors], _slow(slower)])


def _slow(slower: float) -> Floats:
    """Shares of requests that take longer than each edge."""
    return np.array([math.erfc(math.log(edge / (MEDIAN * slower)) / SPREAD / math.sqrt(2)) / 2 for edge in EDGES])

"""What a canary is held to: kinds of bad events, margins, error bounds and time. Constant during one trial."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import numpy as np

from fairlead.evidence.evalues import Floats, Line


@dataclass(frozen=True, kw_only=True)
class Margin:
    """A bad share of the canary that is still accepted, given that of the stable revision: factor · p_s + offset."""

    factor: float
    offset: float


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One kind of bad event, such as errors, or requests slower than one edge of a histogram.

    `metric` is what it is about (or the `pair` of an objective of its own), and `edge` the time in seconds from which a
    request counts as bad, where it is about one. Worse than `rollback` is rolled back; what is to be promoted has to be
    better than `promotion`, where that is asked. `objective` is the bad share that the model's own objective allows, if
    there is one. The weights say which part of the evidence for a rollback comes from the comparison, and which from
    the objective. `in_budget` says that its bad events are what badRequestBudget counts.
    """

    name: str
    rollback: Margin
    promotion: Margin | None
    weight: float
    objective: float | None = None
    objective_weight: float = 0.0
    in_budget: bool = False
    metric: str = ""
    edge: float | None = None


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What one trial is held to.

    `alpha` bounds the probability that a canary as good as the margins say is rolled back, `beta` the one that a canary
    beyond the promotion margin is promoted. `gateway` says by which profile a Gateway counts errors and latencies, if
    one does. `max_weight` and `min_weight` are shares of traffic, `budget` is the number of bad requests that is
    accepted per `reaction_time`.
    `late_until` is how long after its beginning a regression is looked out for with full power. The weights of all
    cells add up to 1.
    """

    cells: tuple[Cell, ...]
    alpha: float = 0.05
    beta: float = 0.05
    gateway: str = ""
    min_duration: timedelta = timedelta(minutes=3)
    max_duration: timedelta = timedelta(hours=1)
    late_until: timedelta = timedelta(hours=1)
    tick: timedelta = timedelta(seconds=5)
    min_weight: float = 0.01
    max_weight: float = 0.25
    budget: float = 5.0
    reaction_time: timedelta = timedelta(seconds=30)

    @cached_property
    def horizon(self) -> int:
        """Over how many windows the beginning of a regression is spread; at least 2."""
        return max(int(self.late_until / self.tick), 2)

    @cached_property
    def rollback(self) -> Line:
        """The rollback margins of all cells."""
        return _line([cell.rollback for cell in self.cells])

    @cached_property
    def promotion(self) -> Line:
        """The promotion margins of all cells; one that lets everything pass where none is asked."""
        return _line([cell.promotion or Margin(factor=1, offset=1) for cell in self.cells])

    @cached_property
    def asked(self) -> Floats:
        """1 for the cells that have to show that they are good enough to be promoted, else 0."""
        return np.array([float(cell.promotion is not None) for cell in self.cells])

    @cached_property
    def objective(self) -> Floats:
        """The bad share that each cell's objective allows; 1, which is never exceeded, without one."""
        return np.array([1.0 if cell.objective is None else cell.objective for cell in self.cells])

    @cached_property
    def weights(self) -> Floats:
        """Weight of each cell's comparison."""
        return np.array([cell.weight for cell in self.cells])

    @cached_property
    def objective_weights(self) -> Floats:
        """Weight of each cell's objective."""
        return np.array([cell.objective_weight for cell in self.cells])

    @cached_property
    def in_budget(self) -> Floats:
        """1 for the cells whose bad events count against the budget, else 0."""
        return np.array([float(cell.in_budget) for cell in self.cells])


def _line(margins: list[Margin]) -> Line:
    return Line(factor=np.array([m.factor for m in margins]), offset=np.array([m.offset for m in margins]))

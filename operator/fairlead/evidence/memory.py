"""What is remembered from window to window of one trial. Everything else follows from the next window.

Sizes: `...` stands for any leading dimensions, C for the cells, A for the alternatives of a bet.
"""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

from fairlead.evidence.evalues import Floats

WORSE_BY = np.array([1.5, 2, 3, 5, 10, 30, 100, 1000])
"""How many times the odds of a bad event may have grown: the alternatives of every bet against the canary."""

BETTER_BY = np.array([1.0, 0.5])
"""What part of the stable revision's bad share the canary may have: the alternatives of the bet for promotion."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """The state of all processes of one trial, and what shapes their next bets.

    Logarithms of wealth, per cell and alternative: `worse` and `beyond` against the canary (compared, and by the
    objective), `better` for it, `halves` between two halves of the stable pods. `windows` and `halves_windows` count
    the windows with a bet. `history` is the recent past of the stable revision, (requests, bad) per cell, with older
    windows counting less; `canary` and `stable` are the whole trial's. `previous` is the stable revision's last window.
    `scatter` is (Pearson's chi-square, its degrees of freedom) per cell, between pods and between windows. `breach` is
    the log of how strongly the stable revision breaks the objective now, `keeping` of how strongly the canary keeps it.
    `traffic` is (requests, seconds), recent ones.
    """

    windows: Floats  # (..., C)
    worse: Floats  # (..., C, A)
    beyond: Floats  # (..., C, A)
    better: Floats  # (..., C, 2)
    halves: Floats  # (..., C, A)
    halves_windows: Floats  # (..., C)
    history: Floats  # (..., C, 2)
    canary: Floats  # (..., C, 2)
    stable: Floats  # (..., C, 2)
    previous: Floats  # (..., C, 2)
    scatter: Floats  # (..., C, 2, 2)
    breach: Floats  # (..., C)
    keeping: Floats  # (..., C)
    traffic: Floats  # (..., 2)

    @classmethod
    def blank(cls, cells: int, runs: tuple[int, ...] = ()) -> Self:
        """The memory before the first window."""
        per_cell, per_bet = (*runs, cells), (*runs, cells, len(WORSE_BY))
        return cls(
            windows=np.zeros(per_cell),
            worse=np.full(per_bet, -np.inf),
            beyond=np.full(per_bet, -np.inf),
            better=np.zeros((*runs, cells, len(BETTER_BY))),
            halves=np.full(per_bet, -np.inf),
            halves_windows=np.zeros(per_cell),
            history=np.zeros((*per_cell, 2)),
            canary=np.zeros((*per_cell, 2)),
            stable=np.zeros((*per_cell, 2)),
            previous=np.zeros((*per_cell, 2)),
            scatter=np.zeros((*per_cell, 2, 2)),
            breach=np.zeros(per_cell),
            keeping=np.zeros(per_cell),
            traffic=np.zeros((*runs, 2)),
        )

    def only(self, runs: Any) -> Self:
        """The memory of some of the runs of a simulation."""
        return type(self)(**{each.name: getattr(self, each.name)[runs] for each in fields(self)})

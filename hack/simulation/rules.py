"""What every rule has in common: it looks at windows, and answers with an outcome and a weight for each run."""

from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from fairlead.evidence.evalues import Floats
from fairlead.evidence.judge import Counted


class Outcome(IntEnum):
    """How a trial ends."""

    OPEN = 0
    ROLLED_BACK = 1
    PROMOTED = 2
    INCONCLUSIVE = 3


Outcomes = npt.NDArray[np.int_]


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a rule says of every run: how it ends, and the canary's share of traffic from the next tick."""

    outcome: Outcomes
    weight: Floats


class Rule(Protocol):
    """Decides on the canary of many runs at once."""

    def first(self) -> Floats:
        """The share of traffic with which each canary begins."""

    def look(self, canary: Counted, stable: Counted, now: timedelta) -> Look:
        """What follows from one more window. `now` is the age of the trial, of which the last tick is not seen yet."""

    def keep(self, runs: Any) -> None:
        """Forget all runs but those."""


def outcomes(runs: int, outcome: Outcome = Outcome.OPEN) -> Outcomes:
    """The same outcome for every run."""
    return np.full(runs, int(outcome))

"""The rules of others: fixed thresholds on averages over a minute or two, written after their sources.

Both ask for a success rate, and for a 99 % quantile of latency within the objective's threshold. As that threshold is
an edge of the histogram, the quantile is within it just if at most 1 % of the requests were slower.
"""

from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.evidence.evalues import Floats
from fairlead.evidence.judge import Counted
from simulation.rules import Look, Outcome, outcomes
from simulation.scenarios import EDGES, THRESHOLD
from simulation.streams import TICK

SUCCESS = 0.99
"""Smallest share of requests that are no errors."""
FAST = 0.99
"""Smallest share of requests within the threshold."""
MINUTE = int(timedelta(minutes=1) / TICK)
CELLS = [0, 1 + EDGES.index(THRESHOLD)]  # errors, slow requests


class Averages:
    """The canary's counts over the last windows."""

    def __init__(self, runs: int, windows: int) -> None:
        self._counts = np.zeros((windows, runs, 1 + len(CELLS)))

    def add(self, canary: Counted) -> None:
        """The newest window takes the place of the oldest."""
        requests, bad = canary.total()
        newest = np.concatenate([requests[:, :1], bad[:, CELLS]], axis=-1)
        self._counts = np.concatenate([self._counts[1:], newest[None]])

    def failing(self) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Which of the two averages is beyond its threshold, (runs, 2), and where there was a request at all."""
        total = self._counts.sum(axis=0)
        any_request = total[:, 0] > 0
        good = 1 - total[:, 1:] / np.maximum(total[:, :1], 1)
        return any_request[:, None] & (good < np.array([SUCCESS, FAST])), any_request

    def keep(self, runs: Any) -> None:
        """The counts of those runs."""
        self._counts = self._counts[:, runs]


class Flagger:
    """Flagger's documented defaults (docs/gitbook/usage/metrics.md, docs/gitbook/usage/how-it-works.md).

    `analysis: {interval: 1m, threshold: 5, stepWeight: 10, maxWeight: 50}`, `request-success-rate` of at least 99 and
    `request-duration` of at most 500 ms, both over 1m. As in pkg/controller/scheduler.go: every interval, five failed
    checks so far mean a rollback, and they need not be in a row; else a check that fails, for want of data too, holds
    the weight and counts as a failed one; else the weight takes a step, and the canary is promoted from the last one.
    """

    STEP, MOST, FAILED = 0.1, 0.5, 5

    def __init__(self, runs: int) -> None:
        self._weight, self._failed = np.full(runs, self.STEP), np.zeros(runs, int)
        self._averages = Averages(runs, MINUTE)

    def first(self) -> Floats:
        """One step."""
        return self._weight

    def look(self, canary: Counted, stable: Counted, now: timedelta) -> Look:
        """Nothing but once a minute."""
        self._averages.add(canary)
        outcome = outcomes(len(self._weight))
        if now % timedelta(minutes=1):
            return Look(outcome=outcome, weight=self._weight)
        failing, any_request = self._averages.failing()
        given_up = self._failed >= self.FAILED
        failed = failing.any(axis=-1) | ~any_request
        last = self._weight >= self.MOST - 1e-9
        outcome[given_up] = Outcome.ROLLED_BACK
        outcome[~given_up & ~failed & last] = Outcome.PROMOTED
        self._failed = self._failed + failed
        self._weight = np.where(failed, self._weight, np.minimum(self._weight + self.STEP, self.MOST))
        return Look(outcome=outcome, weight=self._weight)

    def keep(self, runs: Any) -> None:
        """The state of those runs."""
        self._weight, self._failed = self._weight[runs], self._failed[runs]
        self._averages.keep(runs)


class Argo:
    """A usual set-up of Argo Rollouts: it has no default for any of this.

    A background analysis as in docs/features/analysis.md, with thresholds as strict as Flagger's in place of its 95 %:
    two metrics, `interval: 1m`, over 2m, `successCondition: result[0] >= 0.99` and a 99 % quantile of at most 500 ms,
    `failureLimit: 3`, so that the fourth failure of one metric aborts (analysis/analysis.go, assessMetricStatus). An
    average without a request does not fail, as the templates that people share arrange it. Steps: 10, 25, 50 and 75 %,
    five minutes each.
    """

    STEPS, PAUSE, LIMIT = np.array([0.1, 0.25, 0.5, 0.75]), timedelta(minutes=5), 3

    def __init__(self, runs: int) -> None:
        self._runs, self._failed = runs, np.zeros((runs, 2), int)
        self._averages = Averages(runs, 2 * MINUTE)

    def first(self) -> Floats:
        """The first step."""
        return np.full(self._runs, self.STEPS[0])

    def look(self, canary: Counted, stable: Counted, now: timedelta) -> Look:
        """The weight goes by the clock alone; the analysis can only abort."""
        self._averages.add(canary)
        step = int(now / self.PAUSE)
        outcome = outcomes(self._runs, Outcome.OPEN if step < len(self.STEPS) else Outcome.PROMOTED)
        if not now % timedelta(minutes=1):
            self._failed = self._failed + self._averages.failing()[0]
            outcome[(self._failed > self.LIMIT).any(axis=-1)] = Outcome.ROLLED_BACK
        return Look(outcome=outcome, weight=np.full(self._runs, self.STEPS[min(step, len(self.STEPS) - 1)]))

    def keep(self, runs: Any) -> None:
        """The failures of those runs."""
        self._failed = self._failed[runs]
        self._runs = len(self._failed)
        self._averages.keep(runs)

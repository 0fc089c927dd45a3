"""A rule against a stream, tick by tick, until every run has ended."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fairlead.evidence.evalues import Floats
from fairlead.evidence.judge import Counted
from simulation.judged import Judged
from simulation.rules import Outcome, Outcomes, Rule, outcomes
from simulation.scenarios import Scenario
from simulation.streams import TICK, Stream
from simulation.thresholds import Argo, Flagger

BATCH = 250
"""Runs that are played side by side: more do not fit into the caches of a processor."""

RULES: dict[str, Callable[[Scenario, Stream, int], Rule]] = {
    "Fairlead": lambda scenario, stream, runs: Judged(scenario.terms, stream),
    "Flagger": lambda scenario, stream, runs: Flagger(runs),
    "Argo": lambda scenario, stream, runs: Argo(runs),
}


@dataclass(frozen=True, kw_only=True)
class Played:
    """How the runs ended, after how many minutes, and how many bad requests went to the canary until then."""

    outcome: Outcomes
    minutes: Floats
    bad: Floats


def play(scenario: Scenario, rule: str, runs: int, seed: int) -> Played:
    """What a rule does in some runs. A rule sees a window one tick late; what it decides holds from the next tick.

    Who is promoted or given up is out of the count; after a rollback the tick that is under way still counts.
    """
    stream = Stream(scenario, runs, seed)
    decider = RULES[rule](scenario, stream, runs)
    ended, minutes, bad = outcomes(runs), np.zeros(runs), np.zeros(runs)
    left, weight, tick = np.arange(runs), decider.first(), 0
    seen = None
    while len(left):
        canary, stable = stream.window(tick, left, weight)
        bad[left] += canary.bad[:, :, scenario.bad].sum(axis=-1)
        tick += 1
        if seen is not None:
            look = decider.look(*seen, tick * TICK)
            over = look.outcome != Outcome.OPEN
            ended[left[over]], minutes[left[over]] = look.outcome[over], tick * TICK.total_seconds() / 60
            weight = look.weight
            if over.any():
                left, weight = left[~over], weight[~over]
                canary, stable = _only(canary, ~over), _only(stable, ~over)
                decider.keep(~over)
        seen = canary, stable
    return Played(outcome=ended, minutes=minutes, bad=bad)


def _only(counted: Counted, runs: npt.NDArray[np.bool_]) -> Counted:
    return Counted(requests=counted.requests[runs], bad=counted.bad[runs])


def together(parts: Sequence[Played]) -> Played:
    """The runs of all batches."""
    return Played(
        outcome=np.concatenate([part.outcome for part in parts]),
        minutes=np.concatenate([part.minutes for part in parts]),
        bad=np.concatenate([part.bad for part in parts]),
    )

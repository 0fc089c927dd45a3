"""One trial: a canary and the stable revision it is compared with, from the first sweep of their metrics to the last.

Sweep by sweep the counters of the pods become windows, and the windows evidence. A sweep that misses an arm is no
window: what was counted meanwhile comes with the next one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import inf

import numpy as np

from fairlead.evidence.counters import Count, Difference, Known, Reading, difference
from fairlead.evidence.evalues import Answers
from fairlead.evidence.judge import begin, weigh
from fairlead.evidence.memory import Memory
from fairlead.evidence.sweep import PodMetrics, Sweep
from fairlead.evidence.terms import Cell, Terms

NEARLY_ALL = 0.99
"""Requests count towards promotion only after the time that this share of them takes: slow ones are counted last."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What is known of one trial. `began` and `looked` are the ends of its first and last sweep.

    `tried` is when the canary was first seen to have got a request, None before. `weight` is the share of traffic that
    the evidence allows; `at_weight` is for how long it could be judged with that, where weights are fixed steps.
    `unjudged` says which objectives the stable revision's metrics could not tell when it began.
    """

    canary: str
    stable: str
    began: datetime
    looked: datetime
    tried: datetime | None = None
    weight: float = 0.0
    at_weight: timedelta = timedelta(0)
    unjudged: str | None = None
    terms: Terms
    memory: Memory
    known: Known

    @property
    def cells(self) -> tuple[Cell, ...]:
        """What it is judged by."""
        return self.terms.cells

    @property
    def lasted(self) -> timedelta:
        """How long the canary has had traffic."""
        return self.looked - self.tried if self.tried else timedelta(0)


def begin_trial(canary: str, stable: str, terms: Terms, sweep: Sweep, *, unjudged: str | None = None) -> Trial:
    """A trial that begins with this sweep: what was counted before only says what to expect."""
    so_far = difference(
        {}, _readings(sweep, stable, terms.cells), names(terms), datetime.min.replace(tzinfo=UTC)
    ).counted
    requests, bad = so_far.total()
    blank = Trial(
        canary=canary,
        stable=stable,
        began=sweep.at,
        looked=sweep.at,
        unjudged=unjudged,
        terms=terms,
        memory=begin(Memory.blank(len(terms.cells)), requests, bad),
        known={},
    )
    return replace(blank, known=_differences(blank, sweep, last_look=None)[2])


def names(terms: Terms) -> tuple[str, ...]:
    """The names of the cells, in their order."""
    return tuple(cell.name for cell in terms.cells)


def missing(trial: Trial, sweep: Sweep) -> str | None:
    """Why a sweep is no window of a trial, in words; None when it is one.

    Before the canary gets traffic it need not be there: what the stable revision does is worth knowing all the same.
    """
    for arm in (trial.canary, trial.stable) if trial.weight > 0 or trial.tried else (trial.stable,):
        if not sweep.told_of(arm):
            silent = {why for pod, why in sweep.silent.items() if sweep.silent_of.get(pod, arm) == arm}
            return f"no metrics of {arm}: {min(silent, default='no pod of it runs')}"
    return None


def blind(trial: Trial, sweep: Sweep) -> str | None:
    """Which part of the canary a sweep has not seen, in words; None when all of its pods that serve could be read.

    What the others say is evidence against it all the same. But it must not speak for pods that say nothing.
    """
    silent = sorted(pod for pod in sweep.silent if sweep.silent_of.get(pod) == trial.canary)
    if not silent:
        return None
    pods = len(silent) + len(sweep.pods.get(trial.canary, {}))
    return f"{len(silent)} of {pods} pods of {trial.canary} cannot be read: {silent[0]}: {sweep.silent[silent[0]]}"


def as_of(trial: Trial, now: datetime) -> Trial:
    """The trial without times that are still to come, which a clock that was wrong has left.

    Until they had come, no sweep would be newer than the last.
    """
    if max(trial.looked, trial.began, trial.tried or trial.began) <= now:
        return trial
    tried = None if trial.tried is None else min(trial.tried, now)
    return replace(trial, began=min(trial.began, now), looked=min(trial.looked, now), tried=tried)


def advance(trial: Trial, sweep: Sweep) -> Trial:
    """The trial after one more sweep; as it is when the sweep is not newer, or no window."""
    if sweep.at <= trial.looked or missing(trial, sweep):
        return trial
    canary, stable, known = _differences(trial, sweep, last_look=trial.looked)
    requests = canary.counted.requests.sum()
    tried = trial.tried or (sweep.at if requests > 0 else None)
    memory = weigh(
        trial.memory,
        trial.terms,
        canary.counted,
        stable.counted,
        sweep.at - trial.looked,
        settled=_settled(trial, sweep),
    )
    return replace(trial, looked=sweep.at, tried=tried, memory=memory, known=known)


def unseen(trial: Trial) -> tuple[str, ...]:
    """Cells about which no pod has said anything although the canary has had requests in others."""
    if trial.tried is None:
        return ()
    return tuple(cell.name for n, cell in enumerate(trial.cells) if trial.memory.canary[n, 0] == 0)


def _differences(trial: Trial, sweep: Sweep, last_look: datetime | None) -> tuple[Difference, Difference, Known]:
    of_canary, of_stable = (_readings(sweep, arm, trial.cells) for arm in (trial.canary, trial.stable))
    canary = difference(trial.known, of_canary, names(trial.terms), last_look)
    stable = difference(canary.known, of_stable, names(trial.terms), last_look)
    read = frozenset(reading.process for arm in (of_canary, of_stable) for reading in arm.values())
    return canary, stable, _still_there(stable.known, sweep, read)


def _still_there(known: Known, sweep: Sweep, read: frozenset[str]) -> Known:
    """Without processes whose pod is gone: those are never read again. One that was not read now may be later."""
    if not sweep.running and sweep.silent:
        return known  # which of them is silent is not known
    there = sweep.running or read
    return {process: counts for process, counts in known.items() if process in there}


def _readings(sweep: Sweep, revision: str, cells: tuple[Cell, ...]) -> Mapping[str, Reading]:
    return {
        pod: Reading(
            process=metrics.process,
            since=metrics.since,
            counts={cell.name: count for cell in cells if (count := _count(metrics, cell)) is not None},
        )
        for pod, metrics in sweep.told_of(revision).items()
    }


def _count(metrics: PodMetrics, cell: Cell) -> Count | None:
    if cell.edge is None:
        pair = metrics.errors if cell.metric == "Errors" else metrics.pairs.get(cell.metric)
        return None if pair is None else Count(*pair)
    histogram = next((found for metric, found in metrics.histograms.items() if metric == cell.metric), {})
    if inf not in histogram or cell.edge not in histogram:
        return None
    return Count(histogram[inf], histogram[inf] - histogram[cell.edge])


def _settled(trial: Trial, sweep: Sweep) -> Answers:
    """For which cells this window counts towards promotion."""
    if trial.tried is None:
        return np.zeros(len(trial.cells), bool)
    took = max((cell.edge for cell in trial.cells if cell.edge is not None), default=0.0)
    history = trial.memory.history
    for n, cell in sorted(enumerate(trial.cells), key=lambda each: -(each[1].edge or 0)):
        if cell.edge is not None and history[n, 1] <= (1 - NEARLY_ALL) * history[n, 0]:
            took = cell.edge
    return np.full(len(trial.cells), (sweep.at - trial.tried).total_seconds() >= took)

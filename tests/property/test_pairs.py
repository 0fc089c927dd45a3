"""The error bounds for aborts and pairs of objectives, over whole trials with a fixed seed."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from fairlead.api.slo import Objective
from fairlead.evidence.cells import cells
from fairlead.evidence.evalues import Floats
from fairlead.evidence.findings import findings
from fairlead.evidence.judge import Counted, begin, weigh
from fairlead.evidence.memory import Memory
from fairlead.evidence.pairs import PROMOTE, ROLLBACK
from fairlead.evidence.sweep import PodMetrics
from fairlead.evidence.terms import Terms

RUNS, TICKS, TICK = 200, 240, timedelta(seconds=5)
CANARY, STABLE = 50, 100  # requests in a tick, of the canary's pod and of each of two stable pods
ABORTED = 0.05  # of the stable revision's
BOUND = 0.05
PATIENCE = Objective.model_validate({"name": "patience", "target": "85", "metric": "Aborts"})
OF_STABLE = PodMetrics(
    process="s1", since=datetime(2026, 1, 5, tzinfo=UTC), errors=(1000.0, 0.0), pairs={"Aborts": (1000.0, 50.0)}
)


@dataclass(frozen=True)
class Ended:
    """In which share of the runs there ever was enough evidence for a rollback, and for a promotion; and when."""

    rolled_back: float
    promoted: float
    ticks: float


def played(aborted: float) -> Ended:
    """Trials of a canary of which so many requests are aborted, and that is as good as the old version otherwise."""
    terms = Terms(cells=cells((PATIENCE,), "Standard", [OF_STABLE]))
    random = np.random.default_rng(7)
    known = np.broadcast_to(np.array([1000.0, 1000.0]), (RUNS, 2)), np.broadcast_to(np.array([0.0, 50.0]), (RUNS, 2))
    memory = begin(Memory.blank(len(terms.cells), (RUNS,)), *known)
    against, better, first = np.zeros(RUNS), np.zeros(RUNS), np.full(RUNS, float(TICKS))
    for tick in range(TICKS):
        canary = counted(random, CANARY, 1, aborted)
        memory = weigh(memory, terms, canary, counted(random, STABLE, 2, ABORTED), TICK)
        found = findings(memory, terms)
        first = np.where((against < 1 / BOUND) & (found.against >= 1 / BOUND), tick, first)
        against = np.maximum(against, found.against)
        better = np.maximum(better, found.better[:, 1])
    limit = 1 / BOUND
    return Ended(float((against >= limit).mean()), float((better >= limit).mean()), float(np.median(first)))


def counted(random: np.random.Generator, requests: int, pods: int, aborted: float) -> Counted:
    bad: Floats = np.zeros((RUNS, pods, 2))
    bad[..., 1] = random.binomial(requests, aborted, (RUNS, pods))
    return Counted(requests=np.full((RUNS, pods, 2), float(requests)), bad=bad)


def at_most(share: float) -> float:
    """A share, and what chance adds to it in so few runs: three standard errors."""
    return float(share + 3 * np.sqrt(share * (1 - share) / RUNS))


def test_a_canary_just_within_the_rollback_margin_is_kept():
    assert played(ROLLBACK.factor * ABORTED + ROLLBACK.offset).rolled_back <= at_most(BOUND)


def test_a_canary_just_beyond_the_promotion_margin_is_not_promoted():
    assert played(PROMOTE.factor * ABORTED + PROMOTE.offset).promoted <= at_most(BOUND)


def test_a_canary_as_good_as_the_old_version_is_promoted():
    assert played(ABORTED).promoted == 1


def test_a_canary_of_which_many_requests_are_aborted_is_rolled_back():
    found = played(0.3)
    assert found.rolled_back == 1
    assert found.ticks <= 6, "and soon, though most of the evidence is about errors"

"""The error bounds of the judge, over whole trials with fixed seeds: hack/bench/evidence in short."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from simulation.playing import Played, play
from simulation.rules import Outcome
from simulation.scenarios import ERRORS_PROMOTION, ERRORS_ROLLBACK, Scenario

RUNS = 100
FALSE_ROLLBACKS, WRONG_PROMOTIONS = 0.007, 0.02
"""What docs/evidence-figures.md measures with many more runs; the terms themselves allow 0.05 of each."""

GOOD = Scenario(group="test", name="as good", rate=100)
AT_ROLLBACK = replace(GOOD, name="rollback", factor=ERRORS_ROLLBACK.factor, offset=ERRORS_ROLLBACK.offset)
AT_PROMOTION = replace(GOOD, name="promotion", factor=ERRORS_PROMOTION.factor, offset=ERRORS_PROMOTION.offset)
BAD = replace(GOOD, name="bad", factor=20)


def at_most(share: float) -> float:
    """A share, and what chance adds to it in so few runs: three standard errors."""
    return float(share + 3 * np.sqrt(share * (1 - share) / RUNS))


def played(scenario: Scenario) -> Played:
    return play(scenario, "Fairlead", RUNS, seed=0)


def share(played: Played, outcome: Outcome) -> float:
    return float((played.outcome == outcome).mean())


@pytest.mark.parametrize("rate", [20, 1000])
def test_a_canary_just_within_the_rollback_margin_is_kept(rate: float):
    assert share(played(replace(AT_ROLLBACK, rate=rate)), Outcome.ROLLED_BACK) <= at_most(FALSE_ROLLBACKS)


@pytest.mark.parametrize("rate", [20, 1000])
def test_a_canary_just_beyond_the_promotion_margin_is_not_promoted(rate: float):
    assert share(played(replace(AT_PROMOTION, rate=rate)), Outcome.PROMOTED) <= at_most(WRONG_PROMOTIONS)


@pytest.mark.parametrize(
    ("bad", "requests"),
    [(replace(BAD, rate=20), 6), (BAD, 6), (replace(BAD, rate=1000), 15), (replace(GOOD, slower=2), 4)],
)
def test_a_bad_canary_is_always_rolled_back_after_few_bad_requests(bad: Scenario, requests: int):
    found = played(bad)
    assert share(found, Outcome.ROLLED_BACK) == 1
    assert np.median(found.bad) <= requests


def test_a_regression_that_begins_late_is_found():
    assert share(played(replace(BAD, begins=timedelta(minutes=2))), Outcome.ROLLED_BACK) == 1


def test_a_good_canary_is_promoted_in_minutes():
    found = played(GOOD)
    assert share(found, Outcome.PROMOTED) >= 1 - at_most(FALSE_ROLLBACKS)
    assert np.median(found.minutes) <= 4


@pytest.mark.parametrize("burst", [3, 10])
def test_bursts_do_not_break_the_bounds(burst: int):
    assert share(played(replace(AT_ROLLBACK, burst=burst)), Outcome.ROLLED_BACK) <= at_most(0.02)
    assert share(played(replace(AT_PROMOTION, burst=burst)), Outcome.PROMOTED) <= at_most(AT_PROMOTION.terms.beta)


@pytest.mark.parametrize(
    "change",
    [{"drift": 5.0}, {"drift": 0.2}, {"slowing": 1.5}, {"diurnal": True}],
    ids=lambda change: next(iter(change)),
)
def test_what_changes_for_both_is_not_held_against_the_canary(change: dict[str, float]):
    assert share(played(replace(AT_ROLLBACK, **change)), Outcome.ROLLED_BACK) <= at_most(FALSE_ROLLBACKS)


def test_both_bad_at_once_is_never_the_fault_of_the_canary():
    found = played(replace(GOOD, outage=0.1))
    assert share(found, Outcome.ROLLED_BACK) == 0


def test_pods_that_differ_do_not_break_the_bound():
    assert share(played(replace(AT_ROLLBACK, uneven=True)), Outcome.ROLLED_BACK) <= at_most(FALSE_ROLLBACKS)

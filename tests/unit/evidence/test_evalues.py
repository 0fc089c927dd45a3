"""evidence/evalues.py: an e-value has an expectation of at most 1 wherever its hypothesis holds, exactly."""

import numpy as np
import pytest

from fairlead.evidence.evalues import (
    Floats,
    Line,
    Window,
    against,
    against_share,
    odds_times,
    project,
)

MARGINS = [(1.1, 0.0002), (1.25, 0.005), (1.1, 0.01), (2.0, 0.003), (1.5, 0.01), (1.0, 0.0)]


def line(factor: float, offset: float) -> Line:
    return Line(factor=np.array(factor), offset=np.array(offset))


def binomial(n: int, p: float) -> Floats:
    """Probability of every count from 0 to n."""
    choose = np.cumprod([1.0, *((n - k) / (k + 1) for k in range(n))])
    k = np.arange(n + 1)
    return np.asarray(choose * p**k * (1 - p) ** (n - k))


def every_window(canary: int, stable: int) -> Window:
    x_c, x_s = np.meshgrid(np.arange(canary + 1.0), np.arange(stable + 1.0), indexing="ij")
    return Window(canary=np.array(float(canary)), canary_bad=x_c, stable=np.array(float(stable)), stable_bad=x_s)


@pytest.mark.parametrize(("factor", "offset"), MARGINS)
@pytest.mark.parametrize(("canary", "stable"), [(1, 1), (3, 12), (12, 3), (10, 30)])
def test_a_canary_within_the_bound_is_expected_to_lose_the_bet(factor: float, offset: float, canary: int, stable: int):
    window, bound = every_window(canary, stable), line(factor, offset)
    for expected in (0.003, 0.05, 0.3):
        for worse in (1.5, 10.0, 1000.0):
            alternative = odds_times(np.array(worse), np.array(expected))
            e = np.exp(against(window, alternative, np.array(expected), bound, worse=True))
            for share in (0.0005, 0.01, 0.1, 0.4):
                allowed = min(factor * share + offset, 1.0)
                for truth in (allowed, allowed / 2):
                    chance = np.outer(binomial(canary, truth), binomial(stable, share))
                    assert (chance * e).sum() <= 1 + 1e-6


@pytest.mark.parametrize(("factor", "offset"), MARGINS)
@pytest.mark.parametrize(("canary", "stable"), [(1, 1), (3, 12), (10, 30)])
def test_a_canary_beyond_the_margin_is_expected_to_lose_the_bet_for_it(
    factor: float, offset: float, canary: int, stable: int
):
    window, bound = every_window(canary, stable), line(factor, offset)
    for expected in (0.003, 0.05, 0.3):
        for better in (1.0, 0.5):
            e = np.exp(against(window, np.array(better * expected), np.array(expected), bound, worse=False))
            for share in (0.0005, 0.01, 0.1, 0.4):
                allowed = factor * share + offset
                for truth in (min(allowed, 1.0), min(1.5 * allowed, 1.0)):
                    chance = np.outer(binomial(canary, truth), binomial(stable, share))
                    assert (chance * e).sum() <= 1 + 1e-6


def test_a_share_within_the_objective_is_expected_to_lose_the_bet():
    for n in (1, 20):
        e = np.exp(against_share(np.array(float(n)), np.arange(n + 1.0), np.array(0.1), np.array(0.01)))
        assert (binomial(n, 0.01) * e).sum() == pytest.approx(1)
        assert (binomial(n, 0.004) * e).sum() < 1


def test_the_projection_is_the_one_that_bisection_finds():
    rng = np.random.default_rng(7)
    size = 20_000
    of_canary, of_stable = rng.integers(1, 3000, size).astype(float), rng.integers(0, 30_000, size).astype(float)
    stable = 10 ** rng.uniform(-6, -0.05, size)
    canary = odds_times(rng.choice([1.5, 2, 3, 5, 10, 30, 100, 1000], size), stable)
    for factor, offset in MARGINS:
        bound = line(factor, offset)
        found = project(of_canary, of_stable, canary, stable, bound)
        low = np.maximum(np.minimum((canary - offset) / factor, stable), 1e-12)
        high = np.minimum(np.maximum((canary - offset) / factor, stable), (1 - 1e-12 - offset) / factor)
        for _ in range(200):
            share = (low + high) / 2
            other = factor * share + offset
            left = of_canary * factor * (other - canary) * share * (1 - share)
            up = left + of_stable * (share - stable) * other * (1 - other) < 0
            low, high = np.where(up, share, low), np.where(up, high, share)
        counts = (of_canary, of_stable, canary, stable)
        matters = (canary > bound.at(stable)) & (bound.at(stable) < 1)
        gap = divergence(*counts, *found) - divergence(*counts, factor * share + offset, share)
        assert np.abs(gap[matters]).max() < 0.01


def divergence(
    of_canary: Floats, of_stable: Floats, canary: Floats, stable: Floats, at_canary: Floats, at_stable: Floats
) -> Floats:
    def arm(p: Floats, q: Floats) -> Floats:
        return np.asarray(p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)))

    return of_canary * arm(canary, at_canary) + of_stable * arm(stable, at_stable)


def test_there_is_no_bet_without_a_request_or_without_an_alternative():
    bound = line(1.1, 0.0002)
    nothing = Window(canary=np.array(0.0), canary_bad=np.array(0.0), stable=np.array(50.0), stable_bad=np.array(1.0))
    assert against(nothing, np.array(0.5), np.array(0.01), bound, worse=True) == 0
    some = Window(canary=np.array(9.0), canary_bad=np.array(9.0), stable=np.array(50.0), stable_bad=np.array(1.0))
    assert against(some, np.array(0.011), np.array(0.01), bound, worse=True) == 0
    assert against(some, np.array(0.99), np.array(0.95), line(1.25, 0.005), worse=True) == 0
    assert against(some, np.array(0.02), np.array(0.01), bound, worse=False) == 0

"""One window → one e-value: how strongly its counts speak against a bound on the bad share of the canary.

An e-value is a number whose expectation is at most 1 while the bound holds, so a big one is evidence against it. With n
requests of which x were bad in each arm, canary (c) and stable (s), the bound is a line, p_c = r·p_s + d. The
alternative (a_c, a_s) is chosen before the window; (t_c, t_s) is the point of the line that is closest to it in
Kullback-Leibler divergence, weighted by n_c and n_s (the reverse information projection); and

    log e = x_c·ln(a_c/t_c) + (n_c−x_c)·ln((1−a_c)/(1−t_c)) + x_s·ln(a_s/t_s) + (n_s−x_s)·ln((1−a_s)/(1−t_s))

(Turner, Ly and Grünwald 2024, "Generic E-variables for exact sequential k-sample tests", arXiv 2106.02693; for bounds
other than equality Turner and Grünwald 2023, "Exact anytime-valid confidence intervals for contingency tables and
beyond", arXiv 2203.09785). E-values of windows that do not overlap may be multiplied.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Answers = npt.NDArray[np.bool_]

SMALLEST = 1e-12
"""Shares are kept this far from 0 and 1, where logarithms end."""

STEPS = 12
"""At most so many of Newton's method. A test compares its result with that of 200 bisections."""

CLOSE = 1e-4
"""Relative change at which it ends. The error that is left is about the square of that."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """What happened between two looks, per arm: requests, and how many were bad. Arrays of one shape, or scalars."""

    canary: Floats
    canary_bad: Floats
    stable: Floats
    stable_bad: Floats


@dataclass(frozen=True, kw_only=True)
class Line:
    """A bound on the bad share of the canary: p_c = factor · p_s + offset. Shares, not percent."""

    factor: Floats
    offset: Floats

    def at(self, stable: Floats) -> Floats:
        """The bad share of the canary that the bound allows, at a bad share of the stable revision."""
        return self.factor * stable + self.offset


def against(window: Window, canary: Floats, stable: Floats, bound: Line, *, worse: Answers | bool) -> Floats:
    """Log e-values against a bound, with (canary, stable) as the alternative.

    Where `worse`, the hypothesis is that the canary is no worse than the bound, else that it is no better. There is no
    bet, which is a log e-value of 0, where the alternative is not beyond the bound, where the bound allows everything,
    and where the canary had no request.
    """
    canary, stable = _within(canary), _within(stable)
    limit = bound.at(stable)
    no_bet = np.where(worse, canary <= limit, canary >= limit) | (limit >= 1) | (window.canary <= 0)
    # A point of the line is its own projection, and costs no further step.
    sought = np.where(no_bet, limit, canary)
    at_canary, at_stable = project(window.canary, window.stable, sought, stable, bound)
    log_e = (
        window.canary_bad * np.log(canary / at_canary)
        + (window.canary - window.canary_bad) * np.log((1 - canary) / (1 - at_canary))
        + window.stable_bad * np.log(stable / at_stable)
        + (window.stable - window.stable_bad) * np.log((1 - stable) / (1 - at_stable))
    )
    return np.where(no_bet, 0.0, log_e)


def against_share(requests: Floats, bad: Floats, alternative: Floats, allowed: Floats) -> Floats:
    """Log e-values against "the bad share is at most `allowed`"; none where the alternative is no greater."""
    alternative, allowed = _within(alternative), _within(allowed)
    log_e = bad * np.log(alternative / allowed) + (requests - bad) * np.log((1 - alternative) / (1 - allowed))
    return np.where(alternative <= allowed, 0.0, log_e)


def odds_times(factor: Floats, share: Floats) -> Floats:
    """The share whose odds are `factor` times those of `share`."""
    return factor * share / (1 - share + factor * share)


def project(of_canary: Floats, of_stable: Floats, canary: Floats, stable: Floats, bound: Line) -> tuple[Floats, Floats]:
    """The point of a line that is closest to (canary, stable) in Kullback-Leibler divergence.

    `of_canary` and `of_stable` are the requests by which the arms are weighted. The divergence along the line is
    convex, and smallest between the line's points at the height of `canary` and above `stable`: Newton's method on its
    derivative, kept between them. It starts at the answer for rare events, which is what most are.
    """
    r, d = bound.factor, bound.offset
    level = (canary - d) / r
    low = np.maximum(np.minimum(level, stable), SMALLEST)
    high = np.maximum(np.minimum(np.maximum(level, stable), (1 - SMALLEST - d) / r), low)
    pull = of_canary * r
    share = np.clip((pull * level + of_stable * stable) / np.maximum(pull + of_stable, SMALLEST), low, high)
    for _ in range(STEPS):
        other = r * share + d
        spread = other * (1 - other)
        ratio = share * (1 - share) / spread
        gap = other - canary
        slope = pull * gap * ratio + of_stable * (share - stable)
        bend = (1 - 2 * share - ratio * r * (1 - 2 * other)) / spread
        curve = pull * (r * ratio + gap * bend) + of_stable
        low, high = np.where(slope < 0, share, low), np.where(slope < 0, high, share)
        step = share - slope / np.where(curve == 0, 1.0, curve)
        before, share = share, np.where((step >= low) & (step <= high), step, (low + high) / 2)
        if (np.abs(share - before) <= CLOSE * before).all():
            break
    return _within(r * share + d), _within(share)


def _within(share: Floats) -> Floats:
    return np.clip(share, SMALLEST, 1 - SMALLEST)

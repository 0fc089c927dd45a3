"""One more window → memory → what all windows so far say about the canary, as a few numbers per trial.

An e-process is a product of e-values of windows that do not overlap. By Ville's inequality it ever exceeds 1/α with
probability at most α while its hypothesis holds: so it may be looked at after every window, for as long as one likes
(Ramdas, Grünwald, Vovk and Shafer 2023, "Game-theoretic statistics and safe anytime-valid inference", arXiv
2210.01948).
"""

from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from fairlead.evidence.evalues import (
    Floats,
    Line,
    Window,
    against_better,
    against_share,
    against_worse,
    odds_times,
)
from fairlead.evidence.memory import BETTER_BY, WORSE_BY, Memory
from fairlead.evidence.scatter import scatter_between_pods, scatter_between_windows, shrinkage
from fairlead.evidence.terms import Terms

Answers = npt.NDArray[np.bool_]

HALF_LIFE = timedelta(minutes=10)
"""After this time a window of the stable revision counts half for what is expected of the next one."""

RATE_HALF_LIFE = timedelta(minutes=1)
"""The same for the rate of requests."""

EQUAL, HALVED = 0.75, 0.25
"""How the bet for promotion is split: the canary is as good as the stable revision, or has half of its bad events."""

BREACH_BY = np.array(2.0)
"""By how much the odds of the stable revision exceed its objective, in the test whether it does."""

LARGEST = 600.0
"""Logarithms of wealth are cut off here before they are raised, at 10^260."""


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Requests of one window, and how many were bad: (..., pods, C). Pods that were not read are not in it."""

    requests: Floats
    bad: Floats

    def total(self) -> tuple[Floats, Floats]:
        """Both, summed over the pods."""
        return self.requests.sum(axis=-2), self.bad.sum(axis=-2)


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What the windows so far say: e-values, no logarithms. (...) or (..., C).

    `against` is the evidence for a rollback: the weighted mean of `worse`, by comparison, and of `beyond`, by the
    objective. `better` is the evidence that the canary is good enough, `unsteady` the evidence that the stable pods
    differ among each other, `breaching` whether the stable revision breaks its own objective now.
    """

    against: Floats
    worse: Floats
    beyond: Floats
    better: Floats
    unsteady: Floats
    breaching: Answers


def weigh(
    memory: Memory, terms: Terms, canary: Counted, stable: Counted, lasted: timedelta, *, settled: Floats | bool = True
) -> Memory:
    """The memory after one more window. `settled` says for which cells it counts towards promotion."""
    n_c, x_c = canary.total()
    n_s, x_s = stable.total()
    expected = _expected(memory)
    trust = shrinkage(memory.scatter)[..., None]
    window = Window(canary=n_c[..., None], canary_bad=x_c[..., None], stable=n_s[..., None], stable_bad=x_s[..., None])
    base = expected[..., None]
    rollback, promotion = _spread(terms.rollback), _spread(terms.promotion)
    bet = trust * against_worse(window, odds_times(WORSE_BY, base), base, rollback)
    absolute = trust * against_share(
        window.canary, window.canary_bad, odds_times(WORSE_BY, terms.objective[:, None]), terms.objective[:, None]
    )
    good = trust * against_better(window, BETTER_BY * base, base, promotion)
    any_bet = n_c > 0
    start = _log_start(memory.windows, terms.horizon)
    after = replace(
        memory,
        windows=memory.windows + any_bet,
        worse=_mixed(memory.worse, start, bet, any_bet),
        beyond=_mixed(memory.beyond, start, absolute, any_bet),
        better=memory.better + np.where(np.asarray(settled)[..., None], good, 0.0),
        breach=_breach(memory, terms, n_s, x_s, trust[..., 0]),
        canary=memory.canary + np.stack([n_c, x_c], axis=-1),
    )
    after = _compare_halves(after, terms, stable, base, trust)
    after = _remember(after, stable, n_s, x_s, np.max(n_c + n_s, axis=-1), lasted)
    # A stable revision that breaks its own objective shows that the cause lies elsewhere: what was held against the
    # canary alone is forgotten. The mass of the mixture that was spent on it is lost, so the bound holds.
    breaching = _breaching(after, terms)[..., None, None]
    return replace(after, beyond=np.where(breaching, -np.inf, after.beyond))


def begin(memory: Memory, requests: Floats, bad: Floats) -> Memory:
    """The memory with what the stable revision did before the trial: (..., C). It shapes bets and proves nothing."""
    return replace(memory, history=memory.history + np.stack([requests, bad], axis=-1))


def findings(memory: Memory, terms: Terms) -> Findings:
    """What the memory says."""
    left = _unspent(memory.windows, terms.horizon)
    worse, beyond = _wealth(memory.worse) + left, _wealth(memory.beyond) + left
    halves = _wealth(memory.halves) + _unspent(memory.halves_windows, terms.horizon)
    total = terms.weights.sum()
    return Findings(
        against=(terms.weights * worse).sum(axis=-1) + (terms.objective_weights * beyond).sum(axis=-1),
        worse=worse,
        beyond=beyond,
        better=np.exp(np.minimum(memory.better, LARGEST)) @ np.array([EQUAL, HALVED]),
        unsteady=(terms.weights * halves).sum(axis=-1) / total,
        breaching=_breaching(memory, terms),
    )


def _expected(memory: Memory) -> Floats:
    """The bad share that is expected of the stable revision, from windows before this one."""
    requests, bad = memory.history[..., 0], memory.history[..., 1]
    return (bad + 0.5) / (requests + 1)


def _spread(line: Line) -> Line:
    return Line(factor=line.factor[:, None], offset=line.offset[:, None])


def _log_start(windows: Floats, horizon: int) -> Floats:
    """Log of the part of the mixture that begins to bet with this window: half with the first, the rest evenly."""
    with np.errstate(divide="ignore"):
        later = np.where(windows < horizon, 0.5 / (horizon - 1), 0.0)
        return np.log(np.where(windows == 0, 0.5, later))


def _unspent(windows: Floats, horizon: int) -> Floats:
    """The part of the mixture that has not begun to bet; it stays 1 times its share."""
    spread = 0.5 * (1 - np.minimum(windows - 1, horizon - 1) / (horizon - 1))
    return np.where(windows == 0, 1.0, spread)


def _mixed(wealth: Floats, start: Floats, bet: Floats, any_bet: Answers) -> Floats:
    return np.where(any_bet[..., None], np.logaddexp(wealth, start[..., None]) + bet, wealth)


def _wealth(logs: Floats) -> Floats:
    return np.asarray(np.exp(np.minimum(logs, LARGEST)).mean(axis=-1))


def _compare_halves(memory: Memory, terms: Terms, stable: Counted, expected: Floats, trust: Floats) -> Memory:
    """The stable pods against each other, every other one as if it were the canary: a live check of the error bound."""
    one = Counted(requests=stable.requests[..., 0::2, :], bad=stable.bad[..., 0::2, :]).total()
    other = Counted(requests=stable.requests[..., 1::2, :], bad=stable.bad[..., 1::2, :]).total()
    window = Window(
        canary=one[0][..., None],
        canary_bad=one[1][..., None],
        stable=other[0][..., None],
        stable_bad=other[1][..., None],
    )
    bet = trust * against_worse(window, odds_times(WORSE_BY, expected), expected, _spread(terms.rollback))
    any_bet = (one[0] > 0) & (other[0] > 0)
    start = _log_start(memory.halves_windows, terms.horizon)
    return replace(
        memory,
        halves=_mixed(memory.halves, start, bet, any_bet),
        halves_windows=memory.halves_windows + any_bet,
    )


def _remember(
    memory: Memory, stable: Counted, requests: Floats, bad: Floats, rate: Floats, lasted: timedelta
) -> Memory:
    """What the next bets are shaped by."""
    kept, kept_rate = (0.5 ** (lasted / half_life) for half_life in (HALF_LIFE, RATE_HALF_LIFE))
    last = np.stack([requests, bad], axis=-1)
    between = np.stack(
        [scatter_between_pods(stable.requests, stable.bad), scatter_between_windows(memory.previous, last)], axis=-2
    )
    seconds = np.full(rate.shape, lasted.total_seconds())
    return replace(
        memory,
        history=kept * memory.history + last,
        scatter=kept * memory.scatter + between,
        previous=last,
        traffic=kept_rate * memory.traffic + np.stack([rate, seconds], axis=-1),
    )


def _breach(memory: Memory, terms: Terms, requests: Floats, bad: Floats, trust: Floats) -> Floats:
    """A CUSUM of the stable revision's own evidence against its objective (Page 1954), so that it can recover."""
    alternative = odds_times(BREACH_BY, terms.objective)
    step = trust * against_share(requests, bad, alternative, terms.objective)
    return np.clip(memory.breach + step, 0, np.log(1 / terms.alpha))


def _breaching(memory: Memory, terms: Terms) -> Answers:
    return np.asarray(((memory.breach >= np.log(1 / terms.alpha)) & (terms.objective < 1)).any(axis=-1))

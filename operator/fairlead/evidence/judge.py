"""One more window → memory. The only place where evidence is added up.

An e-process is a product of e-values of windows that do not overlap. By Ville's inequality it ever exceeds 1/α with
probability at most α while its hypothesis holds: so it may be looked at after every window, for as long as one likes
(Ramdas, Grünwald, Vovk and Shafer 2023, "Game-theoretic statistics and safe anytime-valid inference", arXiv
2210.01948). A regression may begin at any time, so the wealth that bets against the canary is spread over all windows
in which it could: R ← (R + π)·e (mixture.py).
"""

from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from fairlead.evidence.evalues import Answers, Floats, Line, Window, against, against_share, odds_times
from fairlead.evidence.findings import breaking
from fairlead.evidence.memory import BETTER_BY, WORSE_BY, Memory
from fairlead.evidence.mixture import starting_mass
from fairlead.evidence.scatter import LARGEST, most, scatter_between_pods, scatter_between_windows, shrinkage
from fairlead.evidence.terms import Terms

HALF_LIFE = timedelta(minutes=10)
"""After this time a window of the stable revision counts half for what is expected of the next one."""

SCATTER_HALF_LIFE = timedelta(hours=1)
"""The same for how much it scatters: that takes many bad events to see, and is less apt to change."""

RATE_HALF_LIFE = timedelta(minutes=1)
"""The same for the rate of requests."""

ODDS = np.array(2.0)
"""By how much the odds are beyond those of the objective, in the tests whether a revision breaks it or keeps it."""

ALTERNATIVES = np.concatenate([WORSE_BY, BETTER_BY, WORSE_BY])
WORSE, BETTER, HALVES = slice(0, 8), slice(8, 10), slice(10, 18)
"""The comparisons of one window, side by side: each call of numpy costs more than a few more columns."""


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Requests of one window, and how many were bad: (..., pods, C). Pods that were not read are not in it."""

    requests: Floats
    bad: Floats

    def total(self) -> tuple[Floats, Floats]:
        """Both, summed over the pods: (..., C)."""
        return self.requests.sum(axis=-2), self.bad.sum(axis=-2)

    def half(self, first: int) -> "Counted":
        """Every other pod, from `first`, which is 0 or 1."""
        return Counted(requests=self.requests[..., first::2, :], bad=self.bad[..., first::2, :])


def begin(memory: Memory, requests: Floats, bad: Floats) -> Memory:
    """The memory with what the stable revision did before the trial: (..., C). It shapes bets and proves nothing."""
    return replace(memory, history=memory.history + np.stack([requests, bad], axis=-1))


def weigh(
    memory: Memory, terms: Terms, canary: Counted, stable: Counted, lasted: timedelta, *, settled: Answers | bool = True
) -> Memory:
    """The memory after one more window. `settled` says for which cells it counts towards promotion."""
    of_canary, of_stable = canary.total(), stable.total()
    one, other = stable.half(0).total(), stable.half(1).total()
    trust, cap = shrinkage(memory.scatter)[..., None], most(memory.scatter)[..., None]
    arms = [(of_canary, of_stable), (of_canary, of_stable), (one, other)]
    compared = trust * _compare(terms, _expected(memory), arms)
    requests, bad, limit = of_canary[0][..., None], of_canary[1][..., None], terms.objective[:, None]
    beyond = trust * against_share(requests, bad, odds_times(WORSE_BY, limit), limit)
    better = np.where(np.asarray(settled)[..., None], compared[..., BETTER], 0.0)
    any_bet, any_halves = of_canary[0] > 0, (one[0] > 0) & (other[0] > 0)
    weighed = replace(
        memory,
        windows=memory.windows + any_bet,
        worse=_mixed(memory.worse, memory.windows, np.minimum(compared[..., WORSE], cap), any_bet, terms),
        beyond=_mixed(memory.beyond, memory.windows, np.minimum(beyond, cap), any_bet, terms),
        better=memory.better + better,
        halves=_mixed(memory.halves, memory.halves_windows, np.minimum(compared[..., HALVES], cap), any_halves, terms),
        halves_windows=memory.halves_windows + any_halves,
        breach=_now(memory.breach, terms, trust[..., 0] * _beyond(of_stable, terms.objective)),
        keeping=_now(memory.keeping, terms, trust[..., 0] * _beyond(_good(of_canary), 1 - terms.objective)),
        canary=memory.canary + np.stack(of_canary, axis=-1),
        stable=memory.stable + np.stack(of_stable, axis=-1),
    )
    return _forgive(_remember(weighed, stable, of_canary[0] + of_stable[0], lasted), terms)


def _expected(memory: Memory) -> Floats:
    """The bad share that is expected of the stable revision, from windows before this one."""
    return (memory.history[..., 1] + 0.5) / (memory.history[..., 0] + 1)


Count = tuple[Floats, Floats]  # requests, and how many were bad


def _compare(terms: Terms, expected: Floats, arms: list[tuple[Count, Count]]) -> Floats:
    """Log e-values of one window: WORSE and BETTER of the canary, and HALVES of the stable revision. (..., C, 18)."""
    sizes = (len(WORSE_BY), len(BETTER_BY), len(WORSE_BY))

    def columns(values: list[Floats]) -> Floats:
        each = [np.repeat(value[..., None], size, axis=-1) for value, size in zip(values, sizes, strict=True)]
        return np.concatenate(each, axis=-1)

    lines = (terms.rollback, terms.promotion, terms.rollback)
    base = expected[..., None]
    worse = odds_times(ALTERNATIVES, base)
    worse[..., BETTER] = BETTER_BY * base
    asked_worse = np.ones(len(ALTERNATIVES), bool)
    asked_worse[BETTER] = False
    return against(
        Window(
            canary=columns([one[0] for one, _ in arms]),
            canary_bad=columns([one[1] for one, _ in arms]),
            stable=columns([other[0] for _, other in arms]),
            stable_bad=columns([other[1] for _, other in arms]),
        ),
        worse,
        base,
        Line(factor=columns([line.factor for line in lines]), offset=columns([line.offset for line in lines])),
        worse=asked_worse,
    )


def _mixed(wealth: Floats, windows: Floats, bet: Floats, any_bet: Answers, terms: Terms) -> Floats:
    """Log wealth after a bet, with the part of the mixture that begins to bet with this window."""
    start = np.log(starting_mass(windows, terms.horizon))[..., None]
    return np.where(any_bet[..., None], np.logaddexp(wealth, start) + bet, wealth)


def _beyond(arm: Count, limit: Floats) -> Floats:
    return against_share(*arm, odds_times(ODDS, limit), limit)


def _good(arm: Count) -> Count:
    requests, bad = arm
    return requests, requests - bad


def _now(so_far: Floats, terms: Terms, step: Floats) -> Floats:
    """A CUSUM of one revision's own evidence beside its objective (Page 1954): what holds now, and may end again."""
    return np.clip(so_far + step, 0, np.log(1 / terms.alpha))


def _forgive(memory: Memory, terms: Terms) -> Memory:
    """A stable revision that breaks its own objective shows that the cause lies elsewhere.

    What was held against the canary alone is forgotten then. The mass that was spent on it is lost, so the bound holds.
    """
    elsewhere = np.asarray(breaking(memory, terms).any(axis=-1))[..., None, None]
    return replace(memory, beyond=np.where(elsewhere, -np.inf, memory.beyond))


def _remember(memory: Memory, stable: Counted, requests: Floats, lasted: timedelta) -> Memory:
    """What the next bets are shaped by. `requests` are those of both arms, per cell."""
    lives = HALF_LIFE, SCATTER_HALF_LIFE, RATE_HALF_LIFE
    kept, kept_scatter, kept_rate = (0.5 ** (lasted / half_life) for half_life in lives)
    last = np.stack(stable.total(), axis=-1)
    between = np.stack(
        [scatter_between_pods(stable.requests, stable.bad), scatter_between_windows(memory.previous, last)], axis=-2
    )
    busiest = requests.max(axis=-1)
    # After a step what was before is no guide to what comes, and every bet that followed it would be lost.
    step = between[..., 1, :1] >= LARGEST
    return replace(
        memory,
        history=np.where(step, 0.0, kept) * memory.history + last,
        scatter=kept_scatter * memory.scatter + between,
        previous=last,
        traffic=kept_rate * memory.traffic + np.stack([busiest, np.full(busiest.shape, lasted.total_seconds())], -1),
    )

"""Memory → what all windows so far say about the canary, as a few e-values per trial."""

from dataclasses import dataclass

import numpy as np

from fairlead.evidence.evalues import Answers, Floats
from fairlead.evidence.memory import Memory
from fairlead.evidence.mixture import unspent
from fairlead.evidence.terms import Terms

EQUAL, HALVED = 0.75, 0.25
"""How the bet for promotion is split: the canary is as good as the stable revision, or has half of its bad events."""

LARGEST = 600.0
"""Logarithms of wealth are cut off here before they are raised, at 10^260."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What the windows so far say: e-values, no logarithms. (...) or (..., C).

    `against` is the evidence for a rollback: the weighted mean of `worse`, by comparison, and of `beyond`, by the
    objective. `better` is the evidence that the canary is good enough, `unsteady` the evidence that the stable pods
    differ among each other. `breaching` says that the stable revision breaks its own objective now, and that the canary
    may do so, too.
    """

    against: Floats
    worse: Floats
    beyond: Floats
    better: Floats
    unsteady: Floats
    breaching: Answers


def findings(memory: Memory, terms: Terms) -> Findings:
    """What the memory says."""
    left = unspent(memory.windows, terms.horizon)
    worse, beyond = _wealth(memory.worse) + left, _wealth(memory.beyond) + left
    halves = _wealth(memory.halves) + unspent(memory.halves_windows, terms.horizon)
    return Findings(
        against=(terms.weights * worse).sum(axis=-1) + (terms.objective_weights * beyond).sum(axis=-1),
        worse=worse,
        beyond=beyond,
        better=np.exp(np.minimum(memory.better, LARGEST)) @ np.array([EQUAL, HALVED]),
        unsteady=(terms.weights * halves).sum(axis=-1) / terms.weights.sum(),
        breaching=breaching(memory, terms),
    )


def breaking(memory: Memory, terms: Terms) -> Answers:
    """In which cells the stable revision breaks its own objective now: (..., C)."""
    return np.asarray((memory.breach >= np.log(1 / terms.alpha)) & (terms.objective < 1))


def breaching(memory: Memory, terms: Terms) -> Answers:
    """Whether the stable revision breaks an objective of which the canary does not show that it keeps it.

    One that does show it is the remedy: to hold it would leave the users with what is broken.
    """
    kept = memory.keeping >= np.log(1 / terms.alpha)
    return np.asarray((breaking(memory, terms) & ~kept).any(axis=-1))


def _wealth(logs: Floats) -> Floats:
    return np.asarray(np.exp(np.minimum(logs, LARGEST)).mean(axis=-1))

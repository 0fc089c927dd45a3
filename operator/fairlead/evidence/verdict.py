"""Findings → verdict, and how much traffic the canary may have next.

The order of the checks is a decision: what speaks against the canary comes before all that could promote it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from fairlead.evidence.evalues import Answers, Floats
from fairlead.evidence.findings import Findings
from fairlead.evidence.memory import Memory
from fairlead.evidence.terms import Terms

CALM = 3.0
"""Evidence against the canary below which it may be promoted."""

SUSPICIOUS = 2.0
"""Evidence against the canary from which its weight does not grow."""

GROWTH = 3.0
"""By how many times the weight may grow with one look."""

NORMAL_95 = 1.6448536269514722
"""95 % quantile of the standard normal distribution."""


class Verdict(IntEnum):
    """What follows from the evidence so far."""

    CONTINUE = 0
    ROLLBACK = 1
    UNSTEADY = 2
    BREACHING = 3
    PROMOTE = 4
    INCONCLUSIVE = 5


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is judged: the findings, the terms, how long the canary has had requests, and how long it was waited."""

    findings: Findings
    terms: Terms
    lasted: timedelta
    waited: timedelta


def worse(case: Case) -> Answers:
    """The canary is worse, and by more than the stable pods seem to differ among each other."""
    return np.asarray(case.findings.against >= np.maximum(case.findings.unsteady, 1) / case.terms.alpha)


def unsteady(case: Case) -> Answers:
    """The stable pods differ among each other by more than chance: no comparison with them can be trusted."""
    return np.asarray(case.findings.unsteady >= 1 / case.terms.alpha)


def breaching(case: Case) -> Answers:
    """The stable revision breaks its own objective, and the canary may, too: this is no time for a change."""
    return case.findings.breaching


def good_enough(case: Case) -> Answers:
    """Every cell has shown that the canary is within its margin, for long enough, and nothing speaks against it.

    Not while the stable revision is no measure: what a bad hour shows need not hold after it.
    """
    shown = ((case.findings.better >= 1 / case.terms.beta) | (case.terms.asked == 0)).all(axis=-1)
    calm = (case.findings.against < CALM) & ~unsteady(case) & ~breaching(case)
    return np.asarray(shown & calm & (case.lasted >= case.terms.min_duration))


def out_of_time(case: Case) -> Answers:
    """The trial has lasted as long as it may."""
    return np.full(case.findings.against.shape, case.waited >= case.terms.max_duration)


ORDER: tuple[tuple[Verdict, Callable[[Case], Answers]], ...] = (
    (Verdict.ROLLBACK, worse),
    (Verdict.PROMOTE, good_enough),
    (Verdict.INCONCLUSIVE, out_of_time),
    (Verdict.UNSTEADY, unsteady),
    (Verdict.BREACHING, breaching),
)


def verdicts(case: Case) -> npt.NDArray[np.int_]:
    """The first verdict of ORDER that holds, for every trial; CONTINUE where none does."""
    answers = [check(case) for _, check in ORDER]
    return np.select(answers, [int(verdict) for verdict, _ in ORDER], default=int(Verdict.CONTINUE))


def next_weight(memory: Memory, terms: Terms, against: Floats, weight: Floats) -> Floats:
    """The canary's share of traffic until the next look: what the budget of bad requests pays for.

    `weight` is the share so far, 0 before the first. It never shrinks here: where it should, the canary is rolled back.
    It does not grow while something speaks against the canary. But one without traffic gets the least share even then:
    its operator may have ended before it could write down that it had some, and nothing more would ever be learned.
    """
    share = _bad_share_at_most(memory, terms)
    expected = (terms.in_budget * (memory.history[..., 1] / np.maximum(memory.history[..., 0], 1))).sum(axis=-1)
    excess = np.maximum(share - expected, share / 4)
    requests, seconds = memory.traffic[..., 0], memory.traffic[..., 1]
    rate = np.where(seconds > 0, requests / np.maximum(seconds, 1e-9), np.inf)  # unknown: take it for a busy service
    affordable = terms.budget / (np.maximum(rate, 1e-3) * terms.reaction_time.total_seconds() * excess)
    target = np.clip(affordable, terms.min_weight, terms.max_weight)
    grown = np.maximum(weight, np.where(weight > 0, np.minimum(target, GROWTH * weight), target))
    return np.where(against < SUSPICIOUS, grown, np.maximum(weight, terms.min_weight))


def _bad_share_at_most(memory: Memory, terms: Terms) -> Floats:
    """Upper end of a 95 % interval for the canary's bad share; 1 while it has had no request (Wilson 1927)."""
    requests = memory.canary[..., 0].max(axis=-1)
    bad = np.minimum((terms.in_budget * memory.canary[..., 1]).sum(axis=-1), requests)
    z2 = NORMAL_95**2
    share = bad / np.maximum(requests, 1)
    spread = NORMAL_95 * np.sqrt(requests * share * (1 - share) + z2 / 4)
    return np.asarray((requests * share + z2 / 2 + spread) / (requests + z2))

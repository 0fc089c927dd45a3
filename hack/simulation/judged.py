"""Fairlead's rule: the judge that ships, and nothing of its own."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np

from fairlead.evidence.evalues import Floats
from fairlead.evidence.findings import findings
from fairlead.evidence.judge import Counted, begin, weigh
from fairlead.evidence.memory import Memory
from fairlead.evidence.terms import Terms
from fairlead.evidence.verdict import Case, Verdict, next_weight, verdicts
from simulation.rules import Look, Outcome
from simulation.streams import HISTORY, TICK, Stream

OUTCOMES = {
    Verdict.CONTINUE: Outcome.OPEN,
    Verdict.ROLLBACK: Outcome.ROLLED_BACK,
    Verdict.UNSTEADY: Outcome.OPEN,
    Verdict.BREACHING: Outcome.OPEN,
    Verdict.PROMOTE: Outcome.PROMOTED,
    Verdict.INCONCLUSIVE: Outcome.INCONCLUSIVE,
}
MEANING = np.array([OUTCOMES[verdict] for verdict in Verdict])


WARM_UP = int(timedelta(minutes=5) / TICK)
"""Windows of the stable revision before the canary gets its first request."""


class Judged:
    """Fairlead, with its defaults: 1 % to 25 % of traffic, a budget of 5 bad requests, from 3 minutes to an hour."""

    def __init__(self, terms: Terms, stream: Stream) -> None:
        requests, bad = stream.history()
        no_weight = np.zeros(len(requests))
        blank = Memory.blank(len(terms.cells), requests.shape[:-1])
        traffic = np.stack([stream.rate() * HISTORY.total_seconds(), np.full(len(requests), HISTORY.total_seconds())])
        self._memory = replace(begin(blank, requests, bad), traffic=traffic.T)
        self._terms = terms
        for _ in range(WARM_UP):
            self._memory = weigh(self._memory, terms, *stream.window(0, np.arange(len(requests)), no_weight), TICK)
        self._weight = next_weight(self._memory, terms, np.ones(len(requests)), no_weight)

    def first(self) -> Floats:
        """What the budget of bad requests pays for while nothing is known."""
        return self._weight

    def look(self, canary: Counted, stable: Counted, now: timedelta) -> Look:
        """Evidence, verdict, weight. A hold leaves the weight where it is."""
        self._memory = weigh(self._memory, self._terms, canary, stable, TICK)
        found = findings(self._memory, self._terms)
        verdict = verdicts(Case(findings=found, terms=self._terms, lasted=now, waited=now))
        grown = next_weight(self._memory, self._terms, found.against, self._weight)
        self._weight = np.where(verdict == Verdict.CONTINUE, grown, self._weight)
        outcome = np.where(now >= self._terms.max_duration, int(Outcome.INCONCLUSIVE), int(Outcome.OPEN))
        decided = MEANING[verdict]
        return Look(outcome=np.where(decided == Outcome.OPEN, outcome, decided), weight=self._weight)

    def keep(self, runs: Any) -> None:
        """The memory and the weights of those runs."""
        self._memory, self._weight = self._memory.only(runs), self._weight[runs]

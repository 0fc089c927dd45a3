"""One look at the evidence: what was found, and what follows."""

from dataclasses import dataclass

from fairlead.evidence.findings import Findings
from fairlead.evidence.trial import Trial
from fairlead.evidence.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What a look says. `trial` goes on from here; None when none could begin.

    `missing` says in words which evidence there should be and is not; what is there may speak against a canary all the
    same, and never for it. `source` is where the counters came from.
    """

    verdict: Verdict
    trial: Trial | None = None
    findings: Findings | None = None
    missing: str | None = None
    source: str = "the pods"

    @property
    def weight(self) -> float:
        """The canary's share of traffic from now on, as far as evidence decides it."""
        return self.trial.weight if self.trial else 0.0

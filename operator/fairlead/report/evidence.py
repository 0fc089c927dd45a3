"""What the evidence says of a canary, as status tells it: numbers from which the verdict can be computed again."""

from datetime import timedelta

from fairlead.api.history import ArmCounts, CellStatus, EvidenceStatus, written_every
from fairlead.api.phases import BEFORE_TRAFFIC
from fairlead.decision import Decision
from fairlead.evidence.evalues import Floats
from fairlead.evidence.findings import Findings
from fairlead.evidence.judgement import Judged
from fairlead.evidence.persisted import trial_text
from fairlead.evidence.trial import Trial
from fairlead.report.trace import extended
from fairlead.situation import Situation

EARLY = timedelta(seconds=1)
"""Sweeps come every 5 seconds, more or less."""


def evidence(situation: Situation, decision: Decision) -> EvidenceStatus | None:
    """What to write. While only counts have changed, what was written last stays for a while.

    With every change of the weight it is written anew: who goes on from there must not take the canary's traffic away.
    """
    before = situation.status.rollout if situation.status else None
    told = before.evidence if before else None
    judged = decision.judged
    if decision.candidate is None or decision.phase in BEFORE_TRAFFIC:
        return None  # only the stable revision has been looked at so far
    # With another weight there is another status in any case, and the course of the trial has a step there.
    now = decision.phase, decision.candidate.name, number(100 * decision.share)
    same = before is not None and (before.phase, before.revision, before.weight) == now
    if judged is None or judged.trial is None or judged.findings is None:
        return told if before is not None and before.revision == decision.candidate.name else None
    anew = told is not None and judged.trial.began > told.looked
    kept_for = written_every(decision.wait.reason if decision.wait else None) - EARLY
    if same and told is not None and not anew and judged.trial.looked - told.looked < kept_for:
        return told
    weight = 100 * decision.share
    found = evidence_status(judged, judged.trial, judged.findings, state=trial_text(judged.trial))
    return found.model_copy(update={"trace": extended(told.trace if told else None, found, judged.trial, weight)})


def evidence_status(judged: Judged, trial: Trial, found: Findings, *, state: str | None = None) -> EvidenceStatus:
    """The numbers of one look."""
    return EvidenceStatus(
        looked=trial.looked,
        source=judged.source,
        against=number(found.against),
        against_limit=number(max(float(found.unsteady), 1) / trial.terms.alpha),
        better_limit=number(1 / trial.terms.beta),
        unsteady=number(found.unsteady),
        unsteady_limit=number(1 / trial.terms.alpha),
        breaching=bool(found.breaching),
        cells=tuple(_cell(trial, found, n) for n in range(len(trial.cells))),
        state=state,
    )


def number(value: object) -> str:
    """Three digits, which is more than any e-value tells."""
    return f"{float(value):.3g}"  # type: ignore[arg-type] # a numpy scalar


def _cell(trial: Trial, found: Findings, n: int) -> CellStatus:
    cell = trial.cells[n]
    has_objective = cell.objective is not None
    return CellStatus(
        name=cell.name,
        canary=_counts(trial.memory.canary[n]),
        stable=_counts(trial.memory.stable[n]),
        worse=number(found.worse[n]),
        weight=number(cell.weight),
        beyond=number(found.beyond[n]) if has_objective else None,
        beyond_weight=number(cell.objective_weight) if has_objective else None,
        better=number(found.better[n]) if cell.promotion is not None else None,
    )


def _counts(counts: Floats) -> ArmCounts:
    return ArmCounts(requests=round(float(counts[0])), bad=round(float(counts[1])))

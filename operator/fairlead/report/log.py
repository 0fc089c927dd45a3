"""What the log tells of rollouts, for programs to read: one line per decision, and per thing that holds a trial.

A decision is told from its record, once that is written, and by whoever looks next: so none is lost with a process that
ends. It is told before the status says that it was, so it may be told twice; both lines have the time of the decision.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from fairlead.api.fields import parse_duration
from fairlead.api.history import ArmCounts, CellStatus, EvidenceStatus, Outcome
from fairlead.api.reasons import ConditionType, Reason
from fairlead.api.status import RolloutStatus, Status, untold
from fairlead.api.times import format_time
from fairlead.plan import LogLine

DECISION = "rollout-decision"
"""The name of all these lines, which never changes."""

HELD, CONTINUED = "Held", "Continued"
"""Outcomes of a look at a trial that goes on, beside those of decisions that end one."""

HOLDS = (Reason.EVIDENCE_MISSING, Reason.STABLE_FAILING, Reason.PAUSED, Reason.AWAITING_APPROVAL, Reason.INCONCLUSIVE)
"""Reasons of Ready that say that a trial waits for something else than more evidence."""

WORDS = {Outcome.ROLLED_BACK: "rolled back", Outcome.ABORTED: "taken out of its trial"}
"""Where the outcome's own name is not the word for it."""


def log_lines(before: Status | None, now: Status) -> tuple[LogLine, ...]:
    """What has been decided and is not told yet, and what holds a trial by the status that is written now."""
    return (*decisions(before), *_held(before, now))


def decisions(before: Status | None) -> Iterator[LogLine]:
    """What has been decided and is not told yet."""
    for decided in untold(before):
        word = WORDS.get(decided.outcome, decided.outcome.lower())
        yield LogLine(
            message=f"{decided.revision} was {word}: {decided.message}",
            fields={
                "event": DECISION,
                "outcome": decided.outcome,
                "reason": decided.reason,
                "decided": format_time(decided.time),
                "by": decided.by or "Fairlead",
                **({"approvedBy": decided.approved_by} if decided.approved_by else {}),
                **({"errorBudget": decided.error_budget} if decided.error_budget else {}),
                "from": decided.stable,
                "to": decided.revision,
                "version": decided.model_version,
                "weight": _number(decided.weight),
                "seconds": _seconds(decided.lasted),
                **_evidence(decided.evidence),
            },
        )


def _held(before: Status | None, now: Status) -> Iterator[LogLine]:
    """That a trial is held, or goes on again. What makes it begin or end is told elsewhere."""
    was, held = _hold(before), _hold(now)
    rollout, then = now.rollout, before.rollout if before else None
    if rollout is None or was == held or (held is None and not _goes_on(rollout, then)):
        return
    ready = next(each for each in now.conditions if each.type == ConditionType.READY)
    yield LogLine(
        message=f"the trial of {rollout.revision} {'goes on' if held is None else 'is held'}: {ready.message}",
        fields={
            "event": DECISION,
            "outcome": CONTINUED if held is None else HELD,
            "reason": ready.reason,
            "by": "Fairlead",
            "from": now.stable.revision if now.stable else None,
            "to": rollout.revision,
            "weight": _number(rollout.weight),
            **_evidence(rollout.evidence),
        },
    )


def _hold(status: Status | None) -> str | None:
    """Why a trial that is on does not go on; None when it does, or when there is none."""
    if status is None or not _on_trial(status.rollout):
        return None
    ready = next((each for each in status.conditions if each.type == ConditionType.READY), None)
    return None if ready is None or ready.reason not in HOLDS else ready.reason


def _goes_on(now: RolloutStatus, then: RolloutStatus | None) -> bool:
    return then is not None and now.revision == then.revision and _on_trial(now)


def _on_trial(rollout: RolloutStatus | None) -> bool:
    return rollout is not None and rollout.weight is not None


def _evidence(found: EvidenceStatus | None) -> Mapping[str, Any]:
    if found is None:
        return {}
    return {
        "source": found.source,
        "against": _number(found.against),
        "againstLimit": _number(found.against_limit),
        "betterLimit": _number(found.better_limit),
        "unsteady": _number(found.unsteady),
        "unsteadyLimit": _number(found.unsteady_limit),
        "breaching": found.breaching,
        "cells": [_cell(cell) for cell in found.cells],
    }


def _cell(cell: CellStatus) -> Mapping[str, Any]:
    told = {
        "name": cell.name,
        "canary": _counts(cell.canary),
        "stable": _counts(cell.stable),
        "worse": _number(cell.worse),
        "weight": _number(cell.weight),
        "beyond": _number(cell.beyond),
        "beyondWeight": _number(cell.beyond_weight),
        "better": _number(cell.better),
    }
    return {key: value for key, value in told.items() if value is not None}


def _counts(counts: ArmCounts) -> Mapping[str, int]:
    return {"requests": counts.requests, "bad": counts.bad}


def _seconds(duration: str | None) -> int | None:
    found = parse_duration(duration)
    return int(found.total_seconds()) if isinstance(found, timedelta) else None


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)

"""The record of decisions: what the status before and the decision now have become different in."""

from fairlead.api.fields import format_duration
from fairlead.api.history import Decided, EvidenceStatus, Outcome
from fairlead.api.reasons import Reason
from fairlead.api.status import RolloutStatus, Status
from fairlead.decision import Decision
from fairlead.report.evidence import evidence_status
from fairlead.report.orders import ordered
from fairlead.report.trace import extended, recorded
from fairlead.situation import Situation, revision_named

LONGEST_HISTORY = 10
DECISIONS = (Outcome.PROMOTED, Outcome.ROLLED_BACK, Outcome.ABORTED, Outcome.SUPERSEDED)
LONGEST = 1000  # characters of a message; the schema allows more


def news(situation: Situation, decision: Decision) -> tuple[Decided, ...]:
    """The records of this decision. The first revision of all is no decision: there was no choice."""
    before = situation.status or Status()
    new = (
        _promoted(situation, before, decision)
        or _failed(situation, before, decision)
        or _left(situation, before, decision)
    )
    return ((new,) if new else ()) + ordered(situation, decision)


def history(new: tuple[Decided, ...], before: tuple[Decided, ...]) -> tuple[Decided, ...]:
    """As many records as are kept, the newest first. What is new is among them: it has not been told yet.

    Decisions go before orders: somebody who pauses and resumes must not push them out.
    """
    records = new + before
    decisions = [each for each in records if each.outcome in DECISIONS]
    orders = [each for each in records if each.outcome not in DECISIONS]
    kept = {id(each) for each in (*new, *decisions[:LONGEST_HISTORY], *orders[: LONGEST_HISTORY - len(decisions)])}
    return tuple(each for each in records if id(each) in kept)[:LONGEST_HISTORY]


def _promoted(situation: Situation, before: Status, decision: Decision) -> Decided | None:
    now, then = decision.stable, before.stable
    if now is None or then is None or then.revision == now.name or decision.failed is not None:
        return None
    rollout = _about(before.rollout, now.name)
    return Decided(
        time=situation.now,
        outcome=Outcome.PROMOTED,
        revision=now.name,
        stable=then.revision,
        model_version=now.snapshot.model_version,
        weight=rollout.weight if rollout else None,
        lasted=_lasted(situation, rollout),
        reason=_why(rollout),
        message=f"{now.name} took over from {then.revision}",
        by=_by(rollout),
        approved_by=rollout.approved.by if rollout and rollout.approved else None,
        error_budget=_budget(rollout),
        evidence=_as_it_was(rollout.evidence if rollout else None),
    )


def _failed(situation: Situation, before: Status, decision: Decision) -> Decided | None:
    failed = decision.failed
    if failed is None or (before.failed is not None and before.failed.revision == failed.revision):
        return None
    rollout = _about(before.rollout, failed.revision)
    return Decided(
        time=situation.now,
        outcome=Outcome.ABORTED if failed.reason == Reason.ABORTED else Outcome.ROLLED_BACK,
        revision=failed.revision,
        stable=decision.stable.name if decision.stable else None,
        model_version=_version(situation, failed.revision),
        weight=rollout.weight if rollout else None,
        lasted=_lasted(situation, rollout),
        reason=failed.reason,
        message=failed.message[:LONGEST],
        by=decision.orders.abort.by if decision.orders.abort else None,
        error_budget=_budget(rollout),
        evidence=_now(decision, rollout) or _as_it_was(rollout.evidence if rollout else None),
    )


def _left(situation: Situation, before: Status, decision: Decision) -> Decided | None:
    """A trial that ended without a verdict, because the spec asks for something else."""
    rollout = before.rollout
    asked = {each.name for each in (decision.stable, decision.candidate) if each}
    if rollout is None or rollout.weight is None or rollout.revision is None or rollout.revision in asked:
        return None
    outcome = Outcome.SUPERSEDED if decision.candidate else Outcome.ABORTED
    message = "the spec asks for another revision" if decision.candidate else "the spec went back"
    if decision.problem is not None:
        unread = decision.problem.reason == Reason.INVALID_SPEC
        message = f"the spec cannot be {'read' if unread else 'carried out'} any more"
    return Decided(
        time=situation.now,
        outcome=outcome,
        revision=rollout.revision,
        stable=decision.stable.name if decision.stable else None,
        model_version=_version(situation, rollout.revision),
        weight=rollout.weight,
        lasted=_lasted(situation, rollout),
        reason="SpecChanged",
        message=message,
        error_budget=_budget(rollout),
        evidence=_as_it_was(rollout.evidence),
    )


def _by(rollout: RolloutStatus | None) -> str | None:
    """Who promoted it, or else approved it."""
    order = (rollout.promote or rollout.approved) if rollout else None
    return order.by if order else None


def _why(rollout: RolloutStatus | None) -> str:
    if rollout is not None and rollout.promote is not None:
        return "PromotedByHand"
    evidence = rollout.evidence if rollout else None
    if evidence is None:
        return "Ready"
    return Reason.INCONCLUSIVE if evidence.short else "EvidenceFor"


def _about(rollout: RolloutStatus | None, revision: str) -> RolloutStatus | None:
    return rollout if rollout is not None and rollout.revision == revision else None


def _version(situation: Situation, revision: str) -> str | None:
    known = revision_named(situation.revisions, revision)
    return known.snapshot.model_version if known else None


def _lasted(situation: Situation, rollout: RolloutStatus | None) -> str | None:
    """How long it was on its way. To wait for error budget is not that."""
    if rollout is None or rollout.started is None:
        return None
    passed = rollout.error_budget.passed if rollout.error_budget else None
    return format_duration(situation.now - max(rollout.started, passed or rollout.started))


def _budget(rollout: RolloutStatus | None) -> str | None:
    return rollout.error_budget.told if rollout and rollout.error_budget else None


def _now(decision: Decision, rollout: RolloutStatus | None) -> EvidenceStatus | None:
    judged = decision.judged
    if judged is None or judged.trial is None or judged.findings is None:
        return None
    now = evidence_status(judged, judged.trial, judged.findings)
    before, weight = (rollout.evidence, rollout.weight) if rollout else (None, None)
    trace = extended(before.trace if before else None, now, judged.trial, float(weight or 0))
    return now.model_copy(update={"trace": recorded(trace)})


def _as_it_was(evidence: EvidenceStatus | None) -> EvidenceStatus | None:
    return evidence.model_copy(update={"state": None, "trace": recorded(evidence.trace)}) if evidence else None

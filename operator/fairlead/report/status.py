"""The status, computed whole from one look. It says the same words while nothing changes."""

from datetime import datetime
from typing import Literal

from fairlead.api import names
from fairlead.api.kinds import DEPLOYMENT
from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.phases import ON_TRIAL
from fairlead.api.reasons import Phase
from fairlead.api.revision import Revision
from fairlead.api.status import (
    Condition,
    DrainingStatus,
    ErrorBudgetStatus,
    FailedStatus,
    RolloutStatus,
    StableStatus,
    Status,
)
from fairlead.decision import Decision
from fairlead.report.capacity import given_up
from fairlead.report.conditions import conditions
from fairlead.report.evidence import evidence, number
from fairlead.report.finding import Finding
from fairlead.report.history import history, news
from fairlead.report.monitoring import monitoring_status
from fairlead.report.orders import handled, standing
from fairlead.report.scaled import scaling_status
from fairlead.report.source import source_status
from fairlead.report.steady import says_the_same
from fairlead.situation import Situation
from fairlead.sources.lookup import NO_LOOKUP, Lookup

LONGEST_REASON = 1000  # characters of why a revision failed; the schema allows more
MOST_DRAINING = 32  # as many as the schema allows
LONGEST = 2000  # characters of a message; the schema allows more


def status(situation: Situation, spec: ModelDeploymentSpec, decision: Decision, lookup: Lookup = NO_LOOKUP) -> Status:
    """The status that follows from a look and a decision."""
    live = [manifest for (kind, _), manifest in situation.children.items() if kind == DEPLOYMENT]
    identity = situation.identity
    new = news(situation, decision)
    return Status(
        observed_generation=identity.generation,
        conditions=_stamped(situation, conditions(situation, spec, decision)),
        replicas=sum(_replicas(situation, decision, revision) for revision in decision.running),
        ready_replicas=sum(int((manifest.get("status") or {}).get("readyReplicas") or 0) for manifest in live),
        selector=names.pod_label_selector(identity.name),
        url=f"http://{identity.name}.{identity.namespace}.svc",
        stable=_stable(decision),
        rollout=_rollout(situation, spec, decision),
        failed=_failed(decision),
        history=history(new, situation.status.history if situation.status else ()),
        untold=len(new) or None,
        handled=handled(decision),
        monitoring=monitoring_status(situation, spec),
        source=source_status(situation, lookup),
        lookup=lookup.failed,
        scaling=scaling_status(situation, spec, decision),
        draining=tuple(
            DrainingStatus(revision=old.revision.name, since=old.since, served=old.served, reached=old.reached)
            for old in decision.draining[-MOST_DRAINING:]
        ),
    )


def unreadable_status(situation: Situation, spec: ModelDeploymentSpec, decision: Decision) -> Status:
    """The status of a resource that cannot be read. Of what only its spec could tell, what is remembered stays."""
    before = situation.status or Status()
    kept = {name: getattr(before, name) for name in ("monitoring", "scaling", "source", "lookup")}
    return status(situation, spec, decision).model_copy(update=kept)


def _stable(decision: Decision) -> StableStatus | None:
    stable = decision.stable
    if stable is None:
        return None
    version = stable.snapshot.model_version
    return StableStatus(revision=stable.name, model_version=version, since=decision.stable_since)


def _replicas(situation: Situation, decision: Decision, revision: Revision) -> int:
    """How many pods a revision's Deployment asks for once this plan is carried out.

    Not how many exist this instant: that would be a write of status for every pod that comes or goes.
    """
    wanted = decision.scale.get(revision.name)
    if wanted is None and situation.deployment(revision.name) is None:
        return decision.replicas
    return wanted if wanted is not None else situation.asked_pods(revision.name)


def _rollout(situation: Situation, spec: ModelDeploymentSpec, decision: Decision) -> RolloutStatus:
    revision = decision.candidate.name if decision.candidate else None
    before = situation.status.rollout if situation.status else None
    known = before if before is not None and before.revision == revision else None
    same = known is not None and known.phase == decision.phase
    # A time in the future would never let a deadline pass: it counts as now, and that is what is remembered.
    since = min(known.since, situation.now) if known is not None and same else situation.now
    started = known.started if known is not None and known.started else situation.now
    return RolloutStatus(
        phase=Phase(decision.phase),
        revision=revision,
        since=since,
        started=min(started, situation.now) if revision else None,
        weight=number(100 * decision.share) if revision and decision.phase in ON_TRIAL else None,
        given_up=given_up(situation, spec, decision),
        error_budget=_budget(decision, known),
        start=standing(decision.orders.start) if revision else None,
        promote=standing(decision.orders.promote) if revision else None,
        approved=standing(decision.orders.approved) if revision else None,
        paused=standing(decision.orders.paused) if revision else None,
        evidence_missing_since=_missing_since(situation, decision, known),
        evidence=evidence(situation, decision),
    )


def _budget(decision: Decision, known: RolloutStatus | None) -> ErrorBudgetStatus | None:
    found = decision.budget
    if found is None:
        return known.error_budget if known else None
    return ErrorBudgetStatus(since=found.since, passed=found.passed, reason=found.reason, told=found.told)


def _missing_since(situation: Situation, decision: Decision, known: RolloutStatus | None) -> datetime | None:
    judged = decision.judged
    if decision.candidate is None or decision.phase not in ON_TRIAL or judged is None or judged.missing is None:
        return None
    before = known.evidence_missing_since if known else None
    return min(before or situation.now, situation.now)


def _failed(decision: Decision) -> FailedStatus | None:
    failed = decision.failed
    if failed is None:
        return None
    message = failed.message[:LONGEST_REASON]
    return FailedStatus(revision=failed.revision, reason=failed.reason, message=message, since=failed.since)


def _stamped(situation: Situation, findings: tuple[Finding, ...]) -> tuple[Condition, ...]:
    before = {condition.type: condition for condition in (situation.status.conditions if situation.status else ())}
    return tuple(_condition(situation, finding, before.get(finding.type)) for finding in findings)


def _condition(situation: Situation, finding: Finding, before: Condition | None) -> Condition:
    value: Literal["True", "False", "Unknown"] = "True" if finding.status else "False"
    if finding.status is None:
        value = "Unknown"
    same = before is not None and before.status == value
    return Condition(
        type=finding.type,
        status=value,
        reason=finding.reason,
        message=_cut(_steady(finding, before)),
        last_transition_time=before.last_transition_time if before is not None and same else situation.now,
        observed_generation=situation.identity.generation,
    )


def _cut(message: str) -> str:
    """Not longer than a condition may be; an admission webhook can say more than that."""
    return message if len(message) <= LONGEST else f"{message[: LONGEST - 1]}…"


def _steady(finding: Finding, before: Condition | None) -> str:
    """The words of before, where the new ones are no news.

    A server that fails over and over would otherwise make a new status at every attempt.
    """
    if before is not None and before.reason == finding.reason and says_the_same(finding.message, before.message):
        return before.message
    return finding.message

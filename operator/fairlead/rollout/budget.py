"""The budget gate: no new revision is tried while too little of the error budget is left.

It is asked before the first pod, and what came of it is written to status before anything follows: so nobody starts a
revision without a record of why. What has begun goes on: the evidence judges it, objectives among it.
"""

from dataclasses import dataclass
from datetime import timedelta
from math import floor

from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.reasons import Reason
from fairlead.api.revision import Revision
from fairlead.api.rollout import ErrorBudgetGate
from fairlead.api.status import ErrorBudgetStatus
from fairlead.decision import Budget, Orders, Wait
from fairlead.monitoring.monitored import passing_of
from fairlead.situation import ErrorBudget, Situation
from fairlead.slo.events import Subject
from fairlead.slo.rules import Measured, measured

HOLDS = timedelta(minutes=10)
"""So long a revision that may start has for its first pod before the budget is asked anew."""
TOLD = 3
"""Objectives that a sentence names, those with least left first."""
LONGEST = 500  # characters; the schema allows a few more


@dataclass(frozen=True)
class Gate:
    """What the budget says: why a revision may not be tried yet, if so, and what is to be remembered of it."""

    wait: Wait | None = None
    budget: Budget | None = None


def gate_passed(situation: Situation, spec: ModelDeploymentSpec, wanted: Revision) -> bool:
    """Whether there is no gate before this revision, or it is behind it. One whose pods are there already is."""
    known, deployed = _known(situation, wanted), wanted.name in situation.deployed_revisions()
    if spec.rollout.error_budget is None:
        return True
    if known is None:
        return deployed  # the gate was set when it was on its way
    return known.passed is not None and (deployed or situation.now - known.passed < HOLDS)


def budget_gate(
    situation: Situation,
    spec: ModelDeploymentSpec,
    stable: Revision,
    wanted: Revision,
    orders: Orders,
    *,
    excused: str | None = None,
) -> Gate:
    """What the budget says to trying a revision. `excused` is why it need not be asked at present."""
    gate, known = spec.rollout.error_budget, _known(situation, wanted)
    if gate is None or (gate_passed(situation, spec, wanted) and not orders.anew):
        return Gate()
    since = min(known.since, situation.now) if known and not orders.anew else situation.now
    if excused is not None:
        return Gate(budget=Budget(since=since, told=f"not asked: {excused}"))
    by_hand = orders.start or orders.promote
    wait = _wait(situation, spec, gate, stable, wanted) if by_hand is None else None
    if wait is None:
        left = _in_words(situation.budget, _measured(situation, spec, stable))
        told = f"{left[:200]}; {by_hand.who} started it" if by_hand is not None else left
        return Gate(budget=Budget(since=since, passed=situation.now, told=told[:LONGEST]))
    if situation.budget is None and known is not None and known.reason is not None:
        wait = Wait(reason=Reason(known.reason), message=known.told)  # as it was when it was asked last
    reason = wait.reason if wait.reason != Reason.STARTING else None
    return Gate(wait=wait, budget=Budget(since=since, reason=reason, told=wait.message[:LONGEST]))


def _wait(
    situation: Situation, spec: ModelDeploymentSpec, gate: ErrorBudgetGate, stable: Revision, wanted: Revision
) -> Wait | None:
    start, budget = f"`fairlead start {situation.identity.name}`", situation.budget
    if budget is None:
        message = f"{wanted.name} is tried if enough of the error budget is left, which is about to be asked"
        return Wait(reason=Reason.STARTING, message=message)
    measured = _measured(situation, spec, stable)
    spent = [name for name in measured if 100 * budget.left.get(name, 1.0) < gate.min_remaining]
    if spent:
        message = (
            f"{wanted.name} is not tried while so little is left of the error budget: {_in_words(budget, spent)}, and "
            f"spec.rollout.errorBudget asks for {gate.min_remaining} %; {start} starts it all the same"
        )
        return Wait(reason=Reason.ERROR_BUDGET_SPENT, message=message)
    why = _unknown(budget, measured)
    if why is None or gate.on_unknown == "Start":
        return None
    message = f"{wanted.name} is not tried while nobody knows what is left of the error budget: {why}; "
    return Wait(reason=Reason.ERROR_BUDGET_UNKNOWN, message=f"{message[: LONGEST - 100]}{start} starts it all the same")


def _known(situation: Situation, wanted: Revision) -> ErrorBudgetStatus | None:
    rollout = situation.status.rollout if situation.status else None
    return rollout.error_budget if rollout is not None and rollout.revision == wanted.name else None


def _measured(situation: Situation, spec: ModelDeploymentSpec, stable: Revision) -> list[str]:
    """Objectives that have rules. MonitoringActive says what the others lack; they have no budget to be asked for."""
    subject = Subject(namespace=situation.identity.namespace, model=situation.identity.name)
    edges, passing = situation.exposed.edges if situation.exposed else {}, passing_of(situation, spec)
    return [
        each.name
        for each in spec.slo.objectives
        if (situation.site.queries or not each.queries)
        and isinstance(measured(each, ((stable.snapshot.metrics, (stable.name,)),), edges, subject, passing), Measured)
    ]


def _unknown(budget: ErrorBudget, measured: list[str]) -> str | None:
    if not measured:
        return "no objective has rules, as MonitoringActive says"
    return next((f"objective {name}: {budget.unknown[name]}" for name in measured if name in budget.unknown), None)


def _in_words(budget: ErrorBudget | None, objectives: list[str]) -> str:
    """What is left of some. Coarse, since another number is another write of the status."""
    if budget is None:
        return "not asked"
    left = sorted((budget.left[name], name) for name in objectives if name in budget.left)
    told = [f"{_percent(share)} % of {name}" for share, name in left[:TOLD]]
    why = _unknown(budget, objectives)
    if len(left) > TOLD:
        told.append(f"more of {len(left) - TOLD} others")
    if why is not None:
        told.append(f"unknown ({why})")
    return ", ".join(told)


def _percent(left: float) -> int:
    return floor(100 * left) if left >= 0 else 10 * floor(10 * left)

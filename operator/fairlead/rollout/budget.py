"""The budget gate: no new revision is tried while too little of the error budget is left.

It is asked once, before the first pod. What has begun goes on: the evidence judges it, objectives among it.
"""

from dataclasses import dataclass
from datetime import timedelta
from math import floor

from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.reasons import Reason
from fairlead.api.revision import Revision
from fairlead.plan import Orders, Wait
from fairlead.situation import ErrorBudget, Situation

AGAIN = timedelta(minutes=1)
"""Beside what tells of a new value: whoever tells might have ended."""


@dataclass(frozen=True)
class Gate:
    """Why a revision may not be tried yet; or what is left of the budget when it may."""

    wait: Wait | None = None
    told: str | None = None


def may_start(situation: Situation, spec: ModelDeploymentSpec, wanted: Revision) -> bool:
    """Whether the budget is not, or no longer, asked for."""
    rollout = situation.status.rollout if situation.status else None
    passed = rollout is not None and rollout.revision == wanted.name and rollout.error_budget is not None
    return spec.rollout.error_budget is None or passed or wanted.name in situation.deployed_revisions()


def budget_gate(situation: Situation, spec: ModelDeploymentSpec, wanted: Revision, orders: Orders) -> Gate:
    """What the budget says to trying a revision."""
    gate = spec.rollout.error_budget
    if gate is None or may_start(situation, spec, wanted):
        return Gate()
    by_hand = orders.start or orders.promote
    if by_hand is not None:
        return Gate(told=f"{_in_words(situation.budget)}; {by_hand.who} started it")
    start = f"`fairlead start {situation.identity.name}`"
    if situation.budget is None:
        message = f"{wanted.name} is tried if enough of the error budget is left, which is about to be asked"
        return Gate(wait=Wait(reason=Reason.STARTING, message=message))
    budget = situation.budget
    spent = {name: left for name, left in budget.left.items() if left * 100 < gate.min_remaining}
    if spent:
        told = ErrorBudget(left=spent)
        message = f"{wanted.name} is not tried while so little is left of the error budget: {_in_words(told)}, and "
        message += f"spec.rollout.errorBudget asks for {gate.min_remaining} %; {start} starts it all the same"
        return Gate(wait=Wait(reason=Reason.ERROR_BUDGET_SPENT, message=message))
    if budget.unknown and gate.on_unknown == "Wait":
        message = f"{wanted.name} is not tried while nobody knows what is left of the error budget: {budget.unknown}; "
        return Gate(wait=Wait(reason=Reason.ERROR_BUDGET_UNKNOWN, message=f"{message}{start} starts it all the same"))
    return Gate(told=_in_words(budget))


def _in_words(budget: ErrorBudget | None) -> str:
    """What is left, in whole percents: more digits would be a new message with every reading."""
    if budget is None:
        return "not asked"
    if budget.unknown:
        return f"unknown: {budget.unknown}"
    return ", ".join(f"{floor(100 * left)} % of {name}" for name, left in sorted(budget.left.items()))

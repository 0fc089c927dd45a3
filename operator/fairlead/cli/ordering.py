"""`fairlead start`, `promote`, `abort`, `retry`, `pause`, `resume` and `approve`: a person decides about one revision.

Each sets an annotation of the ModelDeployment, and says what follows. What makes no sense now is refused here, where a
person reads the answer; the operator would ignore it.
"""

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, assert_never

from pydantic import ValidationError

from fairlead.api.modeldeployment import ModelDeployment
from fairlead.api.orders import Action, annotation, order_value
from fairlead.api.parse import Invalid, parse_model_deployment
from fairlead.api.reasons import Phase
from fairlead.api.status import RolloutStatus, Status
from fairlead.cli.commands import Commands, about_one_model, asked_model
from fairlead.cli.errors import CommandError

HELP = {
    Action.PROMOTE: "let the revision on its way take over, whatever the evidence says",
    Action.START: "let the revision that waits for error budget be tried all the same",
    Action.ABORT: "take the revision on its way out of the traffic",
    Action.RETRY: "try the revision that has failed anew",
    Action.PAUSE: "hold the revision on its way at its weight",
    Action.RESUME: "let a revision that was paused go on",
    Action.APPROVE: "approve that the revision on its way takes over once it is good enough",
}


@dataclass(frozen=True)
class Intent:
    """What is ordered, about which revision, and what follows."""

    action: Action
    revision: str
    follows: str


def register(commands: Commands) -> None:
    """Adds the commands to the command line."""
    for action, told in HELP.items():
        parser = commands.add_parser(
            action, help=told, description=f"{told[0].upper()}{told[1:]}: sets the annotation {annotation(action)}."
        )
        about_one_model(parser)
        parser.add_argument("--revision", help="name of the revision; absent: the one that this can be about")
        parser.set_defaults(run=lambda options, action=action: _order(options, action))


def _order(options: argparse.Namespace, action: Action) -> str:
    from fairlead.cli import requests  # the official client takes a second to import, which `render` need not wait for

    found = asked_model(options)
    meant = intent(found, action, options.revision)
    value = order_value(meant.revision, datetime.now(UTC), requests.who())
    requests.annotate(found, annotation(action), value)
    return f"{meant.follows}\n"


def intent(found: dict[str, Any], action: Action, revision: str | None = None) -> Intent:
    """What an order means for a ModelDeployment as the API server returns it. Raises CommandError for nonsense."""
    name = found["metadata"]["name"]
    model = parse_model_deployment(found)
    try:
        status = Status.model_validate(found.get("status") or {})
    except ValidationError as wrong:
        raise CommandError(f"the status of ModelDeployment {name} cannot be read: {wrong}") from wrong
    if isinstance(model, Invalid):
        raise CommandError(f"ModelDeployment {name} is not valid: {'; '.join(model.problems)}")
    if model.spec.rollout.strategy != "Canary":
        strategy = model.spec.rollout.strategy
        raise CommandError(f"people decide about canaries, and spec.rollout.strategy of {name} is {strategy}")
    if status.observed_generation < model.generation:
        raise CommandError(f"Fairlead has not looked at the last change of {name} yet; try again in a moment")
    subject = _subject(model, status, action)
    if revision is not None and revision != subject:
        raise CommandError(f"{revision} takes no {action} now: the revision that does is {subject}")
    return Intent(action, subject, _follows(model, status, action, subject))


def _subject(model: ModelDeployment, status: Status, action: Action) -> str:
    """The revision that the order is about."""
    name, rollout, failed = model.name, status.rollout, status.failed
    serves = f"{status.stable.revision} serves" if status.stable else "nothing serves"
    if action == Action.RETRY:
        if failed is None:
            raise CommandError(f"no revision of {name} has failed: {serves}")
        return failed.revision
    if failed is not None:
        raise CommandError(f"{failed.revision} has failed: {failed.message}; `fairlead retry {name}` tries it anew")
    if rollout is not None and rollout.revision is not None and status.stable is not None:
        return rollout.revision
    if action == Action.ABORT and status.stable and _has_way_back(status):
        return status.stable.revision
    raise CommandError(f"no revision of {name} is on its way beside another one: {serves}")


def _retried(rollout: RolloutStatus, subject: str) -> str:
    if rollout.phase == Phase.HELD and rollout.revision is None:
        return f"This waits, since what the spec asks for cannot be made: {subject} is tried anew if that is {subject}."
    return f"{subject} is tried anew, from its first pod on; what was counted before does not count."


def _follows(model: ModelDeployment, status: Status, action: Action, subject: str) -> str:
    rollout = status.rollout or RolloutStatus(phase=Phase.STABLE, since=datetime.min.replace(tzinfo=UTC))
    match action:
        case Action.PROMOTE:
            return _promoted(model, rollout, subject)
        case Action.ABORT if rollout.revision is None:
            return f"{subject} is taken out of the traffic, and the revision before serves again."
        case Action.ABORT:
            return f"{subject} is taken out of the traffic. `fairlead retry {model.name}` would try it anew."
        case Action.PAUSE if rollout.paused is not None:
            raise CommandError(f"{subject} is paused already")
        case Action.PAUSE:
            return f"{subject} stays at its weight until `fairlead resume {model.name}`. It is judged on meanwhile."
        case Action.RESUME if rollout.paused is None:
            hint = "; spec.rollout.paused is set, and is changed in the spec" if model.spec.rollout.paused else ""
            raise CommandError(f"no order has paused {subject}{hint}")
        case Action.RESUME:
            held = " once spec.rollout.paused is removed, too" if model.spec.rollout.paused else ""
            return f"{subject} goes on{held}."
        case Action.START:
            return _started(model, rollout, subject)
        case Action.APPROVE if not model.spec.rollout.approval.required:
            raise CommandError(f"spec.rollout.approval of {model.name} asks for no approval")
        case Action.APPROVE if rollout.approved is not None:
            raise CommandError(f"{subject} is approved already, by {rollout.approved.by or 'somebody'}")
        case Action.APPROVE:
            return f"{subject} takes over {'now' if _waits(rollout) else 'once the evidence is for it'}."
        case Action.RETRY:
            return _retried(rollout, subject)
        case _:
            assert_never(action)


def _started(model: ModelDeployment, rollout: RolloutStatus, subject: str) -> str:
    if model.spec.rollout.error_budget is None:
        raise CommandError(f"spec.rollout.errorBudget of {model.name} is not set: nothing waits for error budget")
    if rollout.start is not None:
        raise CommandError(f"{subject} is started already, by {rollout.start.by or 'somebody'}")
    if rollout.error_budget is None or rollout.error_budget.passed is not None:
        raise CommandError(f"{subject} has started, and waits for no error budget")
    return f"{subject} is tried, whatever is left of the error budget."


def _promoted(model: ModelDeployment, rollout: RolloutStatus, subject: str) -> str:
    if rollout.promote is not None:
        raise CommandError(f"{subject} is promoted already, by {rollout.promote.by or 'somebody'}")
    told = f"{subject} takes over as soon as it has the pods for all traffic, whatever the evidence says."
    if model.spec.rollout.approval.required and rollout.approved is None:
        told += f" It still needs an approval: `fairlead approve {model.name}`."
    if model.spec.rollout.paused:
        told += " spec.rollout.paused holds it until that is removed."
    return told


def _has_way_back(status: Status) -> bool:
    """Whether the revision before may still be kept ready; in Held, too, where the spec has become impossible."""
    phase = status.rollout.phase if status.rollout else None
    return phase == Phase.GUARDING or (phase == Phase.HELD and any(each.served for each in status.draining))


def _waits(rollout: RolloutStatus) -> bool:
    return rollout.phase == Phase.AWAITING_APPROVAL

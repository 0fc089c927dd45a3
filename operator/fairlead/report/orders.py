"""What people have ordered, as status, history and Events tell it."""

from fairlead.api.history import Decided, Outcome
from fairlead.api.orders import Action
from fairlead.api.status import HandledStatus, OrderStatus, Status
from fairlead.decision import Decision, Handled, Ordered
from fairlead.plan import Event
from fairlead.situation import Situation

LONGEST = 1000  # characters of a message; the schema allows more

OUTCOMES = {
    Action.PAUSE: Outcome.PAUSED,
    Action.RESUME: Outcome.RESUMED,
    Action.APPROVE: Outcome.APPROVED,
    Action.START: Outcome.STARTED,
    Action.RETRY: Outcome.RETRIED,
}
"""Orders that are decisions by themselves. What promote and abort lead to is recorded when it happens."""


def standing(order: Ordered | None) -> OrderStatus | None:
    """What holds until it is taken back."""
    return OrderStatus(since=order.since, by=order.by) if order else None


def handled(decision: Decision) -> tuple[HandledStatus, ...]:
    """Every order that there is, and what came of it."""
    return tuple(
        HandledStatus(
            action=each.action,
            value=each.value,
            time=each.since,
            result=each.result,
            message=each.message[:LONGEST],
        )
        for each in decision.orders.handled
    )


def ordered(situation: Situation, decision: Decision) -> tuple[Decided, ...]:
    """Records of the orders that were carried out by this decision, the last one first."""
    done = (each for each in decision.orders.fresh if each.result == "Done")
    return tuple(
        Decided(
            time=situation.now,
            outcome=OUTCOMES[each.action],
            revision=each.order.revision,
            stable=decision.stable.name if decision.stable else None,
            weight=_weight(situation, each),
            reason="Ordered",
            message=each.message[:LONGEST],
            by=each.order.by,
        )
        for each in reversed(tuple(done))
        if each.order is not None and each.action in OUTCOMES
    )


def told(before: Status | None, now: Status) -> tuple[Event, ...]:
    """Events of the orders that are new. An abort is told as the end of the trial that it is."""
    known = {(each.action, each.value, each.result) for each in (before.handled if before else ())}
    new = (each for each in now.handled if (each.action, each.value, each.result) not in known)
    return tuple(_event(each) for each in new if (each.action, each.result) != (Action.ABORT, "Done"))


def _event(each: HandledStatus) -> Event:
    action = each.action.capitalize()
    match each.result:
        case "Done":
            return Event(type="Normal", reason="Ordered", action=action, message=f"{each.value}: {each.message}")
        case "Ignored":
            told = f"{each.action} {each.value} was ignored: {each.message}"
            return Event(type="Normal", reason="OrderIgnored", action=action, message=told)
        case "Waiting":
            told = f"{each.action} {each.value} waits: {each.message}"
            return Event(type="Normal", reason="OrderWaits", action=action, message=told)
        case "Unreadable":
            return Event(type="Warning", reason="OrderUnreadable", action=action, message=each.message)


def _weight(situation: Situation, each: Handled) -> str | None:
    rollout = situation.status.rollout if situation.status else None
    known = rollout is not None and each.order is not None and rollout.revision == each.order.revision
    return rollout.weight if rollout is not None and known else None

"""What people have decided about the revision on its way, from annotations and from what status remembers of them.

An order is carried out once: what came of it is remembered with the annotation's value, in the same write of status as
its effect. The same annotation found later, after a crash or by another leader, is the same order and not a new one;
another value is a new one. Orders about other revisions are ignored for good, so none waits for its revision to return.
Only while nobody can tell which revision the spec asks for, an order waits until that is known.

Several that are new at one look count in the order of their times. Without times, or with the same, the order of Action
decides: what takes traffic away comes last, and has the last word.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, assert_never

from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.orders import GRAMMAR, LONGEST, Action, Order, annotation, read_order
from fairlead.api.status import OrderStatus, Status
from fairlead.decision import Handled, Ordered, Orders
from fairlead.situation import Situation

EVER = datetime.min.replace(tzinfo=UTC)
PRECEDENCE = tuple(Action)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The revision that orders can be about now, and which of them make sense; `otherwise` says why others do not.

    `later` says that the others may make sense later, and wait.
    """

    revision: str | None = None
    takes: frozenset[Action] = frozenset()
    otherwise: str
    later: bool = False


@dataclass(frozen=True, kw_only=True)
class _Course:
    """What holds between two orders. `failed` says that the revision is out of the traffic."""

    failed: bool
    start: Ordered | None = None
    promote: Ordered | None = None
    approved: Ordered | None = None
    paused: Ordered | None = None
    abort: Ordered | None = None
    anew: bool = False


def orders(situation: Situation, subject: Subject) -> Orders:
    """What holds now, and what has become of every annotation."""
    course = _so_far(situation, subject)
    if not situation.annotations:
        return _orders(course)
    old, new = _old(situation), []
    for action, value in _annotated(situation):
        if action not in old:
            new.append((action, value, read_order(action, value)))
    fresh = []
    for action, value, order in sorted(new, key=lambda each: _turn(each[0], each[2])):
        if order is None:
            told = f"{annotation(action)} is not understood: it must be {GRAMMAR}"
            fresh.append(Handled(action=action, value=value, since=situation.now, result="Unreadable", message=told))
            continue
        course, refused, message = _next(course, situation, subject, order)
        result: Literal["Done", "Ignored", "Waiting"] = "Done"
        if refused:
            result = "Waiting" if subject.later else "Ignored"
        fresh.append(
            Handled(action=action, value=value, since=situation.now, result=result, message=message, order=order)
        )
    fresh = [_as_it_waits(situation, each) for each in fresh]
    handled = sorted((*old.values(), *fresh), key=lambda each: each.action)
    return replace(_orders(course), handled=tuple(handled), fresh=tuple(fresh))


def _annotated(situation: Situation) -> Iterator[tuple[Action, str]]:
    for action in Action:
        if (value := situation.annotations.get(annotation(action))) is not None:
            yield action, value[:LONGEST]


def _old(situation: Situation) -> dict[Action, Handled]:
    """Orders that were handled before. One that is gone is forgotten: the same value later is a new order."""
    annotated = dict(_annotated(situation))
    remembered = situation.status.handled if situation.status else ()
    return {
        each.action: Handled(
            action=each.action,
            value=each.value,
            since=min(each.time, situation.now),
            result=each.result,
            message=each.message,
            order=read_order(each.action, each.value),
        )
        for each in remembered
        if annotated.get(each.action) == each.value and each.result != "Waiting"
    }


def _as_it_waits(situation: Situation, now: Handled) -> Handled:
    """One that waits on has done so since it was first seen."""
    remembered = situation.status.handled if situation.status else ()
    before = next((each for each in remembered if (each.action, each.value) == (now.action, now.value)), None)
    waits_on = before is not None and before.result == now.result == "Waiting"
    return replace(now, since=min(before.time, situation.now)) if before is not None and waits_on else now


def _so_far(situation: Situation, subject: Subject) -> _Course:
    status = situation.status or Status()
    failed = status.failed is not None and status.failed.revision == subject.revision
    rollout = status.rollout
    if rollout is None or subject.revision is None or rollout.revision != subject.revision or failed:
        return _Course(failed=failed)
    return _Course(
        failed=False,
        start=_held(rollout.start, situation),
        promote=_held(rollout.promote, situation),
        approved=_held(rollout.approved, situation),
        paused=_held(rollout.paused, situation),
    )


def _held(order: OrderStatus | None, situation: Situation) -> Ordered | None:
    return Ordered(since=min(order.since, situation.now), by=order.by) if order else None


def _turn(action: Action, order: Order | None) -> tuple[datetime, int]:
    return (order.at if order and order.at else EVER), PRECEDENCE.index(action)


def _next(course: _Course, situation: Situation, subject: Subject, order: Order) -> tuple[_Course, bool, str]:
    """The course after an order, whether it was refused, and what there is to say."""
    if order.revision != subject.revision:
        return course, True, f"it is about {order.revision}, but {subject.otherwise}"
    if order.action not in subject.takes:
        return course, True, subject.otherwise
    name = order.revision
    if course.failed and order.action != Action.RETRY:
        return course, True, f"{name} is out of the traffic already; retry it first"
    given = Ordered(since=situation.now, by=order.by)
    match order.action:
        case Action.PROMOTE:
            told = f"{name} takes over as soon as it has the pods for all traffic"
            return replace(course, promote=given, paused=None), False, told
        case Action.APPROVE:
            return replace(course, approved=given), False, f"{name} may take over once the evidence is for it"
        case Action.START:
            told = f"{name} is tried, whatever is left of the error budget"
            return replace(course, start=given), False, told
        case Action.PAUSE:
            return replace(course, paused=given), False, f"{name} stays at its weight until it is resumed"
        case Action.RESUME if course.paused is None:
            return course, True, f"no order has paused {name}; spec.rollout.paused is changed in the spec"
        case Action.RESUME:
            return replace(course, paused=None), False, f"{name} goes on"
        case Action.RETRY if not course.failed:
            return course, True, f"{name} has not failed"
        case Action.RETRY:
            return _Course(failed=False, anew=True), False, f"{name} is tried anew"
        case Action.ABORT:
            return _Course(failed=True, abort=given), False, f"{name} is taken out of the traffic"
        case _:
            assert_never(order.action)


def _orders(course: _Course) -> Orders:
    return Orders(
        start=course.start,
        promote=course.promote,
        approved=course.approved,
        paused=course.paused,
        abort=course.abort if course.failed else None,
        anew=course.anew and not course.failed,
    )


def pause(spec: ModelDeploymentSpec, orders: Orders) -> str | None:
    """What holds a canary at its weight, in words; None when nothing does."""
    if spec.rollout.paused:
        return "spec.rollout.paused"
    return f"a pause that {orders.paused.who} ordered" if orders.paused else None

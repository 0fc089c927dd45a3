"""Kubernetes Events: what happened between the status that was written last and the one that is written now."""

from typing import Literal

from fairlead.api.history import TRIAL_ENDED, Outcome
from fairlead.api.reasons import ConditionType, Reason
from fairlead.api.status import Condition, Status
from fairlead.plan import Event
from fairlead.report.orders import told

PASSES_BY_ITSELF = {
    Reason.STARTING,
    Reason.STOPPING,
    Reason.NOT_READY,
    Reason.NOT_AVAILABLE,  # also for a moment after every scaling from zero
    Reason.SERVING,
    Reason.SCALED_TO_ZERO,
    Reason.ON_TRIAL,
    Reason.PROMOTING,
    Reason.PAUSED,
    Reason.ROLLED_BACK,  # that is told as a decision
}
"""Reasons of Ready that are no news. All others need a person, sooner or later."""


def events(before: Status | None, now: Status) -> tuple[Event, ...]:
    """What happened, in the past tense; nothing when nothing did."""
    return (*_takeover(before, now), *_ended(before, now), *told(before, now), *_trouble(before, now))


def _takeover(before: Status | None, now: Status) -> tuple[Event, ...]:
    old, new = before.stable if before else None, now.stable
    if new is None or (old is not None and old.revision == new.revision):
        return ()
    version = f" (version {new.model_version})" if new.model_version else ""
    came_from = f" from {old.revision}" if old else ""
    return (
        Event(
            type="Normal",
            reason="Promoted",
            action="MoveTraffic",
            message=f"Revision {new.revision}{version} took over production traffic{came_from}",
        ),
    )


def _ended(before: Status | None, now: Status) -> tuple[Event, ...]:
    """A trial that ended without a promotion."""
    known = {(each.time, each.revision) for each in (before.history if before else ())}
    return tuple(
        Event(
            type="Warning" if each.outcome == Outcome.ROLLED_BACK else "Normal",
            reason=each.outcome,
            action="MoveTraffic",
            message=f"Revision {each.revision} was taken out of production traffic: {each.message}",
        )
        for each in now.history
        if each.outcome in TRIAL_ENDED and (each.time, each.revision) not in known
    )


def _trouble(before: Status | None, now: Status) -> tuple[Event, ...]:
    """A reason that is there again after another one is told again; apply/ sees to it that this is not too often."""
    ready = _ready(now)
    if ready is None or ready.status == "True" or ready.reason in PASSES_BY_ITSELF:
        return ()
    was = _ready(before) if before else None
    if was is not None and was.reason == ready.reason:
        return ()
    kind: Literal["Normal", "Warning"] = "Normal" if ready.reason == Reason.AWAITING_APPROVAL else "Warning"
    return (Event(type=kind, reason=ready.reason, action="Reconcile", message=ready.message),)


def _ready(status: Status) -> Condition | None:
    return next((found for found in status.conditions if found.type == ConditionType.READY), None)

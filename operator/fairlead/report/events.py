"""Kubernetes Events: what happened between the status that was written last and the one that is written now.

Decisions about canaries are told from their records, once those are written, as the log tells them.
"""

from collections.abc import Iterator
from typing import Literal

from fairlead.api.history import TRIAL_ENDED, Outcome
from fairlead.api.modeluri import shown
from fairlead.api.reasons import ConditionType, Reason
from fairlead.api.status import Condition, Status, untold
from fairlead.plan import Event
from fairlead.report.orders import told

PASSES_BY_ITSELF = {
    Reason.STARTING,
    Reason.RESOLVING,
    Reason.FETCHING,
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
    return (
        *decisions(before),
        *_took_over(before, now),
        *told(before, now),
        *_moved(before, now),
        *_unpinned(before, now),
        *_trouble(before, now),
    )


def decisions(before: Status | None) -> Iterator[Event]:
    """What has been decided about canaries and is not told yet."""
    for each in untold(before):
        if each.outcome == Outcome.PROMOTED:
            yield _promoted(each.revision, each.model_version, each.stable)
        elif each.outcome in TRIAL_ENDED:
            yield Event(
                type="Warning" if each.outcome == Outcome.ROLLED_BACK else "Normal",
                reason=each.outcome,
                action="MoveTraffic",
                message=f"Revision {each.revision} was taken out of production traffic: {each.message}",
            )


def _took_over(before: Status | None, now: Status) -> Iterator[Event]:
    """A takeover that is no decision of which there is a record: of the first revision, or by going back."""
    old, new = before.stable if before else None, now.stable
    if new is None or (old is not None and old.revision == new.revision):
        return
    if not any(each.outcome == Outcome.PROMOTED for each in untold(now)):
        yield _promoted(new.revision, new.model_version, old.revision if old else None)


def _promoted(revision: str, version: str | None, before: str | None) -> Event:
    told = f" (version {version})" if version else ""
    came_from = f" from {before}" if before else ""
    message = f"Revision {revision}{told} took over production traffic{came_from}"
    return Event(type="Normal", reason="Promoted", action="MoveTraffic", message=message)


def _moved(before: Status | None, now: Status) -> Iterator[Event]:
    """A branch, tag, alias or folder that means something else by now."""
    old, new = before.source if before else None, now.source
    if new is None or new.latest is None or (old is not None and old.latest == new.latest):
        return
    goes_on = f"; {new.revision} goes on with {shown(new.resolved)}" if new.resolved else ""
    message = f"{shown(new.uri)} came to mean {shown(new.latest)}{goes_on}"
    yield Event(type="Normal", reason="SourceMoved", action="LookUp", message=message)


def _unpinned(before: Status | None, now: Status) -> Iterator[Event]:
    """A revision whose pods may get different bytes, for nobody could find out what its reference means."""
    old, new = before.source if before else None, now.source
    if new is None or new.unresolved is None or (old is not None and old.revision == new.revision):
        return
    message = f"{shown(new.uri)} was not pinned for {new.revision}: {new.unresolved}"
    yield Event(type="Warning", reason="SourceUnpinned", action="LookUp", message=message)


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

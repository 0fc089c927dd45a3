"""Kubernetes Events: what happened between the status that was written last and the one that is written now."""

from fairlead.api.reasons import ConditionType
from fairlead.api.status import Status
from fairlead.plan import Event


def events(before: Status | None, now: Status) -> tuple[Event, ...]:
    """What happened, in the past tense; nothing when nothing did."""
    return (*_takeover(before, now), *_stalled(before, now))


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


def _stalled(before: Status | None, now: Status) -> tuple[Event, ...]:
    stalled = next((found for found in now.conditions if found.type == ConditionType.STALLED), None)
    if stalled is None:
        return ()
    was = next((found for found in (before.conditions if before else ()) if found.type == ConditionType.STALLED), None)
    if was is not None and was.reason == stalled.reason:
        return ()
    return (Event(type="Warning", reason=stalled.reason, action="Reconcile", message=stalled.message),)

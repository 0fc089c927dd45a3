"""What an autoscaler says of itself when it does not follow the load. The rest of its status changes all the time.

A new autoscaler complains, and so does every one while a metrics-server, a Prometheus or KEDA is started again. So a
complaint is told to people only when it has lasted. Not every autoscaler says since when it complains: since when that
was seen is kept in status.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from fairlead.api.kinds import AUTOSCALERS, HORIZONTAL_POD_AUTOSCALER, SCALED_OBJECT, Kind
from fairlead.situation import Situation

SETTLING = timedelta(minutes=2)
"""How long a complaint must last. The first scrapes, the first values, and the first decision of an autoscaler take
about a minute, and so does it to start what measures anew."""
LATE = timedelta(seconds=30)
"""How much later than planned the look may come that finds a new autoscaler still complaining."""

_TELLING: Mapping[Kind, Mapping[str, str]] = {
    HORIZONTAL_POD_AUTOSCALER: {"AbleToScale": "False", "ScalingActive": "False"},
    SCALED_OBJECT: {"Ready": "False", "Paused": "True", "Fallback": "True", "HPAActive": "False"},
}
"""Conditions that say so, and with which status."""
_WITHOUT_PODS = "ScalingDisabled"
"""Reason of a HorizontalPodAutoscaler whose Deployment has no pods: nothing is wrong with it."""
_SEEN = {"type": "Ready", "status": "True"}
_UNSEEN = {
    "type": "Ready",
    "status": "Unknown",
    "reason": "NotSeen",
    "message": "KEDA has not looked at it; does it run, and watch this namespace?",
}
_KEPT = ("type", "status", "reason", "message")


def complaints(situation: Situation, revision: str) -> Iterator[tuple[Kind, Mapping[str, Any]]]:
    """What the live autoscalers of a revision say is wrong, each with the kind of who says so."""
    for kind in AUTOSCALERS:
        live = situation.child(kind, revision)
        if live is not None:
            yield from ((kind, each) for each in troubles(kind, live))


def failing_since(situation: Situation, revision: str) -> datetime | None:
    """Since when the autoscaler of what serves complains, whatever about; None while it does not.

    One that complains at first has done so from its beginning, so that nothing has to be remembered of it.
    """
    if next(complaints(situation, revision), None) is None:
        return None
    before = situation.status.scaling if situation.status else None
    known = before.failing_since if before is not None and before.revision == revision else None
    return min(known or _young_since(situation, revision) or situation.now, situation.now)


def settles(situation: Situation, revision: str) -> timedelta | None:
    """How long what it complains about must still last before it is told; None where there is nothing to wait for."""
    since = failing_since(situation, revision)
    left = since + SETTLING - situation.now if since else timedelta(0)
    return left if left > timedelta(0) else None


def remembered_since(situation: Situation, revision: str) -> datetime | None:
    """What status has to remember of that: nothing of one that complains at first, as every one does."""
    young = _young_since(situation, revision) is not None and settles(situation, revision) is not None
    return None if young else failing_since(situation, revision)


def _young_since(situation: Situation, revision: str) -> datetime | None:
    """When what serves took over, or its autoscaler was made; None once that is long ago."""
    stable = situation.status.stable if situation.status else None
    began = [stable.since] if stable is not None and stable.revision == revision and stable.since else []
    made = [live["metadata"].get("creationTimestamp") for live in situation.autoscalers(revision)]
    latest = max((*began, *(datetime.fromisoformat(each) for each in made if each)), default=None)
    return latest if latest is not None and situation.now - latest < SETTLING + LATE else None


def kept(kind: Kind, autoscaler: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The conditions that say what is wrong, or that KEDA has looked: those that do not change all the time."""
    found = (autoscaler.get("status") or {}).get("conditions") or ()
    seen = [dict(_SEEN) for each in found if kind == SCALED_OBJECT and _is_seen(each)]
    return [*seen, *(each for each in troubles(kind, autoscaler) if each != _UNSEEN)]


def troubles(kind: Kind, autoscaler: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """The conditions of an autoscaler that say what is wrong, without their times."""
    telling = _TELLING.get(kind, {})
    found = (autoscaler.get("status") or {}).get("conditions") or ()
    told = tuple(
        {name: each[name] for name in _KEPT if name in each}
        for each in found
        if telling.get(each.get("type", "")) == each.get("status", "") and each.get("reason") != _WITHOUT_PODS
    )
    if told or kind != SCALED_OBJECT or any(map(_is_seen, found)):
        return told
    return (dict(_UNSEEN),)


def _is_seen(condition: Mapping[str, Any]) -> bool:
    return all(condition.get(name) == value for name, value in _SEEN.items())

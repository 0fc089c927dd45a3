"""What an autoscaler says of itself when it does not follow the load. The rest of its status changes all the time."""

from collections.abc import Mapping
from typing import Any

from fairlead.api.kinds import HORIZONTAL_POD_AUTOSCALER, SCALED_OBJECT, Kind

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

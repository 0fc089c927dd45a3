"""What a HorizontalPodAutoscaler says of a change of the number of pods that it has made, and why.

It says so in one status, which holds until it decides again (15 seconds), and nowhere else but in an Event: there is
AbleToScale with the reason SucceededRescale, currentMetrics are those that it has decided by, and ScalingActive names
the one that asked for most. Where a bound has decided there are none (kubernetes/pkg/controller/podautoscaler,
`reconcileAutoscaler`). KEDA's HorizontalPodAutoscaler has the labels of its ScaledObject, and calls the metric of a
trigger `s0-prometheus`, with the number of the trigger (keda/pkg/scalers, `GenerateMetricNameWithIndex`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from fairlead.api.kinds import HORIZONTAL_POD_AUTOSCALER, SCALED_OBJECT, Kind
from fairlead.api.quantity import quantity_value
from fairlead.metadata import is_part_of
from fairlead.situation import Manifest, Measured, Rescale

_TELLING = {"AbleToScale": "SucceededRescale", "ScalingActive": "ValidMetricFound"}
_KEPT = ("currentReplicas", "desiredReplicas", "lastScaleTime", "currentMetrics")
_DECIDED = re.compile(r" from (?:external metric (?P<external>[^(]+)\(|(?P<resource>cpu|memory) resource utilization)")
_RESOURCES = {"cpu": "cpuUtilization", "memory": "memoryUtilization"}
_TRIGGER = re.compile(r"s([0-9]+)-")


def as_it_scaled(autoscaler: Mapping[str, Any]) -> dict[str, Any]:
    """That part of the status of a HorizontalPodAutoscaler, while it tells of a change; empty at other times."""
    status = autoscaler.get("status") or {}
    said = [
        {name: each[name] for name in ("type", "status", "reason", "message") if name in each}
        for each in status.get("conditions") or ()
        if _TELLING.get(each.get("type", "")) == each.get("reason")
    ]
    if not any(each["type"] == "AbleToScale" for each in said) or not status.get("lastScaleTime"):
        return {}
    return {**{name: status[name] for name in _KEPT if name in status}, "conditions": said}


def rescales(autoscalers: Iterable[Manifest], children: Mapping[tuple[Kind, str], Manifest]) -> Iterator[Rescale]:
    """What those HorizontalPodAutoscalers say that are a model's own, or KEDA's for one of its ScaledObjects."""
    scaled_objects = [live for (kind, _), live in children.items() if kind == SCALED_OBJECT]
    for each in autoscalers:
        made_for = next((live for live in scaled_objects if is_part_of(each, live["metadata"]["uid"])), None)
        ours = made_for is not None or (HORIZONTAL_POD_AUTOSCALER, each["metadata"]["name"]) in children
        told = as_it_scaled(each) if ours else {}
        if told:
            yield _rescale(each["spec"], told, made_for)


def _rescale(spec: Mapping[str, Any], told: Mapping[str, Any], made_for: Manifest | None) -> Rescale:
    return Rescale(
        revision=str(spec["scaleTargetRef"]["name"]),
        time=datetime.fromisoformat(told["lastScaleTime"]),
        before=int(told.get("currentReplicas") or 0),
        after=int(told.get("desiredReplicas") or 0),
        least=int(spec.get("minReplicas") or 1),
        most=int(spec["maxReplicas"]),
        measured=_measured(spec, told, made_for),
    )


def _measured(spec: Mapping[str, Any], told: Mapping[str, Any], made_for: Manifest | None) -> Measured | None:
    values = dict(_values(told.get("currentMetrics") or (), "current"))
    name = _decided(told, tuple(values))
    targets = dict(_values(spec.get("metrics") or (), "target"))
    known = _target_named(name, made_for) if name else None
    if name is None or known is None or name not in values or name not in targets:
        return None
    return Measured(target=known, was=values[name], held=targets[name])


def _decided(told: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """The metric that asked for most pods, as far as that is said; a bound asks none."""
    if len(names) == 1:
        return names[0]
    message = next((each.get("message", "") for each in told["conditions"] if each["type"] == "ScalingActive"), "")
    found = _DECIDED.search(message)
    return (found["external"] or found["resource"]) if found and names else None


def _target_named(name: str, made_for: Manifest | None) -> str | None:
    """The field of autoscaling.target that the user has set: KEDA's triggers are named by it."""
    if name in _RESOURCES:
        return _RESOURCES[name]
    number = _TRIGGER.match(name)
    triggers = made_for["spec"]["triggers"] if made_for else ()
    if number is None or int(number[1]) >= len(triggers):
        return None
    named = triggers[int(number[1])].get("name")
    return str(named) if named else None


def _values(metrics: Iterable[Mapping[str, Any]], which: str) -> Iterator[tuple[str, Decimal]]:
    """(name, number) of each metric: percent of the request, or how much each pod has on average."""
    for each in metrics:
        part = each.get("resource") or each.get("external") or {}
        found = part.get(which) or {}
        number = found.get("averageUtilization", found.get("averageValue"))
        name = part.get("name") or (part.get("metric") or {}).get("name")
        try:
            yield str(name), quantity_value(number)
        except ValueError:  # there is none, or it is below zero: a query may give anything
            continue

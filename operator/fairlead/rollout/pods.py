"""What the pods of a canary tell without statistics: what does not run is bad, and what has no room is not."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from fairlead.api import names
from fairlead.api.reasons import Reason
from fairlead.decision import Wait
from fairlead.situation import Manifest, Situation
from fairlead.sources.fetched import LASTING, fetches, resources_of

LONGEST = 500  # characters of what the program that fetches says
RESTARTS = 3
"""So often one container has to end before it counts: a server may well wait for something by ending once or twice."""


def crash_looping(situation: Situation, canary: str, since: datetime) -> Wait | None:
    """The server of a canary has ended again and again since then, or once for want of memory; or it has no model."""
    for pod, container in _servers(situation, canary):
        name, restarts = container.get("name"), int(container.get("restartCount") or 0)
        ended = _ended(container)
        if not ended or _time(ended.get("finishedAt"), since) < since:
            continue  # what happened before it was wanted is no verdict on it now
        if ended.get("reason") == "OOMKilled":
            limit = f"{resources_of(str(name))}.limits.memory"
            told = f"{name} of {canary} was killed: it used more memory than {limit} allows"
            return Wait(reason=Reason.CONTAINER_FAILING, message=f"container {told}")
        waiting = ((container.get("state") or {}).get("waiting") or {}).get("reason")
        young = _time(pod["metadata"].get("creationTimestamp"), since) >= since
        if name == names.FETCH and restarts and ended.get("exitCode") == LASTING:
            words = " ".join(str(ended.get("message") or "").split())[:LONGEST]
            told = f"the model of {canary} cannot be fetched: {words}"
            return Wait(reason=Reason.MODEL_UNAVAILABLE, message=told)
        if name == names.FETCH:
            continue  # a source that does not answer is not the canary's fault
        if restarts >= RESTARTS and (young or waiting == "CrashLoopBackOff"):
            code = f", with exit code {ended['exitCode']}" if "exitCode" in ended else ""
            told = f"{name} of {canary} ends over and over{code}"
            return Wait(reason=Reason.CONTAINER_FAILING, message=f"container {told}")
    return None


def waits_for_room(situation: Situation, canary: str) -> bool:
    """Whether pods of the canary cannot be created or placed: quota, accelerators, nodes."""
    status = (situation.deployment(canary) or {}).get("status") or {}
    refused = any(
        condition.get("type") == "ReplicaFailure" and condition.get("status") == "True"
        for condition in status.get("conditions") or ()
    )
    return refused or any(_unschedulable(pod) for pod in situation.pods_of(canary))


def not_to_be_hurried(situation: Situation, canary: str) -> bool:
    """Whether it waits for room, or fetches its model: a deadline is about what it does once it could."""
    return waits_for_room(situation, canary) or fetches(situation, canary)


def _unschedulable(pod: Manifest) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each.get("type") == "PodScheduled" and each.get("reason") == "Unschedulable" for each in conditions)


def _servers(situation: Situation, canary: str) -> Iterator[tuple[Manifest, Manifest]]:
    """The containers of each pod that are the model's, with the pod."""
    for pod in situation.pods_of(canary):
        if not pod["metadata"].get("deletionTimestamp"):
            found = pod.get("status") or {}
            for status in (*(found.get("initContainerStatuses") or ()), *(found.get("containerStatuses") or ())):
                if status.get("name") in (names.CONTAINER, names.FETCH):
                    yield pod, status


def _time(text: object, otherwise: datetime) -> datetime:
    return datetime.fromisoformat(text) if isinstance(text, str) else otherwise


def _ended(container: Manifest) -> dict[str, Any]:
    for when in ("state", "lastState"):
        found = (container.get(when) or {}).get("terminated")
        if isinstance(found, dict):
            return found
    return {}

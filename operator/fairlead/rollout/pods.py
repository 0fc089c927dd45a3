"""What the pods of a canary tell without statistics: what does not run is bad, and what has no room is not."""

from collections.abc import Iterator
from typing import Any

from fairlead.api.reasons import Reason
from fairlead.plan import Wait
from fairlead.situation import Manifest, Situation

RESTARTS = 3
"""So often one container has to end before it counts: a server may well wait for something by ending once or twice."""


def crash_looping(situation: Situation, canary: str) -> Wait | None:
    """A container of the canary ends again and again, or once for want of memory."""
    for container in _containers(situation, canary):
        name, restarts = container.get("name"), int(container.get("restartCount") or 0)
        ended = _ended(container)
        if ended.get("reason") == "OOMKilled":
            message = (
                f"container {name} of {canary} was killed: it used more memory than resources.limits.memory allows"
            )
            return Wait(reason=Reason.CONTAINER_FAILING, message=message)
        if restarts >= RESTARTS:
            code = f", with exit code {ended['exitCode']}" if "exitCode" in ended else ""
            return Wait(
                reason=Reason.CONTAINER_FAILING, message=f"container {name} of {canary} ends over and over{code}"
            )
    return None


def waits_for_room(situation: Situation, canary: str) -> bool:
    """Whether pods of the canary cannot be created or placed: quota, accelerators, nodes."""
    status = (situation.deployment(canary) or {}).get("status") or {}
    refused = any(
        condition.get("type") == "ReplicaFailure" and condition.get("status") == "True"
        for condition in status.get("conditions") or ()
    )
    return refused or any(_unschedulable(pod) for pod in situation.pods_of(canary))


def _unschedulable(pod: Manifest) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each.get("type") == "PodScheduled" and each.get("reason") == "Unschedulable" for each in conditions)


def _containers(situation: Situation, canary: str) -> Iterator[Manifest]:
    for pod in situation.pods_of(canary):
        if not pod["metadata"].get("deletionTimestamp"):
            yield from (pod.get("status") or {}).get("containerStatuses") or ()


def _ended(container: Manifest) -> dict[str, Any]:
    for when in ("state", "lastState"):
        found = (container.get(when) or {}).get("terminated")
        if isinstance(found, dict):
            return found
    return {}

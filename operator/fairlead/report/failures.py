"""Why the pods of a revision do not serve, in words that a person can act on.

Each check is named after the trouble that it returns. Their messages leave out what changes while nothing changes
(names of pods, ages, counts of restarts), so that a status that says the same is the same.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fairlead.api.reasons import Reason
from fairlead.situation import Manifest

LONGEST_QUOTE = 500  # characters


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What is wrong with a revision's pods."""

    reason: Reason
    message: str


def pods_refused(deployment: Manifest, pods: tuple[Manifest, ...]) -> Trouble | None:
    """The API server refuses to create pods: quota, Pod Security, an admission webhook."""
    for condition in (deployment.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            # The message begins with the name of a pod, another one at every attempt.
            told = re.sub(r'^pods "[^"]*" is forbidden: ', "", str(condition.get("message") or ""))
            return Trouble(reason=Reason.PODS_REFUSED, message=f"no pod may be created: {_quote(told)}")
    return None


def container_failing(deployment: Manifest, pods: tuple[Manifest, ...]) -> Trouble | None:
    """A container ended with an error, or cannot be created."""
    for container in _containers(pods):
        name, waiting = container.get("name"), _state(container, "state", "waiting")
        if waiting.get("reason") in {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}:
            told = _quote(str(waiting.get("message") or waiting["reason"]))
            return Trouble(reason=Reason.CONTAINER_FAILING, message=f"container {name} cannot start: {told}")
        ended = _state(container, "state", "terminated") or _state(container, "lastState", "terminated")
        if ended and not container.get("ready"):
            return Trouble(reason=Reason.CONTAINER_FAILING, message=_ended(str(name), ended))
    return None


def image_unavailable(deployment: Manifest, pods: tuple[Manifest, ...]) -> Trouble | None:
    """An image cannot be pulled."""
    for container in _containers(pods):
        waiting = _state(container, "state", "waiting")
        if waiting.get("reason") in {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}:
            # The kubelet alternates between the error and "Back-off pulling image …: <the error>": keep the error.
            told = re.sub(
                r'^Back-off pulling image "[^"]*":? ?(ErrImagePull: )?', "", str(waiting.get("message") or "")
            )
            detail = f": {_quote(told)}" if told else ""
            message = f"image {container.get('image')} cannot be pulled{detail}"
            return Trouble(reason=Reason.IMAGE_UNAVAILABLE, message=message)
    return None


def unschedulable(deployment: Manifest, pods: tuple[Manifest, ...]) -> Trouble | None:
    """The scheduler finds no node for a pod."""
    for pod in pods:
        for condition in (pod.get("status") or {}).get("conditions") or ():
            if condition.get("type") == "PodScheduled" and condition.get("reason") == "Unschedulable":
                told = _quote(str(condition.get("message") or ""))
                missing = re.search(r"Insufficient ([^\s,.]+(?:\.[^\s,.]+)*)", told)
                wanted = _requested(pod, missing[1]) if missing else None
                waits = f"waiting for {wanted} {missing[1]}: " if missing and wanted else "no node for a pod: "
                return Trouble(reason=Reason.UNSCHEDULABLE, message=waits + told)
    return None


def not_ready(deployment: Manifest, pods: tuple[Manifest, ...]) -> Trouble | None:
    """A server runs, but does not answer its readiness probe."""
    for container in _containers(pods):
        if "running" in (container.get("state") or {}) and not container.get("ready"):
            started = container.get("started")
            does = "runs, but is not ready" if started else "runs, and loads its model or does not answer yet"
            return Trouble(reason=Reason.NOT_READY, message=f"container {container.get('name')} {does}")
    return None


Check = Callable[[Manifest, tuple[Manifest, ...]], Trouble | None]

TROUBLES: tuple[Check, ...] = (pods_refused, container_failing, image_unavailable, unschedulable, not_ready)
"""What needs a person comes before what may pass by itself."""


def first_trouble(deployment: Manifest | None, pods: tuple[Manifest, ...]) -> Trouble | None:
    """The first thing that is wrong with the pods of a revision, or None."""
    living = tuple(pod for pod in pods if not pod["metadata"].get("deletionTimestamp"))
    return next((trouble for check in TROUBLES if (trouble := check(deployment or {}, living)) is not None), None)


def _containers(pods: tuple[Manifest, ...]) -> Iterator[Manifest]:
    for pod in pods:
        status = pod.get("status") or {}
        yield from status.get("initContainerStatuses") or ()
        yield from status.get("containerStatuses") or ()


def _state(container: Manifest, when: str, state: str) -> Manifest:
    found = (container.get(when) or {}).get(state)
    return found if isinstance(found, dict) else {}


def _ended(name: str, ended: Manifest) -> str:
    if ended.get("reason") == "OOMKilled":
        return f"container {name} was killed: it used more memory than resources.limits.memory allows (OOMKilled)"
    lines = [line for line in str(ended.get("message") or "").splitlines() if line.strip()]
    last = f"; its last line was: {_quote(lines[-1].strip())}" if lines else ""
    killed = " (killed: its startup or liveness probe failed, or the node was short of memory)"
    how = killed if ended.get("exitCode") == 137 else ""
    return f"container {name} ended with exit code {ended.get('exitCode')}{how}{last}"


def _requested(pod: Manifest, resource: str) -> str | None:
    """How much of a resource the pod's server asks for."""
    for container in (pod.get("spec") or {}).get("containers") or ():
        resources = container.get("resources") or {}
        for part in ("requests", "limits"):
            if resource in (resources.get(part) or {}):
                return str(resources[part][resource])
    return None


def _quote(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…"

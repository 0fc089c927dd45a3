"""Why the pods of a revision do not serve, in words that a person can act on.

Each check is named after the trouble that it returns. Their messages leave out what changes while nothing changes
(names of pods, ages, counts of restarts), so that a status that says the same is the same.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fairlead.api import names
from fairlead.api.reasons import Reason
from fairlead.report.images import pulled, volumes_of
from fairlead.situation import Hanging, Manifest, Progress
from fairlead.sources.fetched import fetch_status, resources_of, so_far

LONGEST_QUOTE = 500  # characters


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What is wrong with a revision's pods."""

    reason: Reason
    message: str


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A revision's Deployment, its pods that do not end, and what is known where they hang."""

    deployment: Manifest
    pods: tuple[Manifest, ...]
    hanging: Hanging | None = None
    progress: Progress | None = None


def pods_refused(seen: Seen) -> Trouble | None:
    """The API server refuses to create pods: quota, Pod Security, an admission webhook."""
    for condition in (seen.deployment.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            # The message begins with the name of a pod, another one at every attempt.
            told = re.sub(r'^pods "[^"]*" is forbidden: ', "", str(condition.get("message") or ""))
            return Trouble(reason=Reason.PODS_REFUSED, message=f"no pod may be created: {quoted(told)}")
    return None


def model_unavailable(seen: Seen) -> Trouble | None:
    """The model cannot be fetched. What fetches it says why, in a sentence of its own."""
    for pod in seen.pods:
        container = fetch_status(pod)
        ended = _state(container, "state", "terminated") or _state(container, "lastState", "terminated")
        if ended.get("exitCode") and "running" not in (container.get("state") or {}):
            words = " ".join(str(ended.get("message") or "").split())
            told = quoted(words) if words else _ended(names.FETCH, ended)
            return Trouble(reason=Reason.MODEL_UNAVAILABLE, message=f"the model cannot be fetched: {told}")
    return None


def model_on_its_way(seen: Seen) -> Trouble | None:
    """The model is being fetched."""
    if any("running" in (fetch_status(pod).get("state") or {}) for pod in seen.pods):
        return Trouble(reason=Reason.FETCHING, message=f"its model is being fetched{so_far(seen.progress)}")
    return None


def container_failing(seen: Seen) -> Trouble | None:
    """A container ended with an error, or cannot be created."""
    for container in _containers(seen.pods):
        name, waiting = container.get("name"), _state(container, "state", "waiting")
        if waiting.get("reason") in {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}:
            told = quoted(str(waiting.get("message") or waiting["reason"]))
            return Trouble(reason=Reason.CONTAINER_FAILING, message=f"container {name} cannot start: {told}")
        if name == names.FETCH:
            continue  # told by model_unavailable
        ended = _state(container, "state", "terminated") or _state(container, "lastState", "terminated")
        if ended and not container.get("ready"):
            return Trouble(reason=Reason.CONTAINER_FAILING, message=_ended(str(name), ended))
    return None


def image_unavailable(seen: Seen) -> Trouble | None:
    """An image cannot be pulled."""
    for pod, container in _containers_with_pods(seen.pods):
        waiting = _state(container, "state", "waiting")
        if waiting.get("reason") in {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}:
            # The kubelet alternates between the error and "Back-off pulling image …: <the error>": keep the error.
            words = str(waiting.get("message") or "")
            told = re.sub(r'^Back-off pulling image "[^"]*":? ?(ErrImagePull: )?', "", words)
            detail = f": {quoted(told)}" if told else ""
            message = f"{pulled(pod, container, words)} cannot be pulled{detail}"
            return Trouble(reason=Reason.IMAGE_UNAVAILABLE, message=message)
    return None


def unschedulable(seen: Seen) -> Trouble | None:
    """The scheduler finds no node for a pod."""
    for pod in seen.pods:
        for condition in (pod.get("status") or {}).get("conditions") or ():
            if condition.get("type") == "PodScheduled" and condition.get("reason") == "Unschedulable":
                told = quoted(_schedulers(str(condition.get("message") or "")))
                if claim := re.search(r'persistentvolumeclaim "([^"]+)" not found', told):
                    return Trouble(reason=Reason.UNSCHEDULABLE, message=_claim_missing(pod, claim[1]))
                missing = re.search(r"Insufficient ([^\s,.]+(?:\.[^\s,.]+)*)", told)
                wanted = _requested(pod, missing[1]) if missing else None
                waits = f"waiting for {wanted} {missing[1]}: " if missing and wanted else "no node for a pod: "
                return Trouble(reason=Reason.UNSCHEDULABLE, message=waits + told)
    return None


def pods_hang(seen: Seen) -> Trouble | None:
    """A pod does not get beyond ContainerCreating: a volume that cannot be mounted, an image that takes long."""
    if seen.hanging is None or not seen.pods:
        return None
    told = quoted(seen.hanging.note)
    if seen.hanging.warning:
        return Trouble(reason=Reason.CONTAINER_FAILING, message=f"its pods cannot start: {told}")
    if told:
        return Trouble(reason=Reason.STARTING, message=f"its pods wait in ContainerCreating: {told}")
    *others, last = sorted(volume["name"] for volume in volumes_of(seen.pods[0])) or ("",)
    listed = f"{', '.join(others)} and {last}" if others else last
    volumes = f", for volume{'s' if others else ''} {listed}" if listed else ""
    selector = f"{names.MODEL}={names.model_of(seen.pods[0]['metadata'])}"
    message = f"its pods wait in ContainerCreating{volumes}: kubectl describe pods -l {selector}"
    return Trouble(reason=Reason.STARTING, message=message)


def not_ready(seen: Seen) -> Trouble | None:
    """A server runs, but does not answer its startup or readiness probe."""
    for pod, container in _containers_with_pods(seen.pods):
        if container.get("name") == names.FETCH:
            continue
        if "running" in (container.get("state") or {}) and not container.get("ready"):
            started = container.get("started")
            does = "runs, but is not ready" if started else "runs, and loads its model or does not answer yet"
            asked = _probe(pod, str(container.get("name")), "readiness" if started else "startup")
            return Trouble(reason=Reason.NOT_READY, message=f"container {container.get('name')} {does}{asked}")
    return None


Check = Callable[[Seen], Trouble | None]

TROUBLES: tuple[Check, ...] = (
    pods_refused,
    model_unavailable,
    container_failing,
    image_unavailable,
    unschedulable,
    pods_hang,
    model_on_its_way,
    not_ready,
)
"""What needs a person comes before what may pass by itself."""


def first_trouble(
    deployment: Manifest | None,
    pods: tuple[Manifest, ...],
    hanging: Hanging | None = None,
    progress: Progress | None = None,
) -> Trouble | None:
    """The first thing that is wrong with the pods of a revision, or None."""
    living = tuple(pod for pod in pods if not pod["metadata"].get("deletionTimestamp"))
    seen = Seen(deployment=deployment or {}, pods=living, hanging=hanging, progress=progress)
    return next((trouble for check in TROUBLES if (trouble := check(seen)) is not None), None)


def _containers(pods: tuple[Manifest, ...]) -> Iterator[Manifest]:
    return (container for _, container in _containers_with_pods(pods))


def _containers_with_pods(pods: tuple[Manifest, ...]) -> Iterator[tuple[Manifest, Manifest]]:
    for pod in pods:
        status = pod.get("status") or {}
        for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
            yield pod, container


def _state(container: Manifest, when: str, state: str) -> Manifest:
    found = (container.get(when) or {}).get(state)
    return found if isinstance(found, dict) else {}


def _schedulers(words: str) -> str:
    """The scheduler's words without what it says about preemption: the same once more, or nothing."""
    words = re.sub(r"[.,]? preemption: (0/[0-9]+ nodes are available: .*|not found\.?)$", "", words)
    return re.sub(r"(?<=[.]) not found\.?$", "", words).rstrip(". ")


def _claim_missing(pod: Manifest, claim: str) -> str:
    claimed = [
        volume["name"]
        for volume in volumes_of(pod)
        if (volume.get("persistentVolumeClaim") or {}).get("claimName") == claim
    ]
    field = "model.uri" if names.VOLUME in claimed else "pod.volumes"
    return f"the PersistentVolumeClaim {claim} does not exist in this namespace; create it, or correct {field}"


def _probe(pod: Manifest, container: str, kind: str) -> str:
    """What the kubelet asks the server, for a port or a path that is wrong."""
    if container != names.CONTAINER:
        return ""  # somebody else's, from an admission webhook
    containers = (pod.get("spec") or {}).get("containers") or ()
    server: Manifest = next((each for each in containers if each.get("name") == container), {})
    ports = {each.get("name"): each.get("containerPort") for each in server.get("ports") or ()}
    probe = server.get(f"{kind}Probe") or {}
    if asked := probe.get("httpGet"):
        port = ports.get(asked.get("port"), asked.get("port"))
        return f": GET {asked.get('path')} on port {port} (probes.{kind}) is not answered with 2xx or 3xx"
    if asked := probe.get("tcpSocket"):
        return f": port {ports.get(asked.get('port'), asked.get('port'))} is not open"
    return ""


def _ended(name: str, ended: Manifest) -> str:
    if ended.get("reason") == "OOMKilled":
        limit = f"{resources_of(name)}.limits.memory"
        return f"container {name} was killed: it used more memory than {limit} allows (OOMKilled)"
    lines = [line for line in str(ended.get("message") or "").splitlines() if line.strip()]
    last = f"; its last line was: {quoted(lines[-1].strip())}" if lines else ""
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


def quoted(text: str) -> str:
    """What others have written, for a sentence: on one line, and not too long."""
    # What a container writes may be meant for the terminal on which it is read: colours, links, the clipboard.
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…"

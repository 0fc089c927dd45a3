"""Pods → the servers that run in them: whose counters are whose."""

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from fairlead.api import names
from fairlead.observe.asking import Pod
from fairlead.situation import revision_of


class Process(NamedTuple):
    """The server in a pod: the name of its process, and when it started.

    It `has_served` when its pod is ready, or was since it started. Before that it may not listen yet, and there is
    nothing to be known of it.
    """

    pod: Pod
    revision: str
    id: str
    since: datetime
    has_served: bool


def processes(pods: tuple[Pod, ...]) -> dict[str, Process]:
    """By pod, the servers that run and are not about to end. Whoever is not yet known to run counts for nobody.

    Ready or not: a server that has just failed is not ready, and what it counted is what it must be judged by.
    """
    found = {pod["metadata"]["name"]: _process(pod) for pod in pods}
    return {name: process for name, process in found.items() if process is not None}


def running(pods: tuple[Pod, ...], revisions: Collection[str]) -> frozenset[str]:
    """The processes of all pods of these revisions, whatever state they are in."""
    containers = (_server_of(pod).get("containerID") for pod in pods if revision_of(pod) in revisions)
    return frozenset(process_name(str(container)) for container in containers if container)


def process_name(container: str) -> str:
    """A short name for a container's id, which has 64 digits: hundreds of them are kept in the status of a model."""
    return hashlib.sha256(container.encode()).hexdigest()[:12]


def _process(pod: Pod) -> Process | None:
    server = _server_of(pod)
    container, running = server.get("containerID"), ((server.get("state") or {}).get("running") or {}).get("startedAt")
    revision, address = revision_of(pod), (pod.get("status") or {}).get("podIP")
    if not (container and running and revision and address) or pod["metadata"].get("deletionTimestamp"):
        return None
    since = datetime.fromisoformat(running)
    return Process(pod, revision, process_name(str(container)), since, _has_served(pod, since))


def _has_served(pod: Pod, since: datetime) -> bool:
    """Whether a pod is ready, or was after its server started: then it has become unready later than that."""
    conditions = pod["status"].get("conditions") or ()
    ready: Mapping[str, Any] = next((each for each in conditions if each.get("type") == "Ready"), {})
    changed = ready.get("lastTransitionTime")
    return ready.get("status") == "True" or (changed is not None and datetime.fromisoformat(changed) > since)


def _server_of(pod: Pod) -> Mapping[str, Any]:
    """The status of a pod's server container; empty before it has one."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return next((each for each in statuses if each.get("name") == names.CONTAINER), {})

"""What the Job that looks up a reference has to say: by the pods that it has made, and where it has none, by itself."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from fairlead.api.modeluri import is_floating, scheme_of
from fairlead.api.names import FETCH
from fairlead.metadata import is_part_of
from fairlead.situation import Manifest, Situation
from fairlead.sources.fetched import LASTING

LATE = timedelta(minutes=1)
"""After the end of a Job, what its pods have left may still be on its way; not longer."""
LONGEST = 1000  # characters of what the program says


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a reference means: the URI that means it for ever, and how much that is."""

    uri: str
    files: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a Job says. `found` is what it has found; else `failed` says why it has not, once nothing more is to come.

    `ended` is when the Job itself ended, None while it goes on. `waits` is what holds it up.
    """

    found: Found | None = None
    failed: str = ""
    ended: datetime | None = None
    waits: str = ""
    look_again: timedelta | None = None


def answer_of(situation: Situation, job: Manifest | None, uri: str) -> Answer:
    """The answer of a live Job about this URI; only pods that it has made itself are believed."""
    if job is None:
        return Answer()
    pods = [pod for pod in situation.lookups if is_part_of(pod, job["metadata"]["uid"])]
    found = next((found for pod in pods if (found := _found(pod, uri)) is not None), None)
    if found is not None:
        return Answer(found=found)
    ended, good = _ended(job)
    if ended is None:
        return Answer(failed=_words(pods) if _in_vain(pods) else "", waits=_waits_for(pods))
    heard = any(_exit_code(pod) == 0 for pod in pods) if good else any(_exit_code(pod) is not None for pod in pods)
    left = ended + LATE - situation.now
    if not heard and left > timedelta(0):
        return Answer(look_again=left)
    return Answer(failed=_words(pods) or _own_words(job, pods), ended=ended)


def _found(pod: Manifest, uri: str) -> Found | None:
    """What the program has found; None when it has not ended well, or nobody can read what it says."""
    if _exit_code(pod) != 0:
        return None
    try:
        told = json.loads(str(_terminated(pod).get("message") or "").strip().splitlines()[-1])
        found = Found(uri=str(told["uri"]), files=int(told["files"]), bytes=int(told["bytes"]))
    except (ValueError, KeyError, TypeError, IndexError):
        return None
    return found if scheme_of(found.uri) == scheme_of(uri) and not is_floating(found.uri) else None


def _in_vain(pods: list[Manifest]) -> Manifest | None:
    """A pod whose program says that trying again would not help."""
    return next((pod for pod in pods if _exit_code(pod) == LASTING), None)


def _words(pods: list[Manifest]) -> str:
    """The program's own sentence."""
    pod = _in_vain(pods) or next((pod for pod in reversed(pods) if _terminated(pod)), None)
    return " ".join(str(_terminated(pod).get("message") or "").split())[:LONGEST] if pod is not None else ""


def _own_words(job: Manifest, pods: list[Manifest]) -> str:
    conditions = (job.get("status") or {}).get("conditions") or ()
    said: Manifest = next((each for each in conditions if each.get("type") == "Failed"), {})
    told = _waits_for(pods) or said.get("message") or said.get("reason") or "its pod has left no word"
    name = job["metadata"]["name"]
    return f"what the reference is now cannot be looked up: {told} (kubectl describe job {name})"[:LONGEST]


def _terminated(pod: Manifest) -> Manifest:
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        if status.get("name") == FETCH:
            return (status.get("state") or {}).get("terminated") or {}
    return {}


def _exit_code(pod: Manifest) -> int | None:
    code = _terminated(pod).get("exitCode")
    return code if isinstance(code, int) else None


def _ended(job: Manifest) -> tuple[datetime | None, bool]:
    """When a Job ended, and whether well."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition.get("type") in ("Failed", "Complete") and condition.get("status") == "True":
            return datetime.fromisoformat(condition["lastTransitionTime"]), condition["type"] == "Complete"
    return None, False


def _waits_for(pods: list[Manifest]) -> str:
    """Why the program does not run, as far as that is told by its pod."""
    for pod in reversed(pods):
        if note := pod.get("note"):
            return " ".join(str(note).split())[:LONGEST]
        status = pod.get("status") or {}
        for container in status.get("containerStatuses") or ():
            waiting = (container.get("state") or {}).get("waiting") or {}
            if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
                return " ".join(str(waiting.get("message") or waiting["reason"]).split())[:LONGEST]
        for condition in status.get("conditions") or ():
            if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
                return " ".join(str(condition.get("message") or "no node for its pod").split())[:LONGEST]
    return ""

"""What a floating reference meant when a revision was made, and what it means by now.

The first time nothing is made before the answer is there: a revision holds what was found, so that whichever pod starts
later gets the same bytes. Afterwards it is looked up again from time to time, and only told.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from fairlead.api.kinds import JOB
from fairlead.api.modeldeployment import ModelDeployment
from fairlead.api.modeluri import is_floating, scheme_of, shown
from fairlead.api.names import FETCH
from fairlead.api.quantity import quantity_value
from fairlead.api.reasons import Reason
from fairlead.api.revision import Revision, digest
from fairlead.api.status import LookupStatus
from fairlead.decision import Problem
from fairlead.metadata import is_part_of
from fairlead.plan import Delete
from fairlead.situation import Manifest, Situation
from fairlead.sources.fetched import LASTING, size
from fairlead.sources.job import lookup_job
from fairlead.sources.way import Way, way_of

AFRESH, LONGEST_PAUSE = timedelta(minutes=2), timedelta(minutes=30)
"""After a failure it is tried again, the Secret may be right by now; each time after twice as long, up to that."""
MOST_FAILURES = 100
LONGEST = 1000  # characters of what the program says
NO_IMAGE = (
    "this Fairlead was installed without the image that fetches models: set sources.image of its chart, or mount the "
    "model (pvc://, oci://)"
)


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a reference means: the URI that means it for ever, and how much that is."""

    uri: str
    files: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """What came of looking up the source of a model.

    `job` is to be there; `stale` is a Job of an earlier try, to be deleted. `found` is what the reference means,
    `failure` why that cannot be found out, as a sentence, and `failed` what is remembered of that; none is set while it
    is being looked up for the first time, and `told` is then what holds that up. `known` is the revision that was made
    of it already, and `fresh` says that the answer came since.
    """

    known: Revision | None = None
    job: Manifest | None = None
    stale: Delete | None = None
    found: Found | None = None
    failure: str = ""
    failed: LookupStatus | None = None
    told: str = ""
    fresh: bool = False
    look_again: timedelta | None = None


NO_LOOKUP = Lookup()


def looked_up(situation: Situation, model: ModelDeployment, known: Revision | None) -> Lookup:
    """What is known of the model's source. `known` is the revision that was made of it already, if there is one."""
    uri, fetching = model.spec.model.uri, situation.site.fetching
    if (
        uri is None
        or not fetching.image
        or way_of(model.spec.model, situation.site) not in (Way.IMAGE_VOLUME, Way.FETCHED)
    ):
        return Lookup(known=known)
    if not is_floating(uri):
        return Lookup(known=known, found=Found(uri=uri))
    wait = _until_due(situation, known) if known is not None else None
    if wait is not None:
        return Lookup(known=known, look_again=wait or None)
    job = lookup_job(situation.identity, model, situation.site)
    live = situation.child(JOB, job["metadata"]["name"])
    answers = [pod for pod in situation.lookups if live is not None and is_part_of(pod, live["metadata"]["uid"])]
    found = next((found for pod in answers if (found := _found(pod, uri)) is not None), None)
    if found is not None:
        # The answer is kept until it is recorded: in the revision, or in status.
        return Lookup(known=known, job=job if known is None else None, found=found, fresh=True)
    if known is not None:
        return _looked_up_again(known, job, live, answers)
    return _tried(situation, uri, job, live, answers)


def _looked_up_again(known: Revision, job: Manifest, live: Manifest | None, answers: list[Manifest]) -> Lookup:
    """It serves already: a failure is told, and it is tried again when it is due again."""
    if _failed_at(live) is None and _in_vain(answers) is None:
        return Lookup(known=known, job=job, told=_waits_for(answers))
    return Lookup(known=known, failure=_why(answers, live), fresh=True)


def _tried(situation: Situation, uri: str, job: Manifest, live: Manifest | None, answers: list[Manifest]) -> Lookup:
    """Nothing runs of it yet. While it is tried again, the last failure stays told: nothing has become better."""
    before = situation.status.lookup if situation.status else None
    failed = before if before is not None and before.uri == uri else None
    at = _failed_at(live)
    if at is None or live is None:
        failure = _why(answers, live) if _in_vain(answers) else failed.problem if failed else ""
        return Lookup(job=job, failure=failure, failed=failed, told=_waits_for(answers))
    if failed is None or failed.time != at:
        failures = min((failed.failures if failed else 0) + 1, MOST_FAILURES)
        failed = LookupStatus(uri=uri, failures=failures, time=at, problem=_why(answers, live))
    left = at + min(AFRESH * 2 ** (failed.failures - 1), LONGEST_PAUSE) - situation.now
    if left > timedelta(0):
        return Lookup(job=job, failure=failed.problem, failed=failed, look_again=left)
    stale = Delete(kind=JOB, name=live["metadata"]["name"], uid=live["metadata"]["uid"])
    return Lookup(stale=stale, failure=failed.problem, failed=failed)


def unresolved(situation: Situation, model: ModelDeployment, lookup: Lookup) -> Problem | None:
    """Why no revision can be made of the source yet, or None when one can."""
    way, uri = way_of(model.spec.model, situation.site), model.spec.model.uri
    if way == Way.FETCHED and not situation.site.fetching.image:
        return Problem(reason=Reason.MODEL_UNAVAILABLE, message=f"{shown(uri or '')} has to be fetched, and {NO_IMAGE}")
    if lookup.found is not None:
        return _too_big(model, lookup.found)
    if lookup.job is None and lookup.stale is None:
        return None
    if not lookup.failure:
        told = f": {lookup.told}" if lookup.told else ""
        return Problem(
            reason=Reason.RESOLVING, message=f"looking up what {shown(uri or '')} is now{told}", passing=True
        )
    if way == Way.IMAGE_VOLUME:
        return None  # the kubelet pulls it, and may well have credentials and mirrors of its own
    return Problem(reason=Reason.MODEL_UNAVAILABLE, message=lookup.failure)


def _too_big(model: ModelDeployment, found: Found) -> Problem | None:
    """The kubelet evicts what grows beyond its limit, and the next pod would fetch it all again, for ever."""
    fetch = model.spec.model.fetch
    if fetch is None or fetch.space is None or not found.bytes or found.bytes <= quantity_value(fetch.space):
        return None
    message = (
        f"{shown(model.spec.model.uri or '')} has {size(found.bytes)}, and model.fetch.space is {fetch.space}; raise it"
    )
    return Problem(reason=Reason.MODEL_UNAVAILABLE, message=message)


def _until_due(situation: Situation, known: Revision) -> timedelta | None:
    """How long the last answer is good for; None when it is to be looked up now. Zero: for ever."""
    every = situation.site.fetching.recheck
    source = situation.status.source if situation.status else None
    if not every or known.snapshot.source is None:
        return timedelta(0)
    if source is None or source.revision != known.name:
        return every  # status is about to say when it was looked up
    # Not all at once, where all were looked up at once before: spread by a quarter to both sides.
    spread = 0.75 + int(digest([situation.identity.uid])[:4], 16) / 0x20000
    left = (source.checked or situation.now) + every * spread - situation.now
    return left if left > timedelta(0) else None


def _in_vain(pods: list[Manifest]) -> Manifest | None:
    """A pod whose program says that trying again would not help."""
    return next((pod for pod in pods if _exit_code(pod) == LASTING), None)


def _terminated(pod: Manifest) -> Manifest:
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        if status.get("name") == FETCH:
            return (status.get("state") or {}).get("terminated") or {}
    return {}


def _exit_code(pod: Manifest) -> int | None:
    code = _terminated(pod).get("exitCode")
    return code if isinstance(code, int) else None


def _found(pod: Manifest, uri: str) -> Found | None:
    """What the program has found; None when it has not ended well, or nobody can read what it says."""
    if _exit_code(pod) != 0:
        return None
    try:
        told = json.loads(str(_terminated(pod).get("message") or "").strip().splitlines()[-1])
        found = Found(uri=str(told["uri"]), files=int(told["files"]), bytes=int(told["bytes"]))
    except (ValueError, KeyError, TypeError, IndexError):
        return None
    same = scheme_of(found.uri) == scheme_of(uri) and not is_floating(found.uri)
    return found if same or found.uri == uri else None


def _failed_at(job: Manifest | None) -> datetime | None:
    for condition in ((job or {}).get("status") or {}).get("conditions") or ():
        if condition.get("type") in ("Failed", "Complete") and condition.get("status") == "True":
            return datetime.fromisoformat(condition["lastTransitionTime"])
    return None


def _why(pods: list[Manifest], job: Manifest | None) -> str:
    """The program's own sentence; else what holds its pod up, or what the Job says."""
    pod = _in_vain(pods) or next(reversed(pods), None)
    message = " ".join(str(_terminated(pod).get("message") or "").split()) if pod is not None else ""
    if message:
        return message[:LONGEST]
    name = (job or {"metadata": {"name": "?"}})["metadata"]["name"]
    told = _waits_for(pods) or _said(job) or "its pod has left no word"
    return f"what the reference is now cannot be looked up: {told} (kubectl describe job {name})"[:LONGEST]


def _said(job: Manifest | None) -> str:
    for condition in ((job or {}).get("status") or {}).get("conditions") or ():
        if condition.get("type") == "Failed":
            return str(condition.get("message") or condition.get("reason") or "")
    return ""


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

"""What a floating reference meant when a revision was made, and what it means by now.

The first time nothing is made before the answer is there: a revision holds what was found, so that whichever pod starts
later gets the same bytes. Afterwards it is looked up again from time to time, and only told.
"""

from dataclasses import dataclass
from datetime import timedelta

from fairlead.api.kinds import JOB
from fairlead.api.lookup import LookupStatus
from fairlead.api.modeldeployment import ModelDeployment
from fairlead.api.modeluri import is_floating, shown
from fairlead.api.quantity import quantity_value
from fairlead.api.reasons import Reason
from fairlead.api.revision import Revision, digest
from fairlead.decision import Problem
from fairlead.plan import Delete
from fairlead.situation import Manifest, Situation
from fairlead.sources.answer import Answer, Found, answer_of
from fairlead.sources.fetched import size
from fairlead.sources.job import lookup_job
from fairlead.sources.way import Way, way_of

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (2, 4, 8, 16, 30))
"""After a failure it is tried again, since the Secret may be right by now; then again and again after the last."""
MOST_FAILURES = 100
NO_IMAGE = (
    "this Fairlead was installed without the image that fetches models: set sources.image of its chart, or mount the "
    "model (pvc://, oci://)"
)


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
    uri, way = model.spec.model.uri, way_of(model.spec.model, situation.site)
    if uri is None or way not in (Way.IMAGE_VOLUME, Way.FETCHED) or not situation.site.fetching.image:
        return Lookup(known=known)
    if not is_floating(uri) or situation.offline:
        return Lookup(known=known, found=Found(uri=uri))
    wait = _until_due(situation, known) if known is not None else None
    if wait is not None:
        return Lookup(known=known, look_again=wait or None)
    job = lookup_job(situation.identity, model, situation.site)
    live = situation.child(JOB, job["metadata"]["name"])
    answer = answer_of(situation, live, uri)
    if answer.found is not None:
        # The answer is kept until it is recorded: in the revision, or in status.
        return Lookup(known=known, job=job if known is None else None, found=answer.found, fresh=True)
    if known is None:
        return _tried(situation, uri, job, live, answer)
    if answer.failed:  # it serves: this is told, and tried again when it is due again
        return Lookup(known=known, failure=answer.failed, fresh=True)
    return Lookup(known=known, job=job, told=answer.waits, look_again=answer.look_again)


def _tried(situation: Situation, uri: str, job: Manifest, live: Manifest | None, answer: Answer) -> Lookup:
    """Nothing runs of it yet. While it is tried again, the last failure stays told: nothing has become better."""
    name = str(job["metadata"]["name"])
    before = situation.status.lookup if situation.status else None
    failed = before if before is not None and before.job == name else None
    if answer.ended is None or live is None:
        failure = answer.failed or (failed.problem if failed else "")
        return Lookup(job=job, failure=failure, failed=failed, told=answer.waits, look_again=answer.look_again)
    count = failed.failures if failed else 0
    if failed is None or failed.time != answer.ended:
        count = min(count + 1, MOST_FAILURES)
    failed = LookupStatus(uri=uri, job=name, failures=count, time=answer.ended, problem=answer.failed)
    left = answer.ended + PAUSES[min(count, len(PAUSES)) - 1] - situation.now
    if left > timedelta(0):
        return Lookup(job=job, failure=failed.problem, failed=failed, look_again=left)
    stale = Delete(kind=JOB, name=name, uid=live["metadata"]["uid"])
    return Lookup(stale=stale, failure=failed.problem, failed=failed)


def unresolved(situation: Situation, model: ModelDeployment, lookup: Lookup) -> Problem | None:
    """Why no revision can be made of the source yet, or None when one can."""
    way, uri = way_of(model.spec.model, situation.site), shown(model.spec.model.uri or "")
    if way == Way.FETCHED and not situation.site.fetching.image:
        return Problem(reason=Reason.MODEL_UNAVAILABLE, message=f"{uri} has to be fetched, and {NO_IMAGE}")
    if lookup.found is not None:
        return _too_big(model, lookup.found)
    if lookup.job is None and lookup.stale is None:
        return None
    if not lookup.failure:
        told = f": {lookup.told}" if lookup.told else ""
        return Problem(reason=Reason.RESOLVING, message=f"looking up what {uri} is now{told}", passing=True)
    if way == Way.IMAGE_VOLUME:
        return None  # the kubelet pulls it, and may well have credentials and mirrors of its own
    return Problem(reason=Reason.MODEL_UNAVAILABLE, message=lookup.failure)


def _too_big(model: ModelDeployment, found: Found) -> Problem | None:
    """The kubelet evicts what grows beyond its limit, and the next pod would fetch it all again, for ever."""
    fetch = model.spec.model.fetch
    if fetch is None or fetch.space is None or not found.bytes or found.bytes <= quantity_value(fetch.space):
        return None
    uri = shown(model.spec.model.uri or "")
    message = f"{uri} has {size(found.bytes)}, and model.fetch.space is {fetch.space}; raise it"
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

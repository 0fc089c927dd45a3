"""Why production traffic does not move to a candidate yet. Each check is named after the objection that it returns."""

from collections.abc import Callable

from fairlead.api.kinds import SERVICE
from fairlead.api.reasons import Reason
from fairlead.api.revision import Revision
from fairlead.decision import Wait
from fairlead.situation import Situation


def pods_not_available(situation: Situation, candidate: Revision, needed: int) -> Wait | None:
    """The candidate has fewer available pods than production needs."""
    available = situation.settled_pods(candidate.name)
    if available >= needed:
        return None
    return Wait(reason=Reason.STARTING, message=f"{available} of {needed} replicas of {candidate.name} are available")


def write_refused(situation: Situation, candidate: Revision, needed: int) -> Wait | None:
    """Something that the candidate cannot serve without could not be written, or the Service that clients use."""
    for refusal in situation.refusals:
        needs = refusal.revision == candidate.name and refusal.essential
        if needs or (refusal.kind, refusal.name) == (SERVICE.kind, situation.identity.name):
            return Wait(reason=refusal.reason, message=f"{refusal.kind} {refusal.name} cannot be written")
    return None


def probe_unanswered(situation: Situation, candidate: Revision, needed: int) -> Wait | None:
    """The candidate has not answered Fairlead's own request, or was not asked yet."""
    if needed == 0:
        return None  # nothing to ask, and nothing to serve
    answer = situation.probe if situation.probe and situation.probe.revision == candidate.name else None
    if answer is None and situation.selected() == candidate.name:
        # Traffic has moved already, by a leader that ended before it could write so. Answers are not handed on; to
        # wait for a new one would move traffic back, and forward again.
        return None
    if answer is None:
        return about_to_be_asked(candidate)
    if answer.answered:
        return None
    message = f"the pods of {candidate.name} are ready, but {answer.detail}"
    return Wait(reason=Reason.PROBE_UNANSWERED, message=message)


def about_to_be_asked(candidate: Revision) -> Wait:
    """The candidate could be asked now, and nothing speaks against it so far."""
    message = f"the pods of {candidate.name} are ready, and one of them is about to be asked"
    return Wait(reason=Reason.STARTING, message=message)


Gate = Callable[[Situation, Revision, int], Wait | None]

BEFORE_TRAFFIC: tuple[Gate, ...] = (write_refused, pods_not_available, probe_unanswered)
"""In this order: what was refused is not there, and a request is only worth sending to pods that are."""

BEFORE_FIRST_TRAFFIC: tuple[Gate, ...] = (write_refused, pods_not_available)
"""Of the first revision nothing is asked: there is nothing better to be compared with."""


def first_objection(gates: tuple[Gate, ...], situation: Situation, candidate: Revision, needed: int) -> Wait | None:
    """The first reason to wait, or None when nothing speaks against going on."""
    return next((wait for gate in gates if (wait := gate(situation, candidate, needed)) is not None), None)

"""Which places are free, for rollout.capacity: Swap. A pod has its place until it has ended, whoever asks for it."""

from dataclasses import replace

from fairlead.api.reasons import Reason
from fairlead.api.revision import Revision
from fairlead.decision import Decision, Wait
from fairlead.situation import Manifest, Situation, revision_of


def within_places(situation: Situation, decision: Decision) -> Decision:
    """The decision, in which no revision asks for a pod before there is a place for it."""
    free, scale, starting = free_places(situation, decision.replicas), dict(decision.scale), decision.starting
    candidate, stable = decision.candidate, decision.stable
    if candidate is not None and candidate.name in scale:  # first: what is given up for it is not taken back
        asked = situation.asked_pods(candidate.name)
        scale[candidate.name] = min(scale[candidate.name], asked + free)
        free -= max(0, scale[candidate.name] - asked)
        # A Deployment that is made begins with one pod.
        deployed = candidate.name in situation.deployed_revisions()
        starting = starting and (deployed or scale[candidate.name] > 0)
    if stable is not None and stable.name in scale:
        # Pods that do not end must not keep a model from being served at all.
        least = 0 if any(map(situation.serving_pods, situation.deployed_revisions())) else 1
        scale[stable.name] = min(scale[stable.name], max(least, situation.asked_pods(stable.name) + free))
    return replace(decision, scale=scale, starting=starting)


def free_places(situation: Situation, needed: int) -> int:
    """How many of the places that a model needs are not taken."""
    found = (revision_of(pod) for pod in situation.pods)
    revisions = {*situation.deployed_revisions(), *(name for name in found if name is not None)}
    return max(0, needed - sum(_taken(situation, name, needed) for name in revisions))


def _taken(situation: Situation, revision: str, needed: int) -> int:
    """By pods that a revision asks for, and by those of it that have not ended yet."""
    live = situation.deployment(revision) or {}
    status = live.get("status") or {}
    if int(status.get("observedGeneration") or 0) < int((live.get("metadata") or {}).get("generation") or 0):
        return needed  # there may be pods of which no watch has told yet
    there = sum(not _has_ended(pod) for pod in situation.pods_of(revision))
    return max(situation.asked_pods(revision), int(status.get("replicas") or 0), there)


def _has_ended(pod: Manifest) -> bool:
    """An evicted pod stays as an object, and its place is free."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def no_place_yet(situation: Situation, needed: int, stable: Revision, canary: Revision) -> Wait | None:
    """That a canary has no pod, since its place is still taken; None when it has one, or may have one now."""
    if canary.name in situation.deployed_revisions() or free_places(situation, needed):
        return None
    third = _of_others(situation, stable, canary)
    ending = [pod for pod in situation.pods_of(stable.name) if pod["metadata"].get("deletionTimestamp")]
    named = next((f": {pod['metadata']['name']} has not ended" for pod in (*third, *ending)), "")
    told = f"{canary.name} waits for the place of a pod of {stable.name}{named}"
    return Wait(reason=Reason.STOPPING, message=told)


def time_runs(situation: Situation, needed: int, stable: Revision, canary: Revision) -> bool:
    """Whether a canary runs against its deadline: it has a place, or one was given up for it and is not free in time.

    While a third revision is in its way it does not, nor in the moment in which it gets its place.
    """
    if situation.asked_pods(canary.name) > 0:
        return True
    given = situation.asked_pods(stable.name) < needed and not free_places(situation, needed)
    return given and not _of_others(situation, stable, canary)


def _of_others(situation: Situation, stable: Revision, canary: Revision) -> list[Manifest]:
    ours = (stable.name, canary.name)
    return [pod for pod in situation.pods if revision_of(pod) not in ours and not _has_ended(pod)]

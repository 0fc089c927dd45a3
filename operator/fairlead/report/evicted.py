"""Pods that the kubelet has evicted, such as one that has fetched more than its node has room for."""

from datetime import datetime, timedelta

from fairlead.situation import Manifest, Situation, revision_of

LATELY = timedelta(hours=1)
"""What is left of evicted pods is there for weeks, and says nothing of today."""


def last_eviction(situation: Situation, revision: str) -> str | None:
    """What the kubelet has said of the last pod of a revision that it has evicted lately, or None."""
    told = [
        str(pod["status"].get("message") or "")
        for pod in situation.evicted
        if revision_of(pod) == revision and situation.now - _ended(pod) < LATELY
    ]
    return next(filter(None, reversed(told)), None)


def _ended(pod: Manifest) -> datetime:
    """When a pod has ended: no sooner than the last thing that is told of it. Not every eviction leaves a condition."""
    status = pod.get("status") or {}
    containers = (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))
    told = [
        pod["metadata"]["creationTimestamp"],
        *(each.get("lastTransitionTime") for each in status.get("conditions") or ()),
        *(((each.get("state") or {}).get("terminated") or {}).get("finishedAt") for each in containers),
    ]
    return max(datetime.fromisoformat(each) for each in told if each)

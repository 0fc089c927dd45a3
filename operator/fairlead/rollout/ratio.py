"""Traffic by the number of pods: a Service shares requests evenly among the pods that it selects.

It needs nothing but Services, and is as coarse as the numbers of pods are: with two stable pods a canary of one gets a
third. Connections that stay open keep their pod, so the share holds for new connections only.
"""

from math import floor


def canary_pods(weight: float, stable_pods: int, at_most: int) -> int:
    """How many pods a canary needs for a share of traffic: as many as do not exceed it, but one at least."""
    if weight >= 1:
        return at_most
    return min(max(1, floor(weight / (1 - weight) * stable_pods + 1e-9)), max(at_most, 1))


def share(canary_pods: int, stable_pods: int) -> float:
    """The share of traffic that pods of the canary get beside pods of the stable revision; 0 without any."""
    return canary_pods / (canary_pods + stable_pods) if canary_pods else 0.0

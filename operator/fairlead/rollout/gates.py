"""Why production traffic does not move to a candidate yet. Each check is named after the objection that it returns."""

from collections.abc import Callable
from datetime import timedelta

from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.reasons import Reason
from fairlead.api.revision import Revision
from fairlead.plan import Wait
from fairlead.situation import Situation

ASK_AGAIN = timedelta(seconds=2)


def wanted_replicas(spec: ModelDeploymentSpec, situation: Situation, stable: Revision | None) -> int:
    """How many replicas a revision needs to take all traffic.

    With an autoscaler that is as many as the stable revision has now, within the autoscaler's bounds.
    """
    if spec.autoscaling is None:
        return 1 if spec.replicas is None else spec.replicas
    now = live_replicas(situation, stable) if stable else 0
    return min(max(spec.autoscaling.min_replicas, now), spec.autoscaling.max_replicas)


def live_replicas(situation: Situation, revision: Revision) -> int:
    """How many pods a revision's Deployment asks for at present."""
    live = situation.deployment(revision.name)
    return int((live.get("spec") or {}).get("replicas") or 0) if live else 0


def pods_not_available(situation: Situation, candidate: Revision, needed: int) -> Wait | None:
    """The candidate has fewer available pods than production needs."""
    available = situation.settled_pods(candidate.name)
    if available >= needed:
        return None
    return Wait(reason=Reason.STARTING, message=f"{available} of {needed} replicas of {candidate.name} are available")


def probe_unanswered(situation: Situation, candidate: Revision, needed: int) -> Wait | None:
    """The candidate has not answered Fairlead's own request."""
    if needed == 0:
        return None  # nothing to ask, and nothing to serve
    probe = situation.probe
    if probe is not None and probe.revision == candidate.name and probe.answered:
        return None
    detail = probe.detail if probe is not None and probe.revision == candidate.name else "not asked yet"
    return Wait(
        reason=Reason.PROBE_UNANSWERED,
        message=f"the pods of {candidate.name} are ready, but a request to one of them was not answered: {detail}",
        look_again=ASK_AGAIN,
    )


Gate = Callable[[Situation, Revision, int], Wait | None]

BEFORE_TRAFFIC: tuple[Gate, ...] = (pods_not_available, probe_unanswered)
"""In this order: a request is only worth sending to pods that are there."""


def first_objection(gates: tuple[Gate, ...], situation: Situation, candidate: Revision, needed: int) -> Wait | None:
    """The first reason to wait, or None when nothing speaks against going on."""
    return next((wait for gate in gates if (wait := gate(situation, candidate, needed)) is not None), None)

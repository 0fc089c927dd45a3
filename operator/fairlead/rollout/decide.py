"""Which revisions live and which of them serves: the only place where a phase changes.

                      a new hash                    available, and answered a request
        Stable ───────────────────────▶ Starting ─────────────────────────────────▶ Draining ──▶ Stable
          │                                ▲                                        (drain time over)
          └──────────▶ Stopping ───────────┘
            Recreate: a new hash       old pods ended

A spec that cannot be carried out (a missing ModelRuntime, say) is Held, from wherever it comes.

The stable revision is remembered in status. Where status is lost, it is the revision that the Service selects, if that
one has pods available. Changing the spec again supersedes the candidate, and changing it back removes it.
"""

from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from fairlead.api import names
from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.reasons import Phase, Reason
from fairlead.api.revision import Revision
from fairlead.plan import Decision, Drained, Problem, Wait
from fairlead.rollout.gates import (
    BEFORE_TRAFFIC,
    first_objection,
    live_replicas,
    pods_not_available,
    wanted_replicas,
)
from fairlead.situation import Situation, revision_named, revision_of


def decide(situation: Situation, spec: ModelDeploymentSpec, wanted: Revision | Problem) -> Decision:
    """What follows from one look, given the revision that the spec asks for."""
    stable = stable_revision(situation)
    if isinstance(wanted, Problem):
        return _hold(situation, spec, stable, wanted)
    if stable is not None and stable.name == wanted.name:
        return _settled(situation, spec, wanted)
    match spec.rollout.strategy:
        case "BlueGreen":
            return _first(situation, spec, wanted) if stable is None else _beside(situation, spec, stable, wanted)
        case "Recreate":
            return _stop_others(situation, spec, wanted) or _first(situation, spec, wanted)
        case _:
            assert_never(spec.rollout.strategy)


def stable_revision(situation: Situation) -> Revision | None:
    """The revision that serves production, as far as can be known."""
    status = situation.status
    if status is not None and status.stable is not None:
        remembered = revision_named(situation.revisions, status.stable.revision)
        if remembered is not None:
            return remembered
    service = situation.service()
    selected = ((service or {}).get("spec") or {}).get("selector") or {}
    found = revision_named(situation.revisions, selected.get(names.REVISION))
    return found if found is not None and situation.serving_pods(found.name) > 0 else None


def _first(situation: Situation, spec: ModelDeploymentSpec, wanted: Revision) -> Decision:
    """Nothing serves: the candidate gets the Service at once, and is stable as soon as it is available."""
    needed = wanted_replicas(spec, situation, None)
    wait = pods_not_available(situation, wanted, needed)
    if wait is None:
        return _settled(situation, spec, wanted)
    return Decision(
        phase=Phase.STARTING,
        replicas=needed,
        stable_replicas=0,
        scaled_here=spec.autoscaling is None,
        candidate=wanted,
        wait=wait,
    )


def _settled(situation: Situation, spec: ModelDeploymentSpec, stable: Revision) -> Decision:
    """The spec's revision serves; what served before drains."""
    return _serves(situation, spec, stable, _draining(situation, spec, keep_out={stable.name}))


def _beside(situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision) -> Decision:
    """BlueGreen: traffic moves when the candidate could take all of it."""
    draining = _draining(situation, spec, keep_out={stable.name, wanted.name})
    needed = wanted_replicas(spec, situation, stable)
    wait = first_objection(BEFORE_TRAFFIC, situation, wanted, needed)
    if wait is None:
        return _serves(situation, spec, wanted, (*draining, Drained(revision=stable, since=situation.now)))
    return Decision(
        phase=Phase.STARTING,
        replicas=needed,
        # Whatever the spec says by now: nothing is taken from what serves before the candidate has taken over.
        stable_replicas=max(needed, live_replicas(situation, stable)),
        scaled_here=spec.autoscaling is None,
        stable=stable,
        candidate=wanted,
        draining=draining,
        wait=wait,
        look_again=_soonest(wait.look_again, _next_drained(situation, spec, draining)),
    )


def _serves(
    situation: Situation, spec: ModelDeploymentSpec, stable: Revision | None, draining: tuple[Drained, ...]
) -> Decision:
    # With an autoscaler its minimum is enough: a service that scales out is not unready.
    needed = wanted_replicas(spec, situation, None)
    return Decision(
        phase=Phase.DRAINING if draining else Phase.STABLE,
        replicas=needed,
        stable_replicas=needed,
        scaled_here=spec.autoscaling is None,
        stable=stable,
        draining=draining,
        look_again=_next_drained(situation, spec, draining),
    )


def _stop_others(situation: Situation, spec: ModelDeploymentSpec, wanted: Revision) -> Decision | None:
    """Recreate: what runs has to end first. None when nothing else runs."""
    pods = sum(1 for pod in situation.pods if revision_of(pod) != wanted.name)
    if not pods and situation.deployed_revisions() <= {wanted.name}:
        return None
    message = f"waiting for the pods of the old revision to end, before {wanted.name} starts"
    return Decision(
        phase=Phase.STOPPING,
        replicas=wanted_replicas(spec, situation, None),
        stable_replicas=0,
        scaled_here=spec.autoscaling is None,
        candidate=wanted,
        starting=False,
        wait=Wait(reason=Reason.STOPPING, message=message),
    )


def _hold(situation: Situation, spec: ModelDeploymentSpec, stable: Revision | None, problem: Problem) -> Decision:
    """What the spec asks for cannot be made: whatever runs goes on as it is."""
    draining = _draining(situation, spec, keep_out={stable.name} if stable else set())
    return replace(_serves(situation, spec, stable, draining), phase=Phase.HELD, problem=problem)


def _draining(situation: Situation, spec: ModelDeploymentSpec, keep_out: set[str]) -> tuple[Drained, ...]:
    """Revisions that still drain. One that is wanted again, has drained, or is gone, is not among them."""
    remembered = situation.status.draining if situation.status else ()
    found = [
        Drained(revision=revision, since=entry.since)
        for entry in remembered
        if (revision := revision_named(situation.revisions, entry.revision)) is not None
        and revision.name not in keep_out
        and revision.name in situation.deployed_revisions()
    ]
    return tuple(drained for drained in found if _left(situation, spec, drained) > timedelta(0))


def _left(situation: Situation, spec: ModelDeploymentSpec, drained: Drained) -> timedelta:
    # A time in the future, from a clock that was wrong or a hand-written status, must not keep a revision for ever.
    since = min(drained.since, situation.now)
    return since + spec.rollout.drain - situation.now


def _next_drained(situation: Situation, spec: ModelDeploymentSpec, draining: tuple[Drained, ...]) -> timedelta | None:
    return min((_left(situation, spec, drained) for drained in draining), default=None)


def _soonest(*times: timedelta | None) -> timedelta | None:
    return min((time for time in times if time is not None), default=None)

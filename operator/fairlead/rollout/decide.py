"""Which revisions live and which of them serves. What becomes of a canary is decided in canary.py.

                      a new hash                    available, and answered a request
        Stable ───────────────────────▶ Starting ─────────────────────────────────▶ Draining ──▶ Stable
          │                                ▲                                        (drain time over)
          └──────────▶ Stopping ───────────┘
            Recreate: a new hash       old pods ended

A spec that cannot be carried out (a missing ModelRuntime, say) or read is Held, from wherever it comes.

The stable revision is remembered in status. Where status is lost, it is the revision that the Service selects, if that
one has pods available. Changing the spec again supersedes the candidate, and changing it back removes it.
"""

from dataclasses import replace
from typing import assert_never

from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.reasons import Phase, Reason
from fairlead.api.revision import Revision
from fairlead.decision import Decision, Orders, Problem, Wait
from fairlead.rollout import canary
from fairlead.rollout.draining import drained_from_now, draining, next_drained
from fairlead.rollout.gates import BEFORE_FIRST_TRAFFIC, BEFORE_TRAFFIC, about_to_be_asked, first_objection
from fairlead.rollout.rollback import go_back, held
from fairlead.rollout.serving import NOTHING, SOON, abandoned, phase_of, serves, soonest, time_left
from fairlead.rollout.size import kept_replicas, needs_the_room, scaling_changes, sized, wanted_replicas
from fairlead.rollout.stable import stable_revision, stable_since
from fairlead.rollout.subject import standing
from fairlead.rollout.untried import takes_over_at_once
from fairlead.situation import Situation, revision_of
from fairlead.sources.fetched import has_to_fetch
from fairlead.traffic.choice import traffic_of


def decide(situation: Situation, spec: ModelDeploymentSpec, wanted: Revision | Problem) -> Decision:
    """What follows from one look, given the revision that the spec asks for."""
    orders = standing(situation, spec, stable_revision(situation), wanted)
    decision = sized(situation, spec, _decided(situation, spec, wanted, orders))
    look_again = soonest(decision.look_again, *scaling_changes(situation, spec, decision.stable))
    return replace(decision, orders=orders, look_again=look_again)


def _decided(situation: Situation, spec: ModelDeploymentSpec, wanted: Revision | Problem, orders: Orders) -> Decision:
    stable = stable_revision(situation)
    if isinstance(wanted, Problem):
        return _hold(situation, spec, stable, wanted, orders)
    if stable is not None and stable.name == wanted.name:
        return _settled(situation, spec, wanted, orders)
    match spec.rollout.strategy:
        case "Canary" if stable is not None and (
            orders.abort is not None or not takes_over_at_once(situation, spec, stable, wanted)
        ):
            return canary.beside(situation, spec, stable, wanted, orders)
        case "Canary" | "BlueGreen":
            return _first(situation, spec, wanted) if stable is None else _beside(situation, spec, stable, wanted)
        case "Recreate":
            return _stop_others(situation, spec, wanted) or _first(situation, spec, wanted)
        case _:
            assert_never(spec.rollout.strategy)


def _first(situation: Situation, spec: ModelDeploymentSpec, wanted: Revision) -> Decision:
    """Nothing serves: the candidate gets the Service at once, and is stable as soon as it is available."""
    needed = wanted_replicas(spec, situation, None)
    wait = first_objection(BEFORE_FIRST_TRAFFIC, situation, wanted, needed)
    if wait is None:
        return _settled(situation, spec, wanted)
    # Of the Deployment's own deadline an event tells, but not of one that begins once the model was fetched.
    fetched = has_to_fetch(situation, wanted.name)
    return Decision(
        phase=Phase.STARTING,
        replicas=needed,
        stable_replicas=0,
        candidate=wanted,
        wait=wait,
        look_again=soonest(time_left(situation, spec, wanted)) if fetched else None,
    )


def _settled(
    situation: Situation, spec: ModelDeploymentSpec, stable: Revision, orders: Orders | None = None
) -> Decision:
    """The spec's revision serves; what served before drains."""
    old = draining(situation, spec, keep_out={stable.name})
    left = abandoned(situation, spec, {stable.name, *(drained.revision.name for drained in old)})
    back = go_back(situation, spec, stable, orders.abort if orders else None)
    return back or serves(situation, spec, stable, (*old, *left))


def _beside(situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision) -> Decision:
    """BlueGreen: traffic moves when the candidate could take all of it."""
    old = draining(situation, spec, keep_out={stable.name, wanted.name})
    needed = wanted_replicas(spec, situation, stable)
    asked_already = phase_of(situation, wanted) == Phase.PROMOTING
    gates = BEFORE_FIRST_TRAFFIC if asked_already else BEFORE_TRAFFIC
    wait = first_objection(gates, situation, wanted, needed)
    moves = wait is None
    wait = wait or traffic_of(spec).moving(situation, wanted)
    if wait is None:
        return serves(situation, spec, wanted, (*old, *drained_from_now(situation, spec, stable)))
    known = {stable.name, wanted.name, *(drained.revision.name for drained in old)}
    old = (*old, *abandoned(situation, spec, known))
    left = time_left(situation, spec, wanted)
    overdue = left <= NOTHING
    stays = not overdue and needs_the_room(situation, stable, wanted, needed)
    # What is asked follows from the status that is written now, and no event tells of one's own writing.
    ask = SOON if wait == about_to_be_asked(wanted) else None
    return Decision(
        phase=Phase.PROMOTING if moves else Phase.STARTING,
        replicas=needed,
        stable_replicas=kept_replicas(situation, stable, 0 if stays else needed),
        stable=stable,
        stable_since=stable_since(situation, stable),
        candidate=wanted,
        share=1.0 if moves else 0.0,
        draining=old,
        wait=wait,
        overdue=overdue,
        look_again=soonest(ask, left, next_drained(situation, spec, old)),
    )


def _stop_others(situation: Situation, spec: ModelDeploymentSpec, wanted: Revision) -> Decision | None:
    """Recreate: what runs has to end first. None when nothing else runs."""
    others = [pod for pod in situation.pods if revision_of(pod) != wanted.name]
    if not others and situation.deployed_revisions() <= {wanted.name}:
        return None
    named = f" (now {others[0]['metadata']['name']})" if others else ""
    message = f"waiting for the pods of the old revision to end{named}, before {wanted.name} starts"
    left = time_left(situation, spec, wanted)
    return Decision(
        phase=Phase.STOPPING,
        replicas=wanted_replicas(spec, situation, None),
        stable_replicas=0,
        candidate=wanted,
        starting=wanted.name in situation.deployed_revisions(),  # one that runs already is not stopped
        traffic_stays=not situation.serving_pods(wanted.name),
        wait=Wait(reason=Reason.STOPPING, message=message),
        overdue=left <= NOTHING,
        # The end of a pod is an event. Where there was none, only our own deletion is left, of which no event tells.
        look_again=soonest(left, None if others else SOON),
    )


def _hold(
    situation: Situation, spec: ModelDeploymentSpec, stable: Revision | None, problem: Problem, orders: Orders
) -> Decision:
    """What the spec asks for cannot be made: what serves goes on as it is, unless it fails or a person aborts it."""
    old = draining(situation, spec, keep_out={stable.name} if stable else set())
    known = {*([stable.name] if stable else []), *(drained.revision.name for drained in old)}
    old = (*old, *abandoned(situation, spec, known))
    going_on = held(situation, spec, stable, serves(situation, spec, stable, old), orders)
    kept = kept_replicas(situation, going_on.stable, going_on.stable_replicas) if going_on.stable else 0
    phase = Phase.STARTING if problem.passing else Phase.HELD
    return replace(going_on, phase=phase, stable_replicas=kept, problem=problem)

"""Which revision a person's orders can be about, as things stand."""

from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.orders import Action
from fairlead.api.revision import Revision
from fairlead.decision import Orders, Problem
from fairlead.rollout.budget import gate_passed
from fairlead.rollout.orders import Subject, orders
from fairlead.rollout.rollback import on_its_way, way_back
from fairlead.rollout.untried import takes_over_at_once
from fairlead.situation import Situation


def standing(
    situation: Situation, spec: ModelDeploymentSpec, stable: Revision | None, wanted: Revision | Problem
) -> Orders:
    """What people have decided, and what has become of every order."""
    rollout = situation.status.rollout if situation.status else None
    if not situation.annotations and (rollout is None or rollout.revision is None):
        return Orders()  # so with nearly all models, at nearly every look
    return orders(situation, _subject(situation, spec, stable, wanted))


def _subject(
    situation: Situation, spec: ModelDeploymentSpec, stable: Revision | None, wanted: Revision | Problem
) -> Subject:
    if spec.rollout.strategy != "Canary":
        told = f"spec.rollout.strategy is {spec.rollout.strategy}, and people decide about canaries only"
        return Subject(otherwise=told)
    if isinstance(wanted, Problem):
        return _while_impossible(situation, spec, stable)
    if stable is None:
        return Subject(revision=wanted.name, otherwise=f"nothing serves beside {wanted.name}")
    if stable.name == wanted.name:
        back = way_back(situation, spec, stable)
        told = f"{stable.name} serves already"
        return Subject(revision=stable.name, takes=_only(Action.ABORT) if back else frozenset(), otherwise=told)
    if takes_over_at_once(situation, spec, stable, wanted):
        told = f"{wanted.name} takes over without a trial"
        return Subject(revision=wanted.name, takes=_only(Action.ABORT), otherwise=told)
    takes = frozenset(Action) - ({Action.START} if gate_passed(situation, spec, wanted) else set())
    return Subject(revision=wanted.name, takes=takes, otherwise=f"{wanted.name} is on its way")


def _while_impossible(situation: Situation, spec: ModelDeploymentSpec, stable: Revision | None) -> Subject:
    """What runs can be aborted. Nobody knows yet which revision the spec will ask for, so all other orders wait."""
    told = "what the spec asks for cannot be made, and this is looked at again once it can"
    canary = on_its_way(situation, stable)
    if canary is not None:
        return Subject(revision=canary, takes=_only(Action.ABORT), otherwise=told, later=True)
    back = way_back(situation, spec, stable) if stable is not None else None
    if stable is not None and back is not None:
        return Subject(revision=stable.name, takes=_only(Action.ABORT), otherwise=told, later=True)
    return Subject(otherwise=told, later=True)


def _only(action: Action) -> frozenset[Action]:
    return frozenset({action})

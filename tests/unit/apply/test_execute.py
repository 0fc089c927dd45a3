"""apply/execute.py: what a refusal stops, and what it does not."""

import pytest

from fairlead.api.kinds import DEPLOYMENT, SERVICE
from fairlead.api.reasons import Reason
from fairlead.apply.execute import rests_on
from fairlead.plan import Apply, Delete, Scale, Step
from fairlead.reconcile import reconcile
from fairlead.situation import Refusal
from world import World


def refusal(kind: str, revision: str, *, essential: bool) -> Refusal:
    return Refusal(
        kind=kind, name=revision, revision=revision, essential=essential, reason=Reason.WRITE_REFUSED, message="no"
    )


def steps() -> tuple[tuple[Step, ...], str, str]:
    """The plan that moves traffic from one revision to another: (steps, from, to)."""
    world = World()
    world.settle()
    old = world.serving() or ""
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})
    world.reconcile()
    world.run_pods()
    (new,) = world.deployments() - {old}
    return reconcile(world.look()).steps, old, new


def skipped(found: tuple[Step, ...], *refusals: Refusal) -> list[str]:
    def name(step: Step) -> str:
        match step:
            case Apply(manifest=manifest):
                return f"{manifest['kind']} {manifest['metadata']['name']}"
            case Scale(deployment=deployment):
                return f"scale {deployment}"
            case Delete(kind=kind, name=deleted):
                return f"delete {kind.kind} {deleted}"

    return [name(step) for step in found if rests_on(step, refusals)]


def test_what_is_not_there_gets_no_traffic():
    found, _, new = steps()
    stopped = skipped(found, refusal(DEPLOYMENT.kind, new, essential=True))
    assert f"{SERVICE.kind} fraud" in stopped
    assert f"scale {new}" in stopped


def test_the_other_revision_is_not_held_up():
    found, old, new = steps()
    assert not [name for name in skipped(found, refusal(DEPLOYMENT.kind, new, essential=True)) if old in name]


@pytest.mark.parametrize("kind", ["PodDisruptionBudget", "Deployment"])
def test_what_can_be_done_without_holds_nothing_up(kind: str):
    found, _, new = steps()
    assert skipped(found, refusal(kind, new, essential=False)) == []


def test_nothing_is_deleted_while_something_is_refused():
    gone = Delete(kind=DEPLOYMENT, name="fraud-old", uid="1")
    assert skipped((gone,), refusal("NetworkPolicy", "", essential=False)) == ["delete Deployment fraud-old"]

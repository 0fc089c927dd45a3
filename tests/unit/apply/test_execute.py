"""apply/execute.py: what a refusal stops, and what it does not."""

from typing import Any

import pytest

from fairlead.api.kinds import AUTOSCALERS, DEPLOYMENT, HTTP_ROUTE, SERVICE, SERVICE_ACCOUNT, Kind
from fairlead.api.reasons import Reason
from fairlead.apply.execute import rests_on, traffic
from fairlead.plan import Apply, Delete, Scale, Step
from fairlead.reconcile import reconcile
from fairlead.situation import Refusal
from world import World, a_model


def refusal(kind: str, revision: str, *, essential: bool) -> Refusal:
    return Refusal(
        kind=kind, name=revision, revision=revision, essential=essential, reason=Reason.WRITE_REFUSED, message="no"
    )


def steps(**spec: Any) -> tuple[tuple[Step, ...], str, str]:
    """The plan that moves traffic from one revision to another: (steps, from, to)."""
    world = World(model=a_model(**spec))
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

    return [name(step) for step in found if rests_on(step, refusals, traffic(found))]


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


GONE = Delete(kind=DEPLOYMENT, name="fraud-old", uid="1")


def refused_deletion(kind: Kind, name: str) -> Refusal:
    return Refusal(kind=kind.kind, name=name, reason=Reason.WRITE_REFUSED, message="it cannot be deleted")


def test_what_is_not_wanted_any_more_goes_whatever_else_is_refused():
    found, old, _ = steps()
    for refused in (refusal("ServiceAccount", "", essential=False), refusal("Deployment", old, essential=True)):
        assert skipped((*found, GONE), refused)[-1:] != ["delete Deployment fraud-old"]


def test_nothing_is_deleted_while_clients_are_not_sent_where_they_should_be():
    found, _, new = steps()
    service = Refusal(kind=SERVICE.kind, name="fraud", reason=Reason.WRITE_REFUSED, message="no")
    assert skipped((*found, GONE), service) == ["delete Deployment fraud-old"]
    assert skipped((*found, GONE), refusal("Deployment", new, essential=True))[-1] == "delete Deployment fraud-old"


def test_the_service_of_one_revision_is_not_what_clients_use():
    found, old, _ = steps()
    assert skipped((*found, GONE), refused_deletion(SERVICE, old)) == []


def test_pods_that_may_not_be_deleted_keep_what_they_rest_on_and_no_other_pods():
    account = Delete(kind=SERVICE_ACCOUNT, name="fraud", uid="1")
    assert skipped((GONE, account), refused_deletion(DEPLOYMENT, "other")) == ["delete ServiceAccount fraud"]


@pytest.mark.parametrize("kind", AUTOSCALERS)
def test_nobody_fights_an_autoscaler_that_may_not_be_deleted(kind: Kind):
    refused = refused_deletion(kind, "fraud-1")
    found = (Scale(deployment="fraud-1", replicas=5), Scale(deployment="fraud-2", replicas=5))
    assert skipped(found, refused) == ["scale fraud-1"]


GATEWAY = {"gateway": {"name": "public"}}


def test_a_route_that_is_refused_keeps_every_revision():
    found, _, _ = steps(traffic=GATEWAY)
    assert f"{HTTP_ROUTE.kind} fraud" in applied(found)
    assert skipped((*found, GONE), refused_deletion(HTTP_ROUTE, "fraud")) == ["delete Deployment fraud-old"]


def test_no_route_leads_to_a_service_that_could_not_be_written():
    found, _, new = steps(traffic=GATEWAY)
    assert skipped((*found, GONE), refused_deletion(SERVICE, new)) == [
        f"{HTTP_ROUTE.kind} fraud",
        "delete Deployment fraud-old",
    ]


def applied(found: tuple[Step, ...]) -> list[str]:
    return [f"{step.manifest['kind']} {step.manifest['metadata']['name']}" for step in found if isinstance(step, Apply)]

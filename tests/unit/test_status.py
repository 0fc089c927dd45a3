"""report/: a status says the same words while nothing changes, and events tell only of what happened."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from fairlead.api.kinds import DEPLOYMENT, SERVICE
from fairlead.api.reasons import Reason
from fairlead.api.status import Status
from fairlead.reconcile import reconcile
from fairlead.situation import Refusal
from world import World, a_model


def test_conditions_carry_the_generation_and_keep_the_time_of_their_last_change():
    world = World()
    world.reconcile()
    first = world.condition("Ready")
    world.now += timedelta(minutes=1)
    world.change(replicas=2)
    world.reconcile()
    second = world.condition("Ready")
    assert first["observedGeneration"] == 1
    assert second["observedGeneration"] == 2
    assert second["lastTransitionTime"] == first["lastTransitionTime"]
    world.run_pods()
    world.reconcile()
    assert world.condition("Ready")["lastTransitionTime"] != first["lastTransitionTime"]


def test_a_quiet_model_has_the_same_status_an_hour_later():
    world = World()
    world.settle()
    before = world.status
    world.now += timedelta(hours=1)
    world.reconcile()
    assert world.status == before


def test_a_quoted_line_that_differs_in_its_time_alone_is_no_news():
    world = World()
    world.settle()
    refusal = Refusal(
        kind="Service", name="fraud", reason=Reason.WRITE_REFUSED, message="at 10:01:02 pod 7f3a91c0 said no: full"
    )
    world.refusals = (refusal,)
    world.reconcile()
    before = world.status
    again = "at 10:06:40 pod 99ab04d7 said no: full"
    world.refusals = (Refusal(kind="Service", name="fraud", reason=Reason.WRITE_REFUSED, message=again),)
    world.reconcile()
    assert world.status == before
    news = "at 10:06:40 pod 99ab04d7 said no: empty"
    world.refusals = (Refusal(kind="Service", name="fraud", reason=Reason.WRITE_REFUSED, message=news),)
    world.reconcile()
    assert world.status != before


def test_a_refused_write_is_told_and_stalls():
    world = World()
    world.settle()
    told = "budgets are made by the platform team"
    refusal = Refusal(kind="PodDisruptionBudget", name="fraud-1", reason=Reason.WRITE_REFUSED, message=told)
    world.refusals = (refusal,)
    world.reconcile()
    assert world.condition("Stalled")["message"] == f"PodDisruptionBudget fraud-1 cannot be written: {told}"
    assert world.condition("Available")["status"] == "True"


def test_a_service_that_belongs_to_somebody_else_serves_nobody():
    world = World()
    world.refusals = (Refusal(kind="Service", name="fraud", reason=Reason.NAME_TAKEN, message="the name is taken"),)
    world.reconcile()
    del world.children[(SERVICE, "fraud")]  # it was never written
    world.run_pods()
    plan = world.reconcile()
    assert world.condition("Available")["status"] == "False"
    assert plan.events == (), "nothing took over"


def test_what_may_not_be_stopped_still_serves():
    world = World(a_model(rollout={"strategy": "Recreate"}))
    world.settle()
    old = world.serving()
    assert old is not None
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})
    told = "it cannot be deleted: no"
    world.refusals = (Refusal(kind="Deployment", name=old, reason=Reason.WRITE_REFUSED, message=told),)
    world.status = reconcile(world.look()).status
    assert world.condition("Available")["message"] == f"{old} serves"
    world.refusals = ()
    world.status = reconcile(world.look()).status
    assert world.condition("Available")["status"] == "False"


def test_endless_words_of_a_webhook_fit_into_a_condition():
    world = World()
    world.refusals = (Refusal(kind="Service", name="x", reason=Reason.WRITE_REFUSED, message="no " * 5000),)
    world.reconcile()
    assert len(world.condition("Ready")["message"]) <= 2000


def test_taking_over_is_an_event_and_nothing_happening_is_none():
    world = World()
    world.reconcile()
    world.run_pods()
    plan = world.reconcile()
    assert [event.reason for event in plan.events] == ["Promoted"]
    assert world.reconcile().events == ()


def test_stalling_is_one_warning():
    world = World()
    world.runtime = None
    plan = world.reconcile()
    assert [(event.type, event.reason) for event in plan.events] == [("Warning", "RuntimeNotFound")]
    assert world.reconcile().events == ()


def crashing(world: World, container: dict[str, Any] | None) -> tuple[str, ...]:
    """Reasons of the Events of a look at a first version whose pod has this status."""
    (name,) = world.deployments()
    labels = world.children[(DEPLOYMENT, name)]["spec"]["template"]["metadata"]["labels"]
    pod = {
        "metadata": {"name": "p", "namespace": "risk", "labels": labels},
        "status": {"containerStatuses": [{"name": "server", **container}] if container else []},
    }
    plan = reconcile(replace(world.look(), pods=(pod,)))
    world.status = plan.status
    return tuple(event.reason for event in plan.events)


CRASHED = {"state": {"waiting": {}}, "lastState": {"terminated": {"exitCode": 1}}}


def test_what_needs_a_person_is_one_warning_while_it_stays():
    world = World()
    world.reconcile()
    assert crashing(world, None) == ()
    assert crashing(world, {"state": {"running": {}}}) == (), "not ready yet"
    assert crashing(world, CRASHED) == ("ContainerFailing",)
    assert crashing(world, CRASHED) == ()
    assert crashing(world, {"state": {"waiting": {"reason": "ErrImagePull"}}}) == ("ImageUnavailable",)


def test_status_can_be_read_back():
    world = World()
    world.settle()
    assert world.status is not None
    assert Status.model_validate(world.status).data() == world.status


def test_draining_times_in_the_future_end():
    world = World()
    world.settle()
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})
    world.reconcile()
    world.run_pods()
    world.reconcile()
    assert world.status is not None
    world.status = {**world.status, "draining": [{**world.status["draining"][0], "since": "2999-01-01T00:00:00Z"}]}
    plan = world.reconcile()
    assert plan.look_again == timedelta(seconds=30)
    world.now += timedelta(seconds=30)
    world.reconcile()
    assert world.deployments() == {world.serving()}


def test_a_deadline_that_began_in_the_future_passes():
    world = World()
    world.settle()
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})
    world.reconcile()
    world.broken = world.deployments() - {world.serving()}
    world.reconcile()
    assert world.status is not None
    world.status = {**world.status, "rollout": {**world.status["rollout"], "since": "2999-01-01T00:00:00Z"}}
    world.reconcile()
    world.now += timedelta(minutes=10)
    world.reconcile()
    assert world.condition("Stalled")["reason"] == "ProgressDeadlineExceeded"

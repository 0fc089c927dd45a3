"""rollout/decide.py: which revisions live, and which of them serves."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fairlead.api.kinds import (
    CONTROLLER_REVISION,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    SERVICE,
    SERVICE_ACCOUNT,
)
from fairlead.api.parse import parse_model_deployment
from fairlead.decision import Decision
from fairlead.desired.revision import lookup_of, wanted_revision
from fairlead.plan import Delete
from fairlead.reconcile import reconcile
from fairlead.rollout import decide as rollout
from fairlead.rollout.gates import BEFORE_TRAFFIC, first_objection, pods_not_available, probe_unanswered, write_refused
from fairlead.situation import ProbeAnswer, Situation
from world import World, a_model


def settled(**spec: object) -> World:
    world = World(a_model(**spec))
    world.settle()
    return world


def decide(world: World, situation: Situation) -> Decision:
    spec = parse_model_deployment(world.model).spec
    model = parse_model_deployment(world.model)
    return rollout.decide(situation, spec, wanted_revision(situation, model, lookup_of(situation, model)))


def change_version(world: World, version: str) -> None:
    world.change(model={"uri": "pvc://models/fraud", "version": version})


def test_the_first_revision_is_stable_when_it_is_available():
    world = World()
    world.reconcile()
    assert world.status is not None
    assert "stable" not in world.status
    world.run_pods()
    world.reconcile()
    assert world.status["stable"]["revision"] == world.serving()
    assert world.condition("Ready")["status"] == "True"


def test_the_very_first_status_says_not_ready():
    world = World()
    world.reconcile()
    assert world.condition("Ready")["status"] == "False"
    assert world.condition("Reconciling")["status"] == "True"


def test_a_candidate_starts_beside_the_stable_revision_and_takes_over_when_it_answers():
    world = settled()
    old = world.serving()
    change_version(world, "2")
    world.reconcile()
    assert world.serving() == old
    assert len(world.deployments()) == 2
    world.run_pods()
    world.reconcile()
    new = world.serving()
    assert new != old
    assert world.deployments() == {old, new}, "the old revision drains"


def test_the_old_revision_goes_when_its_drain_time_is_over():
    world = settled(rollout={"drain": "30s"})
    old = world.serving()
    change_version(world, "2")
    world.reconcile()
    world.run_pods()
    assert world.reconcile().look_again == timedelta(seconds=1), "that it took over has still to be told"
    assert world.reconcile().look_again == timedelta(seconds=30)
    world.now += timedelta(seconds=29)
    world.reconcile()
    assert old in world.deployments()
    world.now += timedelta(seconds=1)
    world.reconcile()
    assert old not in world.deployments()
    assert (CONTROLLER_REVISION, old) in world.children, "the way back is remembered"


def test_without_drain_time_the_old_revision_goes_right_after_traffic_has_moved():
    world = settled(rollout={"drain": "0s"})
    old = world.serving()
    change_version(world, "2")
    world.reconcile()
    world.run_pods()
    plan = world.reconcile()
    assert world.serving() != old
    assert world.deployments() == {world.serving()}
    assert world.status["rollout"]["phase"] == "Stable"
    kinds = [type(step).__name__ for step in plan.steps]
    assert kinds.index("Delete") > max(n for n, kind in enumerate(kinds) if kind == "Apply")


def test_a_candidate_that_never_gets_ready_takes_no_traffic_and_harms_nothing():
    world = settled()
    old = world.serving()
    change_version(world, "2")
    world.reconcile()
    world.broken = world.deployments() - {old}
    world.settle()
    assert world.serving() == old
    assert world.condition("Available")["status"] == "True"
    assert world.condition("Ready")["status"] == "False"


def test_a_candidate_that_does_not_answer_takes_no_traffic():
    world = settled()
    old = world.serving()
    change_version(world, "2")
    world.reconcile()
    world.silent = world.deployments() - {old}
    world.run_pods()
    plan = world.reconcile()
    assert world.serving() == old
    assert world.condition("Ready")["reason"] == "ProbeUnanswered"
    told = f"the pods of {next(iter(world.silent))} are ready, but GET /ready on port 8080 answered 503"
    assert world.condition("Ready")["message"] == f"{told}; {old} goes on serving"
    assert plan.look_again == timedelta(minutes=10), "its progress deadline"
    world.now += timedelta(minutes=10)
    world.reconcile()
    assert world.condition("Stalled")["reason"] == "ProgressDeadlineExceeded"
    assert world.condition("Available")["status"] == "True"


def test_pods_are_looked_at_before_they_are_asked():
    assert (write_refused, pods_not_available, probe_unanswered) == BEFORE_TRAFFIC
    world = settled()
    change_version(world, "2")
    world.reconcile()
    situation = world.look()
    candidate = next(r for r in situation.revisions if r.name != world.serving())
    objection = first_objection(BEFORE_TRAFFIC, situation, candidate, 1)
    assert objection is not None
    assert objection.reason == "Starting"


def test_changing_the_spec_back_removes_the_candidate():
    world = settled()
    old = world.serving()
    change_version(world, "2")
    world.reconcile()
    change_version(world, "1")
    world.reconcile()
    assert world.deployments() == {old}
    assert world.condition("Ready")["status"] == "True"


def test_another_change_supersedes_the_candidate():
    world = settled()
    old = world.serving()
    change_version(world, "2")
    world.reconcile()
    second = world.deployments() - {old}
    change_version(world, "3")
    world.reconcile()
    assert second.isdisjoint(world.deployments())
    assert len(world.deployments()) == 2


def test_going_back_to_a_revision_that_drains_starts_nothing_anew():
    world = settled()
    old = world.serving()
    change_version(world, "2")
    world.reconcile()
    world.run_pods()
    world.reconcile()
    uid = world.children[(DEPLOYMENT, old)]["metadata"]["uid"]
    change_version(world, "1")
    world.reconcile()
    world.reconcile()
    assert world.serving() == old
    assert world.children[(DEPLOYMENT, old)]["metadata"]["uid"] == uid


def test_recreate_stops_the_old_revision_before_the_new_one_starts():
    world = settled(rollout={"strategy": "Recreate"})
    old = world.serving()
    change_version(world, "2")
    world.reconcile()
    assert world.deployments() == set()
    world.reconcile()
    assert world.deployments() == set(), "pods of the old revision still end"
    assert world.condition("Ready")["reason"] == "Stopping"
    world.run_pods()
    world.reconcile()
    assert world.deployments().isdisjoint({old})
    world.run_pods()
    world.reconcile()
    assert world.condition("Ready")["status"] == "True"


def test_old_pods_that_do_not_end_are_told_when_the_deadline_is_over():
    world = settled(rollout={"strategy": "Recreate", "progressDeadline": "1m"})
    change_version(world, "2")
    assert world.reconcile().look_again == timedelta(minutes=1)
    world.now += timedelta(seconds=59)
    world.reconcile()
    assert world.condition("Stalled") is None
    world.now += timedelta(seconds=1)
    plan = world.reconcile()
    assert world.condition("Stalled")["reason"] == "ProgressDeadlineExceeded"
    assert "waiting for the pods of the old revision to end" in world.condition("Stalled")["message"]
    assert [event.reason for event in plan.events] == ["ProgressDeadlineExceeded"]


def test_recreate_never_has_two_pods_in_the_place_of_one():
    world = settled()
    deployment = world.children[(DEPLOYMENT, world.serving())]
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": "25%"}
    template = deployment["spec"]["template"]
    world.change(rollout={"strategy": "Recreate"})
    world.reconcile()
    deployment = world.children[(DEPLOYMENT, world.serving())]
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    assert deployment["spec"]["template"] == template, "nothing is restarted"


def test_a_first_revision_that_never_served_is_replaced_and_not_kept_beside():
    world = World()
    world.reconcile()
    first = world.deployments()
    change_version(world, "2")
    world.reconcile()
    assert first.isdisjoint(world.deployments())


def test_a_changed_runtime_restarts_nothing():
    world = settled()
    before = world.children[(DEPLOYMENT, world.serving())]
    world.runtime = {**world.runtime, "spec": {**world.runtime["spec"], "image": "registry.example/mlserver:2"}}
    world.settle()
    assert world.children[(DEPLOYMENT, world.serving())] == before


def test_a_missing_runtime_touches_nothing_that_runs():
    world = settled()
    before = dict(world.children)
    world.runtime = None
    change_version(world, "2")
    world.settle()
    assert world.children == before
    assert world.condition("Stalled")["reason"] == "RuntimeNotFound"
    assert world.condition("Available")["status"] == "True"


def test_going_back_needs_no_runtime():
    world = settled()
    old = world.serving()
    change_version(world, "2")
    world.settle()
    world.runtime = None
    change_version(world, "1")
    world.settle()
    assert world.serving() == old


def test_a_lost_status_is_found_again_from_the_service():
    world = settled()
    old = world.serving()
    change_version(world, "2")
    world.reconcile()
    world.status = None
    world.reconcile()
    assert world.serving() == old
    assert world.status["stable"]["revision"] == old


def test_a_lost_record_is_written_again():
    world = settled()
    del world.children[(CONTROLLER_REVISION, world.serving())]
    before = world.children[(DEPLOYMENT, world.serving())]
    world.reconcile()
    assert (CONTROLLER_REVISION, world.serving()) in world.children
    assert world.children[(DEPLOYMENT, world.serving())] == before


def test_a_lost_record_that_cannot_be_made_again_restarts_nothing():
    world = settled()
    old = world.serving()
    before = world.children[(DEPLOYMENT, old)]
    del world.children[(CONTROLLER_REVISION, old)]
    world.runtime = {**world.runtime, "spec": {**world.runtime["spec"], "image": "registry.example/mlserver:2"}}
    world.settle()
    assert world.serving() == old
    assert world.deployments() == {old}
    assert world.children[(DEPLOYMENT, old)] == before


def test_scaled_to_zero_is_ready_and_not_available():
    world = settled(replicas=0)
    assert world.condition("Ready")["reason"] == "ScaledToZero"
    assert world.condition("Available")["status"] == "False"


def test_a_candidate_needs_as_many_pods_as_the_autoscaler_gave_to_stable():
    scaling = {"minReplicas": 1, "maxReplicas": 10, "target": {"cpuUtilization": 70}}
    world = settled(autoscaling=scaling, resources={"requests": {"cpu": "1"}})
    old = world.serving()
    world.children[(DEPLOYMENT, old)]["spec"]["replicas"] = 6
    world.run_pods()
    change_version(world, "2")
    world.reconcile()
    new = next(iter(world.deployments() - {old}))
    assert world.children[(DEPLOYMENT, new)]["spec"]["replicas"] == 6, "at once, before its autoscaler owns the number"
    assert world.children[(HORIZONTAL_POD_AUTOSCALER, new)]["spec"]["minReplicas"] == 6
    world.children[(DEPLOYMENT, new)]["spec"]["replicas"] = 5  # somebody else's doing: not enough
    world.run_pods()
    world.reconcile()
    assert world.serving() == old
    world.children[(DEPLOYMENT, new)]["spec"]["replicas"] = 6
    world.run_pods()
    world.reconcile()
    assert world.serving() == new


def test_nothing_is_built_from_a_spec_that_cannot_be_read():
    world = settled()
    before = dict(world.children)
    world.model["spec"] = {"runtime": "nonsense"}
    world.model["metadata"]["generation"] += 1
    world.reconcile()
    assert world.children == before
    assert world.condition("Stalled")["reason"] == "InvalidSpec"
    assert world.condition("Available")["status"] == "True"
    assert world.status["stable"]["revision"] == world.serving()


def test_the_service_is_never_deleted_while_nothing_serves():
    world = settled(rollout={"strategy": "Recreate"})
    change_version(world, "2")
    world.reconcile()
    assert (SERVICE, "fraud") in world.children


def test_nothing_is_taken_from_the_stable_revision_before_the_candidate_has_taken_over():
    world = settled(replicas=4)
    old = world.serving()
    world.change(model={"uri": "pvc://models/fraud", "version": "2"}, replicas=1)
    world.reconcile()
    assert world.children[(DEPLOYMENT, old)]["spec"]["replicas"] == 4
    world.run_pods()
    world.reconcile()
    assert world.serving() != old
    assert world.condition("Ready")["status"] == "True"


def test_a_service_that_scales_out_stays_ready():
    scaling = {"minReplicas": 2, "maxReplicas": 10, "target": {"cpuUtilization": 70}}
    world = settled(autoscaling=scaling, resources={"requests": {"cpu": "1"}})
    deployment = world.children[(DEPLOYMENT, world.serving())]
    deployment["spec"]["replicas"] = 2
    world.run_pods()
    deployment["spec"]["replicas"] = 8  # by the autoscaler; two of them are available so far
    world.reconcile()
    assert world.condition("Ready")["status"] == "True"


def test_an_account_that_stable_pods_use_stays_as_long_as_they_do():
    world = settled()
    world.change(model={"uri": "pvc://models/fraud", "version": "2"}, pod={"serviceAccountName": "custom"})
    world.reconcile()
    assert (SERVICE_ACCOUNT, "fraud") in world.children
    world.settle()
    assert (SERVICE_ACCOUNT, "fraud") not in world.children, "nobody uses it any more"


def test_an_autoscaled_model_at_zero_is_woken():
    scaling = {"minReplicas": 2, "maxReplicas": 10, "target": {"cpuUtilization": 70}}
    world = settled(replicas=0, resources={"requests": {"cpu": "1"}})
    del world.model["spec"]["replicas"]
    world.change(autoscaling=scaling)
    world.reconcile()
    assert world.children[(DEPLOYMENT, world.serving())]["spec"]["replicas"] == 2


@pytest.mark.parametrize(("stabilization", "minutes"), [(None, 10), ("3m", 3), ("0s", 2)])
def test_a_new_revision_is_not_scaled_in_while_its_autoscaler_still_sees_it_idle(
    stabilization: str | None, minutes: int
):
    scaling: dict[str, Any] = {"minReplicas": 1, "maxReplicas": 10, "target": {"cpuUtilization": 70}}
    if stabilization is not None:
        scaling["behavior"] = {"down": {"stabilization": stabilization, "percent": 100, "period": "15s"}}
    world = settled(autoscaling=scaling, resources={"requests": {"cpu": "1"}})
    world.children[(DEPLOYMENT, world.serving())]["spec"]["replicas"] = 6
    world.run_pods()
    change_version(world, "2")
    world.reconcile()
    new = next(iter(world.deployments() - {world.serving()}))
    world.children[(DEPLOYMENT, new)]["spec"]["replicas"] = 6
    world.run_pods()
    world.reconcile()
    assert world.serving() == new
    autoscaler = world.children[(HORIZONTAL_POD_AUTOSCALER, new)]
    assert autoscaler["spec"]["minReplicas"] == 6
    world.now += timedelta(minutes=minutes, seconds=-1)
    world.reconcile()
    assert world.children[(HORIZONTAL_POD_AUTOSCALER, new)]["spec"]["minReplicas"] == 6
    world.now += timedelta(seconds=1)
    world.reconcile()
    assert world.children[(HORIZONTAL_POD_AUTOSCALER, new)]["spec"]["minReplicas"] == 1


def test_a_stale_status_does_not_move_traffic_to_a_revision_without_pods():
    world = settled()
    before = world.status
    change_version(world, "2")
    world.settle()
    serving = world.serving()
    world.status = before  # as a new leader sees it whose watch lags behind
    world.model["spec"]["model"]["version"] = "1"
    world.reconcile()
    assert world.serving() == serving
    assert serving in world.deployments()


def test_a_change_to_recreate_in_the_middle_keeps_the_candidate():
    world = settled()
    old = world.serving()
    change_version(world, "2")
    world.reconcile()
    world.run_pods()
    candidate = world.deployments() - {old}
    uid = world.children[(DEPLOYMENT, next(iter(candidate)))]["metadata"]["uid"]
    world.change(rollout={"strategy": "Recreate"})
    world.silent = candidate
    world.reconcile()
    assert world.deployments() == candidate
    assert world.children[(DEPLOYMENT, next(iter(candidate)))]["metadata"]["uid"] == uid


def test_a_missing_runtime_takes_no_pods_away():
    world = settled(replicas=4)
    world.runtime = None
    world.change(model={"uri": "pvc://models/fraud", "version": "2"}, replicas=1)
    world.reconcile()
    assert world.children[(DEPLOYMENT, world.serving())]["spec"]["replicas"] == 4


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ((), "there is no ModelRuntime mlservr, nor any other; create it"),
        (("http",), "there is no ModelRuntime mlservr; create it, or name one that exists: http"),
        (
            ("http", "mlserver"),
            "there is no ModelRuntime mlservr (did you mean mlserver?); create it, or name one that exists: "
            "http, mlserver",
        ),
        (
            tuple("abcdefg"),
            "there is no ModelRuntime mlservr; create it, or name one that exists: "
            "a, b, c, d, e and 2 more (kubectl get modelruntimes)",
        ),
    ],
)
def test_a_missing_runtime_is_told_with_those_that_exist(others: tuple[str, ...], message: str):
    world = World(a_model(runtime={"ref": {"name": "mlservr"}}), runtime=None, other_runtimes=others)
    world.reconcile()
    assert world.condition("Ready")["message"] == message


def test_a_candidate_that_nobody_has_asked_yet_is_looked_at_again_soon():
    world = settled()
    change_version(world, "2")
    world.reconcile(stop_after=9)  # a crash before the status was written
    world.run_pods()
    plan = world.reconcile()
    assert world.condition("Ready")["reason"] == "Starting"
    assert "are ready, and one of them is about to be asked" in world.condition("Ready")["message"]
    assert plan.look_again == timedelta(seconds=1), "no event will come"


def moved_without_a_status() -> World:
    """The leader has moved traffic, and ended before it wrote a status."""
    world = settled()
    change_version(world, "2")
    world.reconcile()
    world.run_pods()
    before = world.status
    world.reconcile()
    world.status = before
    return world


def test_traffic_that_a_former_leader_has_moved_stays_though_its_answer_is_lost():
    world = moved_without_a_status()
    decision = decide(world, replace(world.look(), probe=None))
    assert decision.serving.name == world.serving()
    assert decision.phase == "Draining"


def test_traffic_that_somebody_has_moved_to_a_revision_that_does_not_answer_goes_back():
    world = moved_without_a_status()
    world.silent = {world.serving()}
    assert decide(world, world.look()).serving.name != world.serving()


def test_traffic_that_somebody_has_moved_to_a_revision_that_is_not_complete_goes_back():
    world = moved_without_a_status()
    world.children[(DEPLOYMENT, world.serving())]["status"]["availableReplicas"] = 0
    assert decide(world, replace(world.look(), probe=None)).serving.name != world.serving()


def test_another_answer_to_fairleads_request_is_told():
    world = settled()
    change_version(world, "2")
    world.reconcile()
    world.run_pods()
    (candidate,) = world.deployments() - {world.serving()}
    for answer in ("answered 404", "answered 503"):
        probe = ProbeAnswer(revision=candidate, answered=False, detail=f"GET /v2/ready on port 8080 {answer}")
        world.status = reconcile(replace(world.look(), probe=probe)).status
        assert answer in world.condition("Ready")["message"]


def test_a_change_to_recreate_in_the_middle_leaves_traffic_where_it_is_served():
    world = settled()
    old = world.serving()
    change_version(world, "2")
    world.reconcile()
    world.change(rollout={"strategy": "Recreate"})
    world.reconcile(stop_after=len(reconcile(world.look()).steps) - 1)  # the old Deployment is not deleted yet
    assert world.serving() == old
    world.settle()
    assert world.serving() != old


def test_recreate_looks_again_where_no_pod_will_tell_of_its_end():
    world = settled(rollout={"strategy": "Recreate"}, replicas=0)
    change_version(world, "2")
    assert world.reconcile().look_again == timedelta(seconds=1)


@pytest.mark.parametrize(("strategy", "waits"), [("Recreate", True), ("BlueGreen", False)])
def test_a_deployment_stays_until_its_pods_are_gone_where_another_waits_for_that(strategy: str, waits: bool):
    world = settled(rollout={"strategy": strategy, "drain": "0s"})
    old = world.serving()
    change_version(world, "2")
    deleted = []
    for _ in range(4):
        deleted += [step for step in world.reconcile().steps if isinstance(step, Delete) and step.name == old]
        world.run_pods()
    assert [step.waits for step in deleted if step.kind == DEPLOYMENT] == [waits]


def test_a_deployment_that_is_being_deleted_has_no_pods_to_count_on():
    world = settled()
    serving = world.serving() or ""
    assert world.look().settled_pods(serving) == 1
    world.children[(DEPLOYMENT, serving)]["metadata"]["deletionTimestamp"] = "2026-01-05T09:00:00Z"
    assert world.look().settled_pods(serving) == 0

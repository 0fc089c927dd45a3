"""report/scaling.py: what the user reads of an autoscaler that works, and of one that does not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fairlead.api.kinds import DEPLOYMENT, SCALED_OBJECT, Kind
from fairlead.api.kinds import HORIZONTAL_POD_AUTOSCALER as HPA
from fairlead.api.reasons import Reason
from fairlead.api.times import format_time
from fairlead.scaling.trouble import SETTLING
from fairlead.situation import Refusal, Rival
from unit.scaling.scaled_world import QUERY, a_world, autoscalers, bounds, said
from world import World, a_model

CPU, QUEUE = bounds({"cpuUtilization": 70}), bounds({"queueDepth": 8})
OFFICE = {"name": "office", "cron": "0 8 * * *", "timeZone": "Europe/Berlin", "duration": "10h", "minReplicas": 6}


def says(world: World, kind: Kind, **condition: str) -> None:
    """The autoscaler says something of itself."""
    live = world.children[kind, world.serving() or ""]
    seen = [] if kind == HPA or condition["type"] == "Ready" else [{"type": "Ready", "status": "True"}]
    told = {"lastTransitionTime": "2026-01-05T09:00:00Z", **condition}
    live["status"] = {"currentReplicas": 3, "conditions": [*seen, told]}


def looked_at(world: World) -> tuple[str, str, str]:
    """What is said once it has lasted: every autoscaler complains for a while now and then."""
    world.reconcile()
    world.now += SETTLING
    world.reconcile()
    return said(world)


@pytest.mark.parametrize(
    ("autoscaling", "kind", "condition"),
    [
        (CPU, HPA, {"type": "ScalingActive", "status": "False"}),
        (CPU, HPA, {"type": "AbleToScale", "status": "False"}),
        (QUEUE, SCALED_OBJECT, {"type": "Ready", "status": "False"}),
        (QUEUE, SCALED_OBJECT, {"type": "Fallback", "status": "True"}),
        (QUEUE, SCALED_OBJECT, {"type": "Paused", "status": "True"}),
        (QUEUE, SCALED_OBJECT, {"type": "HPAActive", "status": "False"}),
    ],
)
def test_an_autoscaler_that_cannot_do_its_work_is_quoted(autoscaling: Any, kind: Kind, condition: dict[str, str]):
    world = a_world(autoscaling)
    says(world, kind, **condition, reason="Why", message="as it says")
    told = f"{kind.kind} R does not follow the load, {condition['type']} is {condition['status']}: Why: as it says"
    assert looked_at(world) == ("False", "AutoscalerFailing", told)
    assert (world.condition("Ready") or {})["status"] == "True", "the model serves all the same"
    says(world, kind, type="Ready" if kind == SCALED_OBJECT else "ScalingActive", status="True")
    assert looked_at(world)[:2] == ("True", "Autoscaled")


@pytest.mark.parametrize(
    ("autoscaling", "kind", "condition"),
    [
        (CPU, HPA, {"type": "ScalingActive", "status": "True"}),
        (CPU, HPA, {"type": "ScalingLimited", "status": "True"}),
        (CPU, HPA, {"type": "ScalingActive", "status": "False", "reason": "ScalingDisabled"}),
        (QUEUE, SCALED_OBJECT, {"type": "Active", "status": "False"}),
        (QUEUE, SCALED_OBJECT, {"type": "Fallback", "status": "False"}),
    ],
)
def test_what_an_autoscaler_says_at_its_work_is_no_trouble(autoscaling: Any, kind: Kind, condition: dict[str, str]):
    world = a_world(autoscaling)
    says(world, kind, **condition)
    assert looked_at(world)[:2] == ("True", "Autoscaled")


@pytest.mark.parametrize(
    ("autoscaling", "kind", "wrong"), [(CPU, HPA, "ScalingActive"), (QUEUE, SCALED_OBJECT, "Ready")]
)
def test_what_is_started_again_makes_nobody_fail(autoscaling: Any, kind: Kind, wrong: str):
    """A metrics-server, a Prometheus or KEDA: every autoscaler complains meanwhile."""
    world = a_world(autoscaling)
    world.now += timedelta(hours=1)
    for _ in range(4):
        says(world, kind, type=wrong, status="False", reason="Why")
        since = world.now
        while world.now < since + SETTLING:
            plan = world.reconcile()
            assert said(world)[:2] == ("True", "Autoscaled")
            assert plan.look_again == since + SETTLING - world.now, "to tell it then"
            world.now += timedelta(seconds=30)
        says(world, kind, type=wrong, status="True")
        world.reconcile()
        assert "failingSince" not in (world.status or {})["scaling"]


def test_a_complaint_that_turns_into_another_has_lasted_all_the_same():
    world = a_world(QUEUE)
    says(world, SCALED_OBJECT, type="Fallback", status="True", reason="Why")
    world.reconcile()
    world.now += SETTLING / 2
    says(world, SCALED_OBJECT, type="HPAActive", status="False", reason="FailedGet", message="no metric")
    world.reconcile()
    world.now += SETTLING / 2
    world.reconcile()
    assert said(world)[2].endswith("does not follow the load, HPAActive is False: FailedGet: no metric")


def test_a_new_one_may_complain_without_a_word_about_it_in_status():
    world = a_world(CPU)
    world.children[HPA, world.serving() or ""]["metadata"]["creationTimestamp"] = format_time(world.now)
    before = world.reconcile().status
    says(world, HPA, type="ScalingActive", status="False", reason="Why")
    for _ in range(12):
        assert world.reconcile().status == before
        world.now += SETTLING / 12
    world.now += timedelta(seconds=3)
    world.reconcile()
    assert said(world)[:2] == ("False", "AutoscalerFailing")
    world.now += timedelta(hours=1)
    assert world.reconcile().status == world.status
    assert said(world)[:2] == ("False", "AutoscalerFailing")


def test_what_takes_over_is_not_blamed_for_what_its_predecessor_said():
    world = a_world(CPU)
    says(world, HPA, type="ScalingActive", status="False", reason="Why")
    assert looked_at(world)[:2] == ("False", "AutoscalerFailing")
    old = world.serving()
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})
    world.settle()
    assert world.serving() != old
    says(world, HPA, type="ScalingActive", status="False", reason="Why")
    world.reconcile()
    assert said(world)[:2] == ("True", "Autoscaled")
    assert looked_at(world)[:2] == ("False", "AutoscalerFailing")


def test_a_message_that_varies_by_itself_is_not_written_again():
    world = a_world(CPU)
    for address in ("10.0.0.1:443", "10.0.0.2:443", "10.0.0.3:443"):
        says(
            world, HPA, type="ScalingActive", status="False", reason="FailedGet", message=f"dial tcp {address}: refused"
        )
        looked_at(world)
    assert "10.0.0.1:443" in said(world)[2]


def test_an_autoscaler_that_is_refused_is_told():
    world = a_world(QUEUE)
    name = world.serving() or ""
    told = 'unknown field "spec.fallback.behavior"'
    world.refusals = (
        Refusal(kind="ScaledObject", name=name, revision=name, reason=Reason.WRITE_REFUSED, message=told),
    )
    assert looked_at(world) == ("False", "WriteRefused", f"ScaledObject R cannot be written: {told}")


def test_one_that_has_to_go_first_and_does_not_is_told():
    world = a_world(QUEUE)
    world.children[SCALED_OBJECT, world.serving() or ""]["metadata"]["deletionTimestamp"] = "2026-01-05T09:00:00Z"
    world.change(autoscaling=CPU)
    told = "ScaledObject R has to go first, and is still there"
    assert looked_at(world) == ("False", "AutoscalerFailing", told)
    assert set(autoscalers(world)) == {SCALED_OBJECT}


def test_a_floor_that_holds_is_told_with_its_end():
    world = a_world({**CPU, "floors": [OFFICE]})
    told = "HorizontalPodAutoscaler R holds cpuUtilization at 70 %, with 2 to 10 pods"
    assert said(world)[2] == f"{told}; floor office asks for at least 6 until 2026-01-05T17:00:00Z"
    world.now = datetime(2026, 1, 5, 17, 0, tzinfo=UTC)
    assert looked_at(world)[2] == told


@pytest.mark.parametrize("wrong", [{"cron": "0 8 30 2 *"}, {"timeZone": "Europe/Atlantis"}])
def test_a_floor_that_cannot_be_read_is_told_and_the_rest_goes_on(wrong: dict[str, str]):
    odd = {**OFFICE, "name": "odd", "minReplicas": 9, **wrong}
    world = a_world({**CPU, "floors": [odd, OFFICE]})
    status, reason, message = said(world)
    assert (status, reason) == ("False", "FloorUnusable")
    assert message.startswith("floor odd ")
    assert message.endswith("floor office asks for at least 6 until 2026-01-05T17:00:00Z")
    assert autoscalers(world)[HPA]["minReplicas"] == 6
    assert (world.condition("Ready") or {})["status"] == "True"


@pytest.mark.parametrize("autoscaling", [CPU, QUEUE, {**CPU, "floors": [OFFICE, {**OFFICE, "name": "b", "cron": "x"}]}])
def test_a_quiet_model_has_the_same_status_at_every_look(autoscaling: Any):
    world = a_world(autoscaling)
    before = world.reconcile().status
    for _ in range(20):
        world.now += timedelta(minutes=7)
        assert world.reconcile().status == before


def test_a_model_that_sleeps_says_so_and_one_that_wakes_is_not_ready_yet():
    world = a_world(bounds({"query": QUERY}, minReplicas=0))

    def pods(number: int) -> dict[str, tuple[str, str]]:
        world.children[DEPLOYMENT, world.serving() or ""]["spec"]["replicas"] = number
        world.reconcile()
        found = {kind: world.condition(kind) or {} for kind in ("Ready", "Available")}
        return {kind: (each["status"], each["reason"]) for kind, each in found.items()}

    pods(0)
    world.run_pods()
    assert pods(0) == {"Ready": ("True", "ScaledToZero"), "Available": ("False", "ScaledToZero")}
    assert (world.condition("Ready") or {})["message"].endswith("is scaled to zero, as its autoscaler asks")
    assert pods(1) == {"Ready": ("False", "NotAvailable"), "Available": ("False", "NotAvailable")}
    world.run_pods()
    assert pods(1) == {"Ready": ("True", "Serving"), "Available": ("True", "Serving")}


def test_a_model_is_not_unready_because_a_floor_begins():
    world = a_world({**CPU, "floors": [{**OFFICE, "cron": "0 12 * * *", "timeZone": "UTC"}]})
    world.now = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
    world.reconcile()
    assert autoscalers(world)[HPA]["minReplicas"] == 6
    assert (world.condition("Ready") or {})["status"] == "True"


THEIRS = "HorizontalPodAutoscaler theirs, which is not Fairlead's,"


def a_rival(kind: str, target: str) -> Rival:
    return Rival(kind="HorizontalPodAutoscaler", name="theirs", target_kind=kind, target=target)


def test_an_autoscaler_that_is_not_ours_is_told():
    world = a_world(CPU)
    world.rivals = (a_rival("Deployment", world.serving() or ""),)
    two = f"{THEIRS} sets the number of pods of R; two take it back from each other: delete that, or set "
    assert looked_at(world) == ("False", "ForeignAutoscaler", f"{two}spec.autoscaling.mode: External")
    assert (world.condition("Ready") or {})["status"] == "True"
    world.rivals = ()
    assert looked_at(world)[:2] == ("True", "Autoscaled")


def test_with_mode_external_it_is_what_was_meant():
    world = a_world({"mode": "External", "minReplicas": 1, "maxReplicas": 10})
    world.rivals = (a_rival("Deployment", world.serving() or ""),)
    assert looked_at(world)[:2] == ("True", "ScaledElsewhere")


@pytest.mark.parametrize("pods", [5, 0])
def test_beside_a_fixed_number_it_is_told_and_left_alone(pods: int):
    """Both would set the number again and again otherwise, and pods would come and go."""
    world = World(a_model(replicas=2))
    world.settle()
    world.rivals = (a_rival("Deployment", world.serving() or ""),)
    world.children[DEPLOYMENT, world.serving() or ""]["spec"]["replicas"] = pods
    alone = "Fairlead leaves it alone, so spec.replicas does not hold: delete that, or set spec.autoscaling"
    assert looked_at(world) == ("False", "ForeignAutoscaler", f"{THEIRS} sets the number of pods of R; {alone}")
    assert world.children[DEPLOYMENT, world.serving() or ""]["spec"]["replicas"] == pods
    world.rivals = ()
    world.reconcile()
    assert world.condition("ScalingActive") is None
    assert world.children[DEPLOYMENT, world.serving() or ""]["spec"]["replicas"] == 2


def test_one_of_the_model_itself_may_set_the_number_but_not_beside_autoscaling():
    world = World(a_model(replicas=2))
    world.settle()
    world.rivals = (a_rival("ModelDeployment", "fraud"),)
    world.reconcile()
    assert world.condition("ScalingActive") is None
    world = a_world(CPU)
    world.rivals = (a_rival("ModelDeployment", "fraud"),)
    told = f"{THEIRS} is meant to scale this ModelDeployment, and cannot beside spec.autoscaling: delete one of the two"
    assert looked_at(world) == ("False", "ForeignAutoscaler", told)


def test_one_of_a_candidate_is_told_too():
    world = a_world(CPU)
    stable = world.serving()
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})
    world.reconcile()
    (candidate,) = world.deployments() - {stable}
    world.silent.add(candidate)
    world.rivals = (a_rival("Deployment", candidate),)
    assert looked_at(world)[1] == "ForeignAutoscaler"
    assert f"of {candidate};" in said(world)[2]


@pytest.mark.parametrize(
    ("rival", "told"),
    [
        (a_rival("Deployment", "fraud-00000000"), "Deployment fraud-00000000, and R serves: nothing scales that"),
        (
            a_rival("ModelDeployment", "fraud"),
            "ModelDeployment fraud, and cannot scale it beside spec.autoscaling: set spec.replicas in place of that",
        ),
    ],
)
def test_with_mode_external_one_that_scales_something_else_is_told(rival: Rival, told: str):
    world = a_world({"mode": "External", "minReplicas": 1, "maxReplicas": 10})
    world.rivals = (rival,)
    made = "HorizontalPodAutoscaler theirs is made for"
    assert looked_at(world) == ("False", "ForeignAutoscaler", f"{made} {told}")


def test_one_that_keda_has_not_looked_at_is_told_after_a_while():
    world = a_world(QUEUE)
    live = world.children[SCALED_OBJECT, world.serving() or ""]
    del live["status"]
    live["metadata"]["creationTimestamp"] = format_time(world.now)
    world.reconcile()
    assert said(world)[:2] == ("True", "Autoscaled")
    assert looked_at(world) == (
        "False",
        "AutoscalerFailing",
        "ScaledObject R does not follow the load, Ready is Unknown: NotSeen: KEDA has not looked at it; does it run, "
        "and watch this namespace?",
    )

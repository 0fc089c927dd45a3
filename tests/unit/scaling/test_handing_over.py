"""Who sets the number of pods when that changes: never two at a time, and never fewer pods by that."""

from datetime import timedelta
from typing import Any

import pytest

from canary_world import CanaryWorld, a_canary
from fairlead.api.kinds import AUTOSCALERS, DEPLOYMENT, OPTIONAL, SCALED_OBJECT, Kind
from fairlead.api.kinds import HORIZONTAL_POD_AUTOSCALER as HPA
from fairlead.plan import Delete, Scale
from unit.scaling.scaled_world import COUNTING, CPU, PROMETHEUS, QUERY, WITHOUT_KEDA, a_world, autoscalers, bounds, made
from world import World

VERSION_2 = {"uri": "pvc://models/fraud", "version": "2"}
BY_CPU, BY_QUEUE = bounds({"cpuUtilization": 70}), bounds({"queueDepth": 8})
EXTERNAL = {"mode": "External", "minReplicas": 2, "maxReplicas": 10}


def has(world: World, pods: int, name: str | None = None) -> None:
    """An autoscaler has set the number."""
    world.children[DEPLOYMENT, name or world.serving() or ""]["spec"]["replicas"] = pods
    world.run_pods()


def pods_of(world: World, name: str | None) -> int:
    return int(world.children[DEPLOYMENT, name or ""]["spec"]["replicas"])


@pytest.mark.parametrize(
    ("before", "after", "goes", "comes"),
    [(BY_CPU, BY_QUEUE, HPA, SCALED_OBJECT), (BY_QUEUE, BY_CPU, SCALED_OBJECT, HPA)],
)
def test_one_kind_takes_the_place_of_the_other_once_that_is_gone(
    before: dict[str, Any], after: dict[str, Any], goes: Kind, comes: Kind
):
    world = a_world(before)
    has(world, 7)
    world.change(autoscaling=after)
    plan = world.reconcile()
    assert [step.kind for step in plan.steps if isinstance(step, Delete)] == [goes]
    assert made(plan) == []
    assert plan.look_again == timedelta(seconds=1), "nobody tells of what is gone at once"
    assert made(world.reconcile()) == [comes]
    assert pods_of(world, world.serving()) == 7


@pytest.mark.parametrize("goes_on", [1, 3])
def test_one_that_a_finalizer_keeps_is_waited_for(goes_on: int):
    """KEDA's own takes a moment; a foreign one may take for ever."""
    world = a_world(BY_QUEUE)
    has(world, 7)
    live = world.children[SCALED_OBJECT, world.serving() or ""]
    world.change(autoscaling=BY_CPU)
    live["metadata"]["deletionTimestamp"] = "2026-01-05T09:00:00Z"
    for _ in range(goes_on):
        plan = world.reconcile()
        assert (made(plan), [step for step in plan.steps if isinstance(step, Delete | Scale)]) == ([], [])
    del world.children[SCALED_OBJECT, world.serving() or ""]
    assert made(world.reconcile()) == [HPA]
    assert pods_of(world, world.serving()) == 7


def test_a_kept_one_is_not_fought_over_the_number_either():
    world = a_world(BY_QUEUE)
    world.children[SCALED_OBJECT, world.serving() or ""]["metadata"]["deletionTimestamp"] = "2026-01-05T09:00:00Z"
    del world.model["spec"]["autoscaling"]
    world.change(replicas=5)
    assert not [step for step in world.reconcile().steps if isinstance(step, Delete | Scale)]


def test_where_keda_is_removed_the_number_stays_and_comes_under_control_with_it():
    world = a_world(BY_QUEUE)
    has(world, 7)
    world.served = WITHOUT_KEDA
    del world.children[SCALED_OBJECT, world.serving() or ""]
    world.settle()
    assert (autoscalers(world), pods_of(world, world.serving())) == ({}, 7)
    world.served = frozenset(OPTIONAL)
    world.settle()
    assert set(autoscalers(world)) == {SCALED_OBJECT}
    assert pods_of(world, world.serving()) == 7


def test_a_model_that_slept_is_woken_when_keda_is_removed():
    world = a_world(bounds({"query": QUERY}, minReplicas=0))
    has(world, 0)
    world.settle()
    assert pods_of(world, world.serving()) == 0
    world.served = WITHOUT_KEDA
    del world.children[SCALED_OBJECT, world.serving() or ""]
    world.settle()
    assert pods_of(world, world.serving()) == 1


def test_a_new_version_of_a_model_that_sleeps_takes_over_and_sleeps():
    world = a_world(bounds({"query": QUERY}, minReplicas=0))
    old = world.serving()
    has(world, 0)
    world.change(model=VERSION_2)
    world.settle()
    assert world.serving() != old
    assert autoscalers(world)[SCALED_OBJECT]["minReplicaCount"] == 0


# External.


def test_the_number_of_what_serves_is_the_others():
    world = a_world(EXTERNAL)
    for pods in (7, 1, 0, 12):
        has(world, pods)
        world.settle()
        assert pods_of(world, world.serving()) == pods
        assert (world.status or {})["replicas"] == pods
        assert (world.condition("Ready") or {})["status"] == "True", "who takes pods away knows what that means"


@pytest.mark.parametrize("after", range(12))
def test_a_new_revision_gets_as_many_pods_as_serve_before_it_takes_over(after: int):
    """Also where the operator ends after so many writes, such as between making a Deployment and scaling it."""
    world = a_world(EXTERNAL)
    old = world.serving()
    has(world, 7)
    world.change(model=VERSION_2)
    world.reconcile(stop_after=after)
    world.settle()
    assert world.serving() != old
    assert pods_of(world, world.serving()) == 7
    has(world, 3)
    world.settle()
    assert pods_of(world, world.serving()) == 3


def test_what_was_ours_goes_when_it_becomes_external_and_the_number_stays():
    world = a_world(BY_CPU)
    has(world, 7)
    world.change(autoscaling=EXTERNAL)
    world.settle()
    assert (autoscalers(world), pods_of(world, world.serving())) == ({}, 7)


# Floors, and canaries on trial.


def on_trial(**floor: object) -> tuple[CanaryWorld, str, str]:
    """A canary beside a stable revision that an autoscaler has scaled to six pods."""
    times = [{"name": "busy", "minReplicas": 5, **floor}] if floor else []
    rollout = {"guard": "1h"}
    spec = a_canary(autoscaling=bounds({"queueDepth": 8}, floors=times), resources=CPU, rollout=rollout)
    del spec["spec"]["replicas"]
    world = CanaryWorld(model=spec, runtime=COUNTING, site=PROMETHEUS)
    world.settle()
    world.tick(130)  # until what has just taken over may be scaled in again
    stable = world.serving() or ""
    has(world, 6, stable)
    world.change(model=VERSION_2)
    world.tick(8)
    assert world.rollout["phase"] == "Judging", world.rollout
    return world, stable, world.rollout["revision"]


def least(world: World, name: str) -> int:
    return int(world.children[SCALED_OBJECT, name]["spec"]["minReplicaCount"])


def test_the_measure_of_a_canary_is_not_scaled_in():
    world, stable, candidate = on_trial()
    assert least(world, stable) == 6
    assert not [kind for kind in AUTOSCALERS if (kind, candidate) in world.children], "its share says how many it has"


def test_nor_when_a_floor_ends_meanwhile():
    world, stable, _ = on_trial(cron="0 9 * * *", duration="12m")
    assert least(world, stable) == 6
    world.now += timedelta(minutes=20)
    world.tick()
    assert world.rollout["phase"] == "Judging"
    assert least(world, stable) == 6


def test_a_floor_that_begins_meanwhile_holds_for_what_serves():
    world, stable, _ = on_trial(cron="20 9 * * *", duration="1h", minReplicas=9)
    world.now += timedelta(minutes=15)
    world.tick()
    assert world.rollout["phase"] == "Judging"
    assert least(world, stable) == 9


def test_what_takes_over_keeps_the_floor_of_what_it_replaces():
    world, stable, candidate = on_trial(cron="0 9 * * *", duration="8h")
    world.tick(200)
    assert world.serving() == candidate != stable
    assert least(world, candidate) >= 5


@pytest.mark.parametrize("ends", ["rolled back", "taken back"])
def test_what_gets_its_traffic_back_is_not_scaled_in_by_what_was_measured_without_it(ends: str):
    world, stable, _ = on_trial()
    if ends == "rolled back":
        world.bad["2"] = 0.9
        world.tick(12)
        assert world.rollout["phase"] == "RolledBack"
    else:
        world.change(model={"uri": "pvc://models/fraud", "version": "1"})
        world.tick(12)
    assert least(world, stable) == 6
    world.tick(100)
    assert least(world, stable) == 6, "nine minutes later"
    world.tick(30)
    assert least(world, stable) == 2


def test_beside_a_candidate_without_traffic_it_is_scaled_in_as_ever():
    """The candidate may wait for the very room that it would give."""
    world, stable, candidate = on_trial()
    patient = {"strategy": "Canary", "progressDeadline": "2h"}
    world.change(model={"uri": "pvc://models/fraud", "version": "3"}, rollout=patient)
    world.scarce = dict.fromkeys(world.deployments() - {stable}, 0)
    world.tick(5)
    newest = world.rollout["revision"]
    assert newest != candidate
    world.scarce = {newest: 0}
    world.tick(130)
    assert world.rollout["phase"] == "Starting"
    assert least(world, stable) == 2


def test_what_is_kept_for_a_way_back_keeps_its_pods():
    world, stable, candidate = on_trial()
    for _ in range(400):
        if world.rollout["phase"] == "Guarding":
            break
        world.tick()
    assert world.serving() == candidate
    world.tick(200)
    assert world.rollout["phase"] == "Guarding"
    assert least(world, stable) == 6
    assert least(world, candidate) == 2

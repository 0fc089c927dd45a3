"""rollout.capacity: Swap, as stories: pods of a canary take the place of stable ones, one by one, and go back.

tests/property/test_swaps.py has what must hold whatever happens; SwapWorld fails where a step takes a place too many.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from canary_world import MEASURED, TICK
from fairlead.api.kinds import DEPLOYMENT, HTTP_ROUTE, SERVICE
from fairlead.reconcile import reconcile
from swap_world import SwapWorld, a_swap

BEHIND_A_GATEWAY: dict[str, Any] = {"traffic": {"gateway": {"name": "public"}}}
EVERY_WAY = pytest.mark.parametrize("way", [{}, BEHIND_A_GATEWAY], ids=["by-pods", "by-gateway"])


def on_trial(version: str = "2", spare: int = 0, **spec: Any) -> SwapWorld:
    """Version 1 serves, and version 2 has just been asked for."""
    world = SwapWorld(model=a_swap(**spec), spare=spare)
    world.settle()
    world.tick(20)
    world.change(model={"uri": "pvc://models/fraud", "version": version})
    return world


def ticks(world: SwapWorld, until: str, at_most: int = 400) -> Iterator[None]:
    """One tick after the other until a phase."""
    for _ in range(at_most):
        world.tick()
        yield
        if world.rollout["phase"] == until:
            return
    raise AssertionError(f"no {until}: {world.rollout['phase']} {world.condition('Ready')}")


def until_phase(world: SwapWorld, phase: str) -> None:
    for _ in ticks(world, phase):
        pass


def until_asked(world: SwapWorld, **asked: int) -> None:
    """Until the Deployments ask for so many pods, by version: v1=1, v2=3."""
    for _ in range(400):
        if world.asked() == {version[1:]: pods for version, pods in asked.items()}:
            return
        world.tick()
    raise AssertionError(f"never {asked}: {world.asked()} {world.condition('Ready')}")


def message(world: SwapWorld) -> str:
    return str((world.condition("Ready") or {})["message"])


def stable_version(world: SwapWorld) -> str:
    return str((world.status or {})["stable"]["modelVersion"])


@EVERY_WAY
def test_pods_move_over_one_by_one_and_never_are_there_more_than_before(way: dict[str, Any]):
    world, course = on_trial(**way), []
    for _ in ticks(world, "Stable"):
        if not course or course[-1] != world.asked():
            course.append(world.asked())
    until_asked(world, v2=4)
    assert course == [
        {"1": 3},
        {"1": 3, "2": 1},
        {"1": 2, "2": 1},
        {"1": 2, "2": 2},
        {"1": 1, "2": 2},
        {"1": 1, "2": 3},
        {"2": 3},
    ]
    assert world.lost == 0


@EVERY_WAY
@pytest.mark.parametrize("replicas", [2, 4, 12])
def test_no_pod_bears_more_than_one_pod_less_would_bear(way: dict[str, Any], replicas: int):
    """The canary's share is never more than its pods bear, nor less than the stable pods can spare."""
    world = on_trial(replicas=replicas, **way)
    percent = replicas / 100  # of all traffic, in pods: weights of a route are whole percents
    for _ in ticks(world, "Draining"):
        if not world.ending:  # a pod that is leaving is replaced in the route by the next look
            loads = world.loads()
            if world.rollout["phase"] == "Promoting" and world.weight < 100:
                assert max(loads.values()) <= replicas / (replicas - 1) + percent, (world.asked(), loads)
            pods = world.asked()["1"]
            assert loads.get("1", 0.0) <= (pods + 1) / pods + percent, (world.asked(), loads)


def test_a_canary_gets_its_pod_only_when_the_old_one_has_ended():
    world = on_trial()
    world.ends_after = 6
    world.tick(6)
    assert world.asked() == {"1": 3}
    assert "waits for the place of a pod of" in message(world)
    assert f"{world.ending[0]['metadata']['name']} has not ended" in message(world)
    world.tick(2)
    assert world.asked() == {"1": 3, "2": 1}


def test_status_says_what_was_given_up_and_for_whom():
    world = on_trial()
    until_phase(world, "Judging")
    canary, stable = world.revision("2"), world.revision("1")
    assert {key: world.rollout["givenUp"][key] for key in ("pods", "to")} == {"pods": 1, "to": canary}
    assert f"{stable} has 3 of 4 pods, and {canary} takes the place of the others" in message(world)
    until_phase(world, "Stable")
    until_asked(world, v2=4)
    world.tick(2)
    assert "givenUp" not in world.rollout
    assert world.condition("Ready")["status"] == "True"  # type: ignore[index]


@EVERY_WAY
def test_what_fails_gives_its_places_back(way: dict[str, Any]):
    world = on_trial(**way)
    world.bad["2"] = 0.3
    until_phase(world, "RolledBack")
    assert world.weight == 0
    assert world.asked()["1"] == 3
    assert "has 3 of 4 pods" in message(world)
    world.tick()  # the Gateway takes the route in
    before = world.sent["2"]
    until_asked(world, v1=4)
    world.tick()
    assert (world.sent["2"], stable_version(world)) == (before, "1")
    assert "of 4 pods" not in message(world)
    assert world.lost == 0


@EVERY_WAY
def test_what_turns_bad_while_pods_move_over_goes_back_with_all_of_them(way: dict[str, Any]):
    world = on_trial(**way)
    until_asked(world, v1=2, v2=2)
    world.bad["2"] = 0.9
    until_phase(world, "RolledBack")
    left = world.asked()["1"]
    assert left in (1, 2)
    assert f"has {left} of 4 pods" in message(world)
    service = world.children[(SERVICE, "fraud")]
    assert service["spec"]["selector"]["fairlead.dev/revision"] == world.revision("1")
    until_asked(world, v1=4)
    assert world.lost == 0


def test_a_pod_that_cannot_start_on_the_way_stops_it_there_and_is_told():
    world = on_trial(rollout={"progressDeadline": "2m"})
    until_asked(world, v1=2, v2=2)
    world.scarce[world.revision("2")] = 1
    world.tick(40)
    assert world.asked() == {"1": 2, "2": 2}
    assert world.condition("Stalled")["reason"] == "ProgressDeadlineExceeded"  # type: ignore[index]
    world.scarce.clear()
    until_phase(world, "Stable")
    assert stable_version(world) == "2"


def test_when_all_of_its_pods_go_away_on_the_way_the_old_ones_come_back():
    world = on_trial(rollout={"progressDeadline": "10m"})
    until_asked(world, v1=1, v2=3)
    world.broken.add(world.revision("2"))
    until_asked(world, v1=3, v2=1)
    assert world.rollout["phase"] == "Starting"
    until_phase(world, "RolledBack")
    until_asked(world, v1=4)


def test_what_finds_no_room_in_the_place_that_was_given_up_ends_at_its_deadline():
    """Unlike with Surge: production goes without a pod meanwhile."""
    world = on_trial(rollout={"progressDeadline": "2m"})
    until_asked(world, v1=3, v2=1)
    world.broken.add(world.revision("2"))
    live = world.children[(DEPLOYMENT, world.revision("2"))]
    refused = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}
    for _ in range(40):
        world.run_pods()
        live["status"]["conditions"] = [refused]
        world.now += TICK
        world.reconcile()
        if world.rollout["phase"] == "RolledBack":
            break
    assert (world.status or {})["history"][0]["reason"] == "ProgressDeadlineExceeded"
    until_asked(world, v1=4)


def test_a_canary_does_not_run_out_of_time_while_a_third_revision_is_in_its_way():
    world = on_trial(rollout={"progressDeadline": "1m", "drain": "10m"})
    until_phase(world, "Judging")
    world.tick(3)
    world.change(model={"uri": "pvc://models/fraud", "version": "3"})
    world.tick(60)
    assert world.rollout["phase"] == "Waiting"
    assert world.asked() == {"1": 3, "2": 1}
    assert f"{world.revision('2')}-0 has not ended" in message(world)
    until_phase(world, "Judging")
    assert world.asked() == {"1": 3, "3": 1}


def test_the_way_back_needs_no_trial_but_goes_pod_by_pod():
    world = on_trial()
    until_phase(world, "Stable")
    until_asked(world, v2=4)
    world.change(model={"uri": "pvc://models/fraud", "version": "1"})
    world.bad |= {"1": 0.3, "2": 0.3}  # nobody could be promoted by such evidence
    phases = set()
    for _ in ticks(world, "Stable", at_most=60):
        phases.add(world.rollout["phase"])
    assert phases == {"Waiting", "Starting", "Promoting", "Draining", "Stable"}
    assert stable_version(world) == "1"
    until_asked(world, v1=4)


def test_nothing_is_kept_for_a_guard():
    world = on_trial(rollout={"guard": "10m"})
    phases = set()
    for _ in ticks(world, "Stable"):
        phases.add(world.rollout["phase"])
    assert "Guarding" not in phases
    assert set(world.deployments()) == {world.revision("2")}


def test_a_pause_holds_it_where_it_is_and_leaves_no_place_empty():
    world = on_trial()
    until_asked(world, v1=2, v2=1)
    rollout = world.model["spec"]["rollout"]
    world.change(rollout={**rollout, "paused": True})
    world.tick(20)
    assert world.asked() == {"1": 2, "2": 2}
    assert world.condition("Ready")["reason"] == "Paused"  # type: ignore[index]
    world.change(rollout={**rollout, "paused": False})
    until_phase(world, "Stable")
    assert stable_version(world) == "2"


def test_no_place_is_given_up_before_the_gateway_does_as_it_is_told():
    world = on_trial(**BEHIND_A_GATEWAY)
    until_phase(world, "Promoting")
    world.gateway = "Away"
    world.tick(60)
    asked = world.asked()
    world.tick(60)
    assert world.asked() == asked
    assert asked["1"] >= 2
    world.gateway = "Accepts"
    until_phase(world, "Stable")
    assert stable_version(world) == "2"
    assert world.lost == 0


def test_without_a_gateway_no_pod_is_given_up_for_a_trial_that_could_not_begin():
    world = SwapWorld(model=a_swap(**BEHIND_A_GATEWAY))
    world.settle()
    world.tick(5)
    world.gateway = "Refuses"
    route = world.children[(HTTP_ROUTE, "fraud")]
    route["metadata"]["generation"] += 1
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})
    world.tick(200)
    assert world.asked() == {"1": 4}
    assert world.rollout["phase"] == "Starting"


def test_clients_in_the_cluster_follow_the_pods_too_when_it_takes_over_behind_a_gateway():
    world = on_trial(**BEHIND_A_GATEWAY)
    until_phase(world, "Judging")
    world.tick(3)
    assert world.serving() == world.revision("1")
    until_asked(world, v1=1, v2=3)
    assert world.serving() is None, "the Service selects the pods of both"


def test_a_trial_never_takes_more_than_max_weight_of_the_pods():
    world = on_trial(replicas=8, rollout={"minDuration": "1h", "maxDuration": "2h"})
    until_asked(world, v1=6, v2=2)
    world.tick(100)
    assert world.asked() == {"1": 6, "2": 2}
    rollout = world.model["spec"]["rollout"]
    world.change(rollout={**rollout, "maxWeight": 5})
    until_asked(world, v1=7, v2=1)


def test_replicas_that_change_meanwhile_are_kept_to():
    world = on_trial()
    until_phase(world, "Judging")
    world.change(replicas=6)
    world.tick()
    assert world.asked() == {"1": 5, "2": 1}
    world.change(replicas=2)
    world.tick()
    assert world.asked() == {"1": 1, "2": 1}


def test_scaling_to_zero_lets_nothing_in_and_a_trial_goes_on_afterwards():
    world = on_trial()
    world.bad["2"] = 0.3
    until_phase(world, "Judging")
    world.change(replicas=0)
    world.tick(20)
    assert sum(world.asked().values()) == 0
    assert (world.rollout["phase"], stable_version(world)) == ("Held", "1")
    world.change(replicas=4)
    until_phase(world, "RolledBack")
    until_asked(world, v1=4)


def test_a_new_leader_goes_on_in_the_middle():
    world = on_trial()
    for _ in ticks(world, "Stable"):
        world.restart()
    until_asked(world, v2=4)
    assert stable_version(world) == "2"


def test_a_capacity_that_changes_applies_at_once():
    world = on_trial()
    until_phase(world, "Judging")
    world.change(rollout={})
    plan = reconcile(world.look())
    scaled = {step.deployment: step.replicas for step in plan.steps if hasattr(step, "replicas")}
    assert scaled[world.revision("1")] == 4
    assert scaled[world.revision("2")] == 1


@EVERY_WAY
def test_a_promotion_that_began_with_spare_pods_takes_none_from_traffic_that_has_not_moved(way: dict[str, Any]):
    world = on_trial(spare=4, rollout={"capacity": "Surge"}, **way)
    until_phase(world, "Promoting")
    until_asked(world, v1=4, v2=4)
    world.change(rollout={"capacity": "Swap"})
    for _ in ticks(world, "Stable"):
        assert max(world.loads().values()) <= 4 / 3 + 0.1
    assert stable_version(world) == "2"


def test_pods_are_replaced_within_a_revision_without_a_spare_place():
    world = on_trial()
    strategy = world.children[(DEPLOYMENT, world.revision("1"))]["spec"]["strategy"]
    assert strategy["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 0}


def test_an_evicted_pod_has_no_place_any_more():
    world = on_trial()
    evicted = {
        "metadata": {"name": "fraud-evicted", "namespace": "risk", "labels": {}},
        "status": {"phase": "Failed", "reason": "Evicted"},
    }
    stable = world.children[(DEPLOYMENT, world.revision("1"))]
    evicted["metadata"]["labels"] = stable["spec"]["template"]["metadata"]["labels"]
    world.tick(3)
    look = world.look()
    without = reconcile(look)
    look = type(look)(
        **{name: getattr(look, name) for name in look.__dataclass_fields__} | {"pods": (*look.pods, evicted)}
    )
    assert reconcile(look).steps == without.steps


def test_a_deployment_that_its_controller_has_not_looked_at_frees_no_place():
    world = on_trial()
    world.tick()
    world.ending.clear()  # no watch has told of any pod
    assert world.asked() == {"1": 3}
    world.reconcile()
    assert world.asked() == {"1": 3}


def test_a_spec_that_cannot_be_carried_out_does_not_keep_places_from_what_serves():
    world = on_trial()
    until_asked(world, v1=1, v2=3)
    second = world.revision("2")
    world.runtime = None
    world.change(model={"uri": "pvc://models/fraud", "version": "9"})
    until_asked(world, v1=4, v2=0)
    world.tick(20)
    assert (world.rollout["phase"], world.asked()) == ("Held", {"1": 4, "2": 0})
    assert second in world.deployments(), "what it has made stays"
    world.runtime = MEASURED
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})
    until_phase(world, "Stable")
    assert stable_version(world) == "2"

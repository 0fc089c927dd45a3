"""traffic/gateway.py: canaries, and other rollouts, behind a Gateway that takes its time or does not want the route."""

from typing import Any

import pytest

from canary_world import CanaryWorld, a_canary
from fairlead.api.kinds import HTTP_ROUTE, SERVICE
from fairlead.api.parse import parse_model_deployment
from fairlead.reconcile import reconcile

TRAFFIC = {"gateway": {"name": "public", "namespace": "gateways", "hostnames": ["fraud.example.com"]}}


def served(**spec: Any) -> CanaryWorld:
    """Version 1 serves behind a Gateway."""
    rollout = {"guard": "15s", "drain": "10s", "minDuration": "30s", **spec.pop("rollout", {})}
    world = CanaryWorld(model=a_canary(traffic=TRAFFIC, rollout=rollout, **spec))
    world.tick(20)
    return world


def on_trial(**spec: Any) -> CanaryWorld:
    """Version 2 has just been asked for."""
    world = served(**spec)
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})
    return world


def until_phase(world: CanaryWorld, phase: str, ticks: int = 400) -> None:
    for _ in range(ticks):
        if world.rollout.get("phase") == phase:
            return
        world.tick()
    raise AssertionError(f"no {phase} after {ticks} ticks: {world.rollout} {world.condition('Ready')}")


def weights(world: CanaryWorld) -> dict[str, int]:
    (rule,) = world.children[(HTTP_ROUTE, "fraud")]["spec"]["rules"]
    return {each["name"]: each["weight"] for each in rule["backendRefs"]}


def stable(world: CanaryWorld) -> str:
    return str((world.status or {})["stable"]["revision"])


def routed(world: CanaryWorld) -> tuple[str, str]:
    found = world.condition("TrafficRouted") or {}
    return found["status"], found["reason"]


def test_a_model_is_ready_once_the_gateway_takes_its_route():
    world = CanaryWorld(model=a_canary(traffic=TRAFFIC), gateway="Away")
    world.tick(20)
    assert world.condition("Ready")["reason"] == "RoutePending"
    assert "gateways/public has not answered" in world.condition("Ready")["message"]
    assert world.condition("Available")["status"] == "True"
    world.gateway = "Accepts"
    world.tick(2)
    assert world.condition("Ready")["status"] == "True"
    assert routed(world) == ("True", "Routed")
    assert weights(world) == {stable(world): 100}


def test_a_good_canary_takes_every_step_and_no_request_is_lost():
    world = on_trial()
    phases, seen = [], []
    for _ in range(400):
        world.tick()
        seen.append(weights(world))
        if not phases or phases[-1] != world.rollout["phase"]:
            phases.append(world.rollout["phase"])
        if phases[-1] == "Stable" and len(phases) > 1:
            break
    assert phases == ["Starting", "Judging", "Promoting", "Guarding", "Draining", "Stable"]
    assert world.lost == 0
    assert all(sum(each.values()) == 100 for each in seen)
    assert world.rollout.get("weight") is None
    assert weights(world) == {stable(world): 100}


def test_a_canary_behind_a_gateway_begins_with_one_percent_of_much_traffic():
    world = on_trial()
    world.rate = 2000
    until_phase(world, "Judging")
    world.tick(2)
    assert sorted(weights(world).values()) == [1, 99]
    assert world.weight == 1


def test_the_service_goes_to_the_stable_revision_alone_meanwhile():
    world = on_trial()
    until_phase(world, "Judging")
    world.tick(5)
    assert world.children[(SERVICE, "fraud")]["spec"]["selector"]["fairlead.dev/revision"] == stable(world)


def test_a_bad_canary_has_no_weight_at_once_and_its_pods_stay_until_the_gateway_knows():
    world = on_trial()
    world.bad["2"] = 0.3
    until_phase(world, "Judging")
    canary = world.rollout["revision"]
    while world.rollout["phase"] == "Judging":
        world.tick()
        if world.weight > 0:
            world.gateway = "Away" if world.sent.get("2", 0) > 0 else "Accepts"
    assert weights(world) == {stable(world): 100}
    assert canary in world.routed, "the Gateway has not heard of it yet"
    world.tick(60)
    assert canary in world.deployments()
    assert world.lost == 0
    world.gateway = "Accepts"
    world.tick(1)
    assert canary in world.deployments(), "its drain has only begun"
    world.tick(4)
    assert canary not in world.deployments()
    assert world.lost == 0


def test_a_drain_that_cannot_begin_writes_nothing_and_takes_its_whole_time_when_it_can():
    world = on_trial(rollout={"drain": "30s"})
    world.bad["2"] = 0.3
    until_phase(world, "Judging")
    canary = world.rollout["revision"]
    while world.rollout["phase"] == "Judging":
        world.tick()
        if world.weight > 0:
            world.gateway = "Away" if world.sent.get("2", 0) > 0 else "Accepts"
    world.tick(4)
    waiting = world.status
    assert [each["reached"] for each in (waiting or {})["draining"]] == [True]
    for _ in range(60):
        world.tick()
        world.restart()
        assert world.status == waiting
    world.gateway = "Accepts"
    world.tick(6)
    assert canary in world.deployments()
    world.tick(3)
    assert canary not in world.deployments()


def test_the_weight_does_not_grow_before_the_gateway_has_taken_the_last_one():
    world = on_trial()
    until_phase(world, "Judging")
    while world.weight == 0:
        world.tick()
    world.gateway = "Away"
    world.tick(2)
    held = world.weight
    world.tick(10)
    assert world.weight == held
    assert world.condition("Ready")["reason"] == "RoutePending"
    world.gateway = "Accepts"
    until_phase(world, "Guarding")


def test_who_served_before_goes_on_until_the_gateway_has_moved():
    world = on_trial()
    until_phase(world, "Promoting")
    world.gateway = "Away"
    old = stable(world)
    world.tick(60)
    assert world.rollout["phase"] == "Promoting"
    assert stable(world) == old
    assert world.rollout["weight"] == "100"
    assert world.lost == 0
    world.gateway = "Accepts"
    until_phase(world, "Stable")
    assert stable(world) != old
    assert world.lost == 0


def test_blue_green_waits_for_the_gateway_too():
    world = served(rollout={"strategy": "BlueGreen"})
    old = stable(world)
    world.gateway = "Away"
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})
    world.tick(40)
    assert world.rollout["phase"] == "Promoting"
    assert (stable(world), world.lost) == (old, 0)
    world.gateway = "Accepts"
    world.tick(30)
    assert world.rollout["phase"] == "Stable"
    assert stable(world) != old
    assert world.lost == 0


def test_a_change_of_mind_while_traffic_moves_goes_back_without_a_loss():
    world = served(rollout={"strategy": "BlueGreen"})
    old = stable(world)
    world.gateway = "Away"
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})
    world.tick(40)
    world.change(model={"uri": "pvc://models/fraud", "version": "1"})
    world.gateway = "Accepts"
    world.tick(1)
    world.gateway = "Away"
    world.tick(30)
    assert weights(world) == {old: 100}
    assert world.lost == 0
    world.gateway = "Accepts"
    world.tick(30)
    assert world.deployments() == {old}
    assert world.lost == 0


def test_a_refused_route_is_told_in_the_gateways_own_words_and_takes_a_person():
    world = CanaryWorld(model=a_canary(traffic=TRAFFIC), gateway="Refuses")
    world.tick(20)
    assert routed(world) == ("False", "RouteRefused")
    stalled = world.condition("Stalled")
    assert "no listener allows routes of namespace risk" in stalled["message"]
    assert world.condition("Available")["status"] == "True"


def test_no_trial_begins_while_the_route_is_refused():
    world = served()
    world.gateway = "Refuses"
    world.run_gateway()
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})
    world.tick(200)
    assert world.rollout["phase"] == "Starting"
    assert world.condition("Ready")["reason"] == "RouteRefused"


def test_a_cluster_without_the_gateway_api_is_told_and_serves_by_the_service():
    world = CanaryWorld(model=a_canary(traffic=TRAFFIC))
    world.served = frozenset()
    world.tick(20)
    assert (HTTP_ROUTE, "fraud") not in world.children
    assert routed(world) == ("False", "GatewayApiMissing")
    assert "install the Gateway API" in world.condition("Stalled")["message"]
    assert world.condition("Available")["status"] == "True"


def test_a_route_that_may_not_be_read_is_told_and_written_all_the_same():
    world = on_trial()
    until_phase(world, "Judging")
    while world.weight == 0:
        world.tick()
    canary = str(world.rollout["revision"])
    world.served, world.forbidden = frozenset(), frozenset({HTTP_ROUTE})
    world.bad["2"] = 0.5
    until_phase(world, "RolledBack")
    assert weights(world) == {stable(world): 100}
    world.tick(30)
    assert canary in world.deployments(), "nobody knows whether the Gateway still sends requests to it"
    assert world.lost == 0
    assert routed(world) == ("False", "RouteForbidden")
    assert "grant Fairlead get, list, watch" in world.condition("TrafficRouted")["message"]
    world.served, world.forbidden = frozenset({HTTP_ROUTE}), frozenset()
    world.tick(30)
    assert world.deployments() == {stable(world)}


def test_no_trial_begins_behind_a_route_that_may_not_be_read():
    world = served()
    world.served, world.forbidden = frozenset(), frozenset({HTTP_ROUTE})
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})
    world.tick(60)
    assert (world.rollout["phase"], world.condition("Ready")["reason"]) == ("Starting", "RouteForbidden")


def test_a_route_that_somebody_deleted_comes_back_with_the_same_weights():
    world = on_trial()
    until_phase(world, "Judging")
    while world.weight == 0:
        world.tick()
    before = weights(world)
    del world.children[(HTTP_ROUTE, "fraud")]
    world.reconcile()
    assert weights(world) == before


def test_the_route_goes_with_its_field():
    world = served()
    del world.model["spec"]["traffic"]
    world.change()
    world.tick()
    assert (HTTP_ROUTE, "fraud") not in world.children
    assert world.condition("TrafficRouted") is None


def test_pods_come_before_weight():
    world = on_trial(replicas=8, rollout={"maxWeight": 50})
    world.rate = 20
    canary = ""
    for _ in range(200):
        world.tick()
        if world.rollout["phase"] == "Judging" and world.weight > 0:
            canary = world.rollout["revision"]
            assert world.ready(canary) / 8 >= world.weight / 100 or world.weight == 1
        if world.rollout["phase"] == "Guarding":
            break
    assert canary


def test_nothing_is_written_while_nothing_changes():
    world = served()
    before = world.status
    plan = reconcile(world.look())
    assert plan.status == before
    assert not any(world.step(step) for step in plan.steps)


@pytest.mark.parametrize(
    ("gateway", "sentence"),
    [
        ({"name": "public", "hostnames": ["https://fraud.example.com"]}, "no https://"),
        ({"name": "public", "path": "fraud"}, "single slashes"),
        ({"name": "public", "path": "/a//b"}, "single slashes"),
        ({"name": "public", "path": "/a/../b"}, "single slashes"),
        ({"name": "public", "hostnames": ["a.example", "a.example"]}, "twice"),
    ],
)
def test_what_is_no_host_or_path_is_told(gateway: dict[str, Any], sentence: str):
    found = parse_model_deployment(a_canary(traffic={"gateway": gateway}))
    assert sentence in str(found)

"""A spec that the API server has taken and that cannot be read, while something is on its way: what serves goes on."""

from typing import Any

import pytest

from canary_world import CanaryWorld
from fairlead.api.kinds import DEPLOYMENT, HTTP_ROUTE
from fairlead.api.rollout import Rollout
from fairlead.api.traffic import Gateway
from fairlead.reconcile import reconcile
from fairlead.situation import Identity
from fairlead.traffic.gateway import gateway_of, http_route
from unit.test_canary import on_trial, stable_version, until_phase
from unit.test_decisions import canary, judged, outcomes, traffic
from unit.test_swap import BEHIND_A_GATEWAY, until_asked
from unit.test_swap import on_trial as swapping

NO_EXPRESSION = {"series": "blocked_total", "labels": {"code": "5("}}
WAYS: dict[str, dict[str, Any]] = {
    "a pattern": {
        "slo": {
            "objectives": [
                {
                    "name": "safe",
                    "target": "99",
                    "counters": {"bad": [NO_EXPRESSION], "total": [{"series": "requests_total"}]},
                }
            ]
        }
    },
    "the rollout": {"rollout": {"maxWeight": "a quarter"}},
    "the Gateway": {"traffic": {"gateway": {"name": "No Gateway"}}},
    "everything": {"runtime": "nonsense", "rollout": None, "replicas": "many"},
}
EVERY_WAY = pytest.mark.parametrize("way", WAYS)


def unread(world: CanaryWorld, way: str = "a pattern") -> dict[str, Any]:
    """The user makes a mistake that nobody has refused; returns the spec as it was."""
    before = dict(world.model["spec"])
    world.model["spec"] = {**before, **WAYS[way]}
    world.model["metadata"]["generation"] += 1
    return before


def put_right(world: CanaryWorld, spec: dict[str, Any]) -> None:
    world.model["spec"] = spec
    world.model["metadata"]["generation"] += 1


def reason(world: CanaryWorld) -> str:
    return str((world.condition("Ready") or {})["reason"])


def route(world: CanaryWorld) -> dict[str, Any]:
    return world.children[(HTTP_ROUTE, "fraud")]["spec"]


def weights(world: CanaryWorld) -> dict[str, int]:
    (rule,) = route(world)["rules"]
    return {each["name"]: each["weight"] for each in rule["backendRefs"]}


@EVERY_WAY
def test_a_canary_whose_spec_cannot_be_read_any_more_is_out_of_the_traffic_and_its_pods_stay(way: str):
    world = judged()
    second, pods = canary(world), len(world.pods())
    assert traffic(world) == {"1", "2"}
    unread(world, way)
    world.tick()
    assert traffic(world) == {"1"}
    assert (world.rollout["phase"], reason(world), stable_version(world)) == ("Held", "InvalidSpec", "1")
    world.tick(60)
    assert (traffic(world), len(world.pods()), second in world.deployments()) == ({"1"}, pods, True)
    (record,) = (world.status or {})["history"]
    assert (record["outcome"], record["message"]) == ("Aborted", "the spec cannot be read any more")
    assert (world.condition("Ready") or {})["message"].endswith("goes on serving")


@EVERY_WAY
def test_nothing_is_written_while_it_stays_unreadable(way: str):
    world = judged()
    unread(world, way)
    world.tick(60)
    children, status = dict(world.children), world.status
    world.tick(20)
    assert (world.children, world.status) == (children, status)
    assert reconcile(world.look()).look_again is None


@EVERY_WAY
def test_a_failing_canary_gets_no_request_while_nobody_can_judge_it(way: str):
    world = judged()
    world.bad["2"] = 0.5
    unread(world, way)
    world.tick()
    sent = world.sent["2"]
    world.tick(60)
    assert world.sent["2"] == sent


@EVERY_WAY
def test_its_trial_begins_anew_when_the_spec_is_put_right(way: str):
    world = judged()
    spec = unread(world, way)
    world.tick(30)
    put_right(world, spec)
    world.tick()
    assert (world.rollout["phase"], world.weight) == ("Starting", 0)
    until_phase(world, "Judging")
    until_phase(world, "Stable")
    assert (stable_version(world), outcomes(world)) == ("2", ["Promoted", "Aborted"])


def test_going_back_while_it_drains_ends_what_was_on_trial():
    world = judged()
    spec = unread(world)
    world.tick(2)
    put_right(world, {**spec, "model": {"uri": "pvc://models/fraud", "version": "1"}})
    world.tick(60)
    assert (world.rollout["phase"], len(world.deployments()), reason(world)) == ("Stable", 1, "Serving")


@EVERY_WAY
def test_the_route_that_there_is_loses_the_canary_and_nothing_else(way: str):
    gateway = {"name": "public", "namespace": "gateways", "sectionName": "web", "hostnames": ["fraud.example.com"]}
    world = judged(traffic={"gateway": {**gateway, "path": "/fraud", "rewritePath": "/"}})
    stable = (world.status or {})["stable"]["revision"]
    before = route(world)
    assert len(weights(world)) == 2
    unread(world, way)
    world.tick(3)
    assert weights(world) == {stable: 100}
    for each in (before, route(world)):
        del each["rules"][0]["backendRefs"]
    assert (route(world), world.lost) == (before, 0)
    assert (world.condition("TrafficRouted") or {})["status"] == "True"


def test_a_canary_that_the_gateway_may_still_reach_drains_until_it_does_not():
    world = judged(**BEHIND_A_GATEWAY)
    second = canary(world)
    world.gateway = "Away"
    unread(world)
    world.tick(60)
    assert [each["revision"] for each in (world.status or {})["draining"]] == [second]
    world.gateway = "Accepts"
    world.tick(20)
    assert ((world.status or {})["draining"], world.lost) == ([], 0)


@pytest.mark.parametrize("gone", [None, {}, {"spec": {}}, {"spec": {"parentRefs": [], "rules": [{}]}}])
def test_of_a_route_that_somebody_else_made_no_gateway_is_known(gone: Any):
    assert gateway_of(gone or {}) is None


@pytest.mark.parametrize(
    "gateway",
    [
        {"name": "public"},
        {"name": "public", "namespace": "gateways", "sectionName": "web"},
        {"name": "public", "hostnames": ["a.example", "b.example"], "path": "/fraud", "rewritePath": "/"},
    ],
)
def test_a_gateway_is_known_again_by_its_route(gateway: dict[str, Any]):
    identity = Identity(name="fraud", namespace="risk", uid="1", generation=1)
    made = http_route(identity, Gateway.model_validate(gateway), {"fraud-1": 100})
    found = gateway_of(made)
    assert found is not None
    assert http_route(identity, found, {"fraud-1": 100}) == made


@EVERY_WAY
@pytest.mark.parametrize("traffic_by", [{}, BEHIND_A_GATEWAY], ids=["by-pods", "by-gateway"])
def test_with_swap_all_places_go_back_to_what_serves(way: str, traffic_by: dict[str, Any]):
    world = swapping(**traffic_by)
    until_asked(world, v1=1, v2=3)
    unread(world, way)
    until_asked(world, v1=4, v2=0)
    world.tick(20)
    assert (world.asked(), world.lost) == ({"1": 4, "2": 0}, 0)
    assert "givenUp" not in world.rollout


def test_a_person_aborts_it_all_the_same():
    world = judged()
    second = canary(world)
    unread(world)
    world.order("abort", f"{second} by jane")
    world.tick()
    (record,) = (world.status or {})["history"]
    assert (record["outcome"], record["by"], traffic(world)) == ("Aborted", "jane", {"1"})


def test_what_crashes_within_the_guard_goes_back():
    world = on_trial(rollout={"guard": "5m"})
    until_phase(world, "Guarding")
    unread(world)
    world.tick(2)
    world.crashing.add("2")
    world.tick(2)
    assert (stable_version(world), outcomes(world), traffic(world)) == ("1", ["RolledBack", "Promoted"], {"1"})


def test_what_was_rolled_back_stays_remembered():
    world = on_trial()
    world.bad["2"] = 0.3
    until_phase(world, "RolledBack")
    spec = unread(world)
    world.tick(20)
    put_right(world, spec)
    world.tick(20)
    assert (world.rollout["phase"], outcomes(world)) == ("RolledBack", ["RolledBack"])


def test_a_number_of_pods_and_what_pods_are_like_stay_as_they_are():
    world = on_trial()
    until_phase(world, "Stable")
    deployed = {key: live for key, live in world.children.items() if key[0] == DEPLOYMENT}
    world.model["spec"] |= {"replicas": 9, "network": "nonsense", "runtime": {"ref": {"name": "other"}}}
    world.model["metadata"]["generation"] += 1
    world.tick(20)
    assert {key: live for key, live in world.children.items() if key[0] == DEPLOYMENT} == deployed


def test_of_a_spec_that_cannot_be_read_the_parts_that_can_be_are_kept():
    world = on_trial(rollout={"drain": "3m"})
    unread(world)
    read = world.look().model
    assert (read.rollout, read.replicas) == (Rollout.model_validate(world.model["spec"]["rollout"]), 4)  # type: ignore[union-attr]

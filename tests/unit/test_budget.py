"""spec.rollout.errorBudget: no new revision is tried while too little of the error budget is left."""

from typing import Any

import pytest

from canary_world import CanaryWorld
from fairlead.api.kinds import HTTP_ROUTE, SERVICE
from fairlead.cli.why import why
from fairlead.situation import ErrorBudget
from unit.test_canary import on_trial, stable_version, until_phase
from unit.test_decisions import canary, handled, outcomes

GATED = {"errorBudget": {"minRemaining": 10}}
PLENTY = ErrorBudget(left={"availability": 0.5, "latency": 0.987})
SPENT = ErrorBudget(left={"availability": 0.0999, "latency": 0.987})
AWAY = "Prometheus does not answer within 4 s"
GATEWAY = {"gateway": {"name": "public", "namespace": "gateways", "hostnames": ["fraud.example.com"], "path": "/"}}


def asked(budget: ErrorBudget | None, **spec: Any) -> CanaryWorld:
    """Version 2 has been asked for, and Prometheus says what is left of the budget."""
    world = on_trial(**{**spec, "rollout": {**GATED, **spec.get("rollout", {})}})
    world.budget = budget
    world.tick(2)
    return world


def reason(world: CanaryWorld) -> str:
    return str(world.condition("Ready")["reason"])  # type: ignore[index]


@pytest.mark.parametrize("spec", [{}, {"traffic": GATEWAY}, {"rollout": {"capacity": "Swap"}}])
def test_nothing_of_a_new_revision_runs_while_the_budget_is_spent(spec: dict[str, Any]):
    world = asked(SPENT, **spec)
    before = {key: live["metadata"]["generation"] for key, live in world.children.items()}
    world.tick(200)
    assert (world.rollout["phase"], reason(world)) == ("Waiting", "ErrorBudgetSpent")
    message = world.condition("Ready")["message"]
    assert "9 % of availability, and spec.rollout.errorBudget asks for 10 %" in message
    assert "`fairlead start fraud`" in message
    assert "latency" not in message
    assert {key: live["metadata"]["generation"] for key, live in world.children.items()} == before
    assert len(world.deployments()) == 1
    assert world.condition("Stalled") is None, "whoever waits for the budget runs against no deadline"
    world.budget = PLENTY
    until_phase(world, "Stable", ticks=600)
    assert stable_version(world) == "2"


def test_what_was_left_is_in_the_record_and_what_has_begun_goes_on():
    world = asked(PLENTY)
    assert world.rollout["phase"] in ("Starting", "Judging")
    assert world.rollout["errorBudget"] == "50 % of availability, 98 % of latency"
    world.budget = SPENT
    until_phase(world, "Stable")
    (record,) = (world.status or {})["history"]
    assert record["errorBudget"] == "50 % of availability, 98 % of latency"
    (line,) = (each.fields for each in world.told if each.fields.get("outcome") == "Promoted")
    assert line["errorBudget"] == record["errorBudget"]
    told = why({**world.model, "status": world.status})
    assert "Error budget left when it began: 50 % of availability, 98 % of latency" in told


@pytest.mark.parametrize(("order", "outcome"), [("start", ["Promoted", "Started"]), ("promote", ["Promoted"])])
def test_a_person_starts_it_all_the_same_and_that_is_recorded(order: str, outcome: list[str]):
    world = asked(SPENT)
    world.order(order, f"{canary(world)} by jane")
    world.tick()
    assert canary(world) in world.deployments()
    assert world.rollout["errorBudget"] == "9 % of availability, 98 % of latency; jane started it"
    assert handled(world, order)["result"] == "Done"
    until_phase(world, "Stable")
    assert outcomes(world) == outcome
    assert (world.status or {})["history"][0]["errorBudget"].endswith("jane started it")


def test_an_order_to_start_what_waits_for_nothing_is_ignored():
    world = asked(PLENTY)
    world.order("start", f"{canary(world)} by jane")
    world.tick()
    assert handled(world, "start")["result"] == "Ignored"
    assert "start" not in world.rollout


@pytest.mark.parametrize(
    ("policy", "phase"), [("Wait", "Waiting"), ("Start", "Starting")], ids=["it waits", "it starts"]
)
def test_what_is_not_known_follows_the_policy(policy: str, phase: str):
    world = asked(ErrorBudget(unknown=AWAY), rollout={"errorBudget": {"minRemaining": 10, "onUnknown": policy}})
    assert world.rollout["phase"] == phase
    if policy == "Wait":
        assert reason(world) == "ErrorBudgetUnknown"
        assert AWAY in world.condition("Ready")["message"]
    else:
        assert world.rollout["errorBudget"] == f"unknown: {AWAY}"


def test_a_spent_budget_is_spent_whatever_else_is_unknown():
    partly = ErrorBudget(left={"availability": -0.5}, unknown="Prometheus has none for objective latency")
    world = asked(partly, rollout={"errorBudget": {"minRemaining": 10, "onUnknown": "Start"}})
    assert reason(world) == "ErrorBudgetSpent"
    assert "-50 % of availability" in world.condition("Ready")["message"]


def test_the_way_back_asks_for_no_budget():
    world = asked(PLENTY)
    until_phase(world, "Stable")
    world.budget = SPENT
    world.change(model={"uri": "pvc://models/fraud", "version": "1"})
    world.tick()
    until_phase(world, "Stable")
    assert stable_version(world) == "1"


def test_a_first_revision_asks_for_no_budget():
    world = CanaryWorld()
    world.change(rollout=GATED)
    world.settle()
    assert world.rollout["phase"] == "Stable"


def test_what_replaces_a_revision_without_pods_asks_for_no_budget():
    world = asked(SPENT)
    (stable,) = world.deployments()
    world.broken.add(stable)
    world.tick(60)
    until_phase(world, "Stable")
    assert stable_version(world) == "2"


def test_one_that_waits_can_be_aborted_superseded_and_taken_back():
    world = asked(SPENT)
    first = canary(world)
    world.change(model={"uri": "pvc://models/fraud", "version": "3"})
    world.tick(2)
    assert canary(world) != first
    world.order("abort", f"{canary(world)} by jane")
    world.tick()
    assert world.rollout["phase"] == "RolledBack"
    world.change(model={"uri": "pvc://models/fraud", "version": "1"})
    world.tick(3)
    assert (world.rollout["phase"], stable_version(world)) == ("Stable", "1")


def test_a_trial_that_was_on_before_the_gate_was_set_goes_on():
    world = on_trial()
    until_phase(world, "Judging")
    world.budget = SPENT
    world.change(rollout=GATED)
    until_phase(world, "Stable")
    assert stable_version(world) == "2"


def test_the_route_names_no_revision_that_is_not_there():
    world = asked(SPENT, traffic=GATEWAY)
    world.tick(5)
    (rule,) = world.children[(HTTP_ROUTE, "fraud")]["spec"]["rules"]
    assert {(SERVICE, each["name"]) for each in rule["backendRefs"]} <= set(world.children)

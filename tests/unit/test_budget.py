"""spec.rollout.errorBudget: no new revision is tried while too little of the error budget is left."""

from datetime import timedelta
from typing import Any

import pytest

from canary_world import EDGES, TICK, CanaryWorld, a_canary
from fairlead.api.gatewaymetrics import TRAEFIK
from fairlead.api.kinds import HORIZONTAL_POD_AUTOSCALER, HTTP_ROUTE, SERVICE
from fairlead.cli.why import why
from fairlead.site import Site
from fairlead.situation import ErrorBudget, Exposed
from unit.test_canary import on_trial, stable_version, until_phase
from unit.test_decisions import canary, handled, outcomes
from world import RUNTIME

GATED = {"errorBudget": {"minRemaining": 10}}
START_ANYWAY = {"errorBudget": {"minRemaining": 10, "onUnknown": "Start"}}
PLENTY = ErrorBudget(left={"availability": 0.5, "latency": 0.987})
SPENT = ErrorBudget(left={"availability": 0.0999, "latency": 0.987})
AWAY = "Prometheus does not answer within 4 s"
NOBODY = ErrorBudget(unknown={"availability": AWAY, "latency": AWAY})
GATEWAY = {"gateway": {"name": "public", "namespace": "gateways", "hostnames": ["fraud.example.com"], "path": "/"}}
LEFT = "50 % of availability, 98 % of latency"


def asked(budget: ErrorBudget | None, **spec: Any) -> CanaryWorld:
    """Version 2 has been asked for, and Prometheus says what is left of the budget."""
    world = on_trial(**{**spec, "rollout": {**GATED, **spec.get("rollout", {})}})
    measured(world)
    world.budget = budget
    world.tick(3)
    return world


def measured(world: CanaryWorld) -> None:
    """The pods have shown the histogram that the objective of latency needs."""
    (stable,) = world.deployments()
    world.exposed = Exposed(revision=stable, counted=frozenset({"Errors", "Latency"}), edges={"Latency": EDGES[:-1]})


def version(world: CanaryWorld, number: str) -> None:
    world.change(model={"uri": "pvc://models/fraud", "version": number})
    world.tick()


def reason(world: CanaryWorld) -> str:
    return str((world.condition("Ready") or {})["reason"])


def message(world: CanaryWorld) -> str:
    return str((world.condition("Ready") or {})["message"])


def left_then(world: CanaryWorld) -> str:
    """What status says was left when it was found that the revision may start."""
    found = world.rollout["errorBudget"]
    assert "passed" in found, found
    return str(found["told"])


@pytest.mark.parametrize("spec", [{}, {"traffic": GATEWAY}, {"rollout": {"capacity": "Swap"}}])
def test_nothing_of_a_new_revision_runs_while_the_budget_is_spent(spec: dict[str, Any]):
    world = asked(SPENT, **spec)
    before = {key: live["metadata"]["generation"] for key, live in world.children.items()}
    world.tick(200)
    assert (world.rollout["phase"], reason(world)) == ("Waiting", "ErrorBudgetSpent")
    assert "9 % of availability, and spec.rollout.errorBudget asks for 10 %" in message(world)
    assert "`fairlead start fraud`" in message(world)
    assert "latency" not in message(world)
    assert {key: live["metadata"]["generation"] for key, live in world.children.items()} == before
    assert len(world.deployments()) == 1
    assert world.condition("Stalled") is None, "whoever waits for the budget runs against no deadline"
    world.budget = PLENTY
    until_phase(world, "Stable", ticks=600)
    assert stable_version(world) == "2"
    assert outcomes(world) == ["Promoted"]


def test_what_was_left_is_in_the_record_and_what_has_begun_goes_on():
    world = asked(PLENTY)
    assert left_then(world) == LEFT
    world.budget = SPENT
    until_phase(world, "Stable")
    (record,) = (world.status or {})["history"]
    assert record["errorBudget"] == LEFT
    (line,) = (each.fields for each in world.told if each.fields.get("outcome") == "Promoted")
    assert line["errorBudget"] == LEFT
    assert f"Error budget left when it began: {LEFT}" in why({**world.model, "status": world.status})


def test_how_long_it_was_on_its_way_does_not_count_what_it_waited():
    world = asked(SPENT)
    world.now += timedelta(days=3)
    world.budget = PLENTY
    until_phase(world, "Stable")
    assert "h" not in (world.status or {})["history"][0]["lasted"]


@pytest.mark.parametrize("budget", [SPENT, NOBODY], ids=["spent", "unknown"])
@pytest.mark.parametrize(("order", "outcome"), [("start", ["Promoted", "Started"]), ("promote", ["Promoted"])])
def test_a_person_starts_it_all_the_same_and_that_is_recorded(budget: ErrorBudget, order: str, outcome: list[str]):
    world = asked(budget)
    world.order(order, f"{canary(world)} by jane")
    world.tick(2)
    assert canary(world) in world.deployments()
    assert left_then(world).endswith("; jane started it")
    assert handled(world, order)["result"] == "Done"
    until_phase(world, "Stable")
    assert outcomes(world) == outcome
    assert (world.status or {})["history"][0]["errorBudget"].endswith("jane started it")


@pytest.mark.parametrize("after", range(8))
@pytest.mark.parametrize("ordered", [False, True])
def test_nothing_starts_without_a_record_wherever_the_operator_ends(after: int, ordered: bool):
    world = asked(SPENT)
    name = canary(world)
    if ordered:
        world.order("start", f"{name} by jane")
    else:
        world.budget = PLENTY
    for _ in range(3):
        world.run_pods()
        world.now += TICK
        world.reconcile(stop_after=after)
        world.restart()
        assert name not in world.deployments() or left_then(world)
    world.tick(3)
    assert left_then(world).endswith("jane started it" if ordered else "of latency")
    assert outcomes(world) == (["Started"] if ordered else [])


def test_with_swap_nothing_is_rolled_back_for_the_days_that_it_waited():
    world = asked(SPENT, rollout={"capacity": "Swap"})
    world.now += timedelta(days=3)
    world.budget = PLENTY
    for after in range(6):
        world.run_pods()
        world.now += TICK
        world.reconcile(stop_after=after)
        world.restart()
    until_phase(world, "Stable", ticks=600)
    assert outcomes(world) == ["Promoted"]


def test_an_order_to_start_what_waits_for_nothing_is_ignored():
    world = asked(PLENTY)
    world.order("start", f"{canary(world)} by jane")
    world.tick()
    assert handled(world, "start")["result"] == "Ignored"
    assert "start" not in world.rollout


def test_what_is_not_known_follows_the_policy():
    world = asked(NOBODY)
    assert (world.rollout["phase"], reason(world)) == ("Waiting", "ErrorBudgetUnknown")
    assert f"objective availability: {AWAY}" in message(world)
    other = asked(NOBODY, rollout=START_ANYWAY)
    assert other.rollout["phase"] in ("Starting", "Judging")
    assert left_then(other) == f"unknown (objective availability: {AWAY})"


def test_a_spent_budget_is_spent_whatever_else_is_unknown():
    partly = ErrorBudget(left={"availability": -0.52}, unknown={"latency": AWAY, "availability": AWAY})
    world = asked(partly, rollout=START_ANYWAY)
    assert reason(world) == "ErrorBudgetSpent"
    assert "-60 % of availability" in message(world)


def test_an_objective_that_nothing_measures_has_no_budget_and_holds_nobody_up():
    objectives = [
        {"name": "availability", "target": "99", "metric": "Errors"},
        {"name": "latency", "target": "95", "metric": "Latency", "threshold": "20s"},
    ]
    known = ErrorBudget(left={"availability": 0.4}, unknown={"latency": "Prometheus has no rules for it"})
    world = asked(known, slo={"objectives": objectives})
    assert left_then(world) == "40 % of availability"


def test_a_sentence_about_many_objectives_fits_into_the_status():
    names = [f"{'o' * 60}{n}" for n in range(8)]
    objectives = [{"name": name, "target": "99", "metric": "Errors"} for name in names]
    world = asked(ErrorBudget(left=dict.fromkeys(names, -3.0)), slo={"objectives": objectives})
    assert reason(world) == "ErrorBudgetSpent"
    assert "more of 5 others" in message(world)
    world.order("start", f"{canary(world)} by {'j' * 256}")
    world.tick(2)
    assert "j started it" in left_then(world)


def test_the_way_back_asks_for_no_budget():
    world = asked(PLENTY)
    until_phase(world, "Stable")
    world.budget = SPENT
    version(world, "1")
    until_phase(world, "Stable")
    assert stable_version(world) == "1"


def test_two_versions_back_is_a_way_back_and_to_and_fro_is_none():
    world = asked(PLENTY)
    until_phase(world, "Stable")
    version(world, "3")
    until_phase(world, "Stable")
    world.budget = SPENT
    version(world, "1")
    until_phase(world, "Stable")
    assert stable_version(world) == "1"
    version(world, "3")
    world.tick(20)
    assert reason(world) == "ErrorBudgetSpent", "what has spent it and was taken back"


def test_a_first_revision_asks_for_no_budget():
    world = CanaryWorld()
    world.change(rollout=GATED)
    world.settle()
    assert world.rollout["phase"] == "Stable"


def test_without_replicas_it_waits_too():
    world = asked(SPENT)
    world.change(replicas=0)
    world.tick(20)
    assert (reason(world), stable_version(world)) == ("ErrorBudgetSpent", "1")


def test_what_replaces_a_revision_without_pods_is_not_asked_and_that_is_recorded():
    world = asked(SPENT)
    (stable,) = world.deployments()
    world.broken.add(stable)
    world.tick(60)
    until_phase(world, "Stable")
    assert stable_version(world) == "2"
    assert (world.status or {})["history"][0]["errorBudget"] == f"not asked: {stable} has no pods"


def test_it_is_asked_again_when_the_stable_revision_comes_back_in_time():
    world = asked(SPENT)
    (stable,), name = world.deployments(), canary(world)
    world.broken |= {stable, name}
    for _ in range(60):
        world.tick()
        if name in world.deployments():
            break
    world.broken.discard(stable)
    world.tick(20)
    assert reason(world) == "ErrorBudgetSpent"
    assert world.deployments() == {stable}


def test_one_that_is_retried_while_it_still_drains_is_asked_and_finishes_its_requests():
    world = asked(PLENTY)
    world.bad["2"] = 0.5
    until_phase(world, "RolledBack")
    name = (world.status or {})["failed"]["revision"]
    world.budget = SPENT
    world.order("retry", f"{name} by jane")
    world.tick()
    assert (reason(world), name in world.deployments()) == ("Starting", True)
    world.tick()
    assert reason(world) == "ErrorBudgetSpent"
    world.tick(20)
    assert name not in world.deployments()


def test_one_that_waits_can_be_aborted_superseded_and_taken_back():
    world = asked(SPENT)
    first = canary(world)
    version(world, "3")
    world.tick(2)
    assert canary(world) != first
    world.order("abort", f"{canary(world)} by jane")
    world.tick()
    assert world.rollout["phase"] == "RolledBack"
    version(world, "1")
    world.tick(3)
    assert (world.rollout["phase"], stable_version(world)) == ("Stable", "1")


def test_a_trial_that_was_on_before_the_gate_was_set_goes_on():
    world = on_trial()
    until_phase(world, "Judging")
    world.budget = SPENT
    world.change(rollout=GATED)
    until_phase(world, "Stable")
    assert stable_version(world) == "2"


def test_the_stable_revision_is_scaled_as_ever_meanwhile():
    world = asked(SPENT)
    world.change(replicas=2)
    world.tick(3)
    (stable,) = world.deployments()
    assert world.ready(stable) == 2


def test_its_autoscaler_keeps_no_peak_meanwhile():
    scaling = {"minReplicas": 2, "maxReplicas": 12, "target": {"cpuUtilization": 70}}
    world = on_trial(autoscaling=scaling, replicas=None, resources={"requests": {"cpu": "1"}}, rollout=GATED)
    measured(world)
    world.budget = SPENT
    world.tick(100)
    (stable,) = world.deployments()
    assert world.children[(HORIZONTAL_POD_AUTOSCALER, stable)]["spec"]["minReplicas"] == 2


def test_another_leader_says_the_same_until_it_knows_better():
    world = asked(SPENT)
    world.budget = None
    told = message(world)
    plan = world.reconcile()
    assert message(world) == told
    assert not plan.events
    assert plan.look_again is not None
    assert plan.look_again >= timedelta(minutes=1), "nobody looks every second for something that others tell"


def test_the_route_names_no_revision_that_is_not_there():
    world = asked(SPENT, traffic=GATEWAY)
    world.tick(5)
    (rule,) = world.children[(HTTP_ROUTE, "fraud")]["spec"]["rules"]
    assert {(SERVICE, each["name"]) for each in rule["backendRefs"]} <= set(world.children)


def test_where_a_gateway_counts_its_errors_have_a_budget():
    """Also of a server that counts nothing itself."""
    at_gateway = {"evidence": {"source": "Gateway"}, "errorBudget": {"minRemaining": 10}}
    objectives = [{"name": "availability", "metric": "Errors", "target": "99"}]
    model = a_canary(traffic=GATEWAY, rollout=at_gateway, slo={"objectives": objectives})
    world = CanaryWorld(model=model, runtime=RUNTIME, site=Site(gateway=TRAEFIK))
    world.settle()
    world.tick(3)
    world.budget = ErrorBudget(left={"availability": 0.05})
    version(world, "2")
    world.tick(3)
    assert reason(world) == "ErrorBudgetSpent"
    world.budget = ErrorBudget(left={"availability": 0.9})
    world.tick(3)
    assert left_then(world) == "90 % of availability"

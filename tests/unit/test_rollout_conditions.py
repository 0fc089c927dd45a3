"""report/rollout_conditions.py: the two conditions that are there during a rollout, row by row of its table."""

from canary_world import CanaryWorld
from unit.test_canary import on_trial, until_phase
from world import World, a_model


def told(world: World, condition: str) -> str:
    """Status and reason; empty when the condition is not there."""
    found = {each["type"]: f"{each['status']} {each['reason']}" for each in (world.status or {})["conditions"]}
    return found.get(condition, "")


def both(world: World) -> tuple[str, str]:
    return told(world, "RolloutHealthy"), told(world, "EvidenceAvailable")


def on_trial_with_traffic() -> CanaryWorld:
    world = on_trial()
    until_phase(world, "Judging")
    world.tick(3)
    return world


def test_neither_is_there_before_and_after_a_rollout():
    world = CanaryWorld()
    world.reconcile()
    assert both(world) == ("", "")
    world.settle()
    assert both(world) == ("", "")
    world = on_trial_with_traffic()
    until_phase(world, "Stable")
    assert both(world) == ("", "")


def test_a_revision_that_starts_is_healthy_until_its_pods_fail():
    world = on_trial()
    world.reconcile()
    assert both(world) == ("True Starting", "")
    world.crashing.add("2")
    world.run_pods()
    world.reconcile()
    assert both(world) in (("Unknown ContainerFailing", ""), ("False RolledBack", ""))


def test_a_canary_is_judged_by_what_is_read():
    world = on_trial()
    until_phase(world, "Judging")
    assert both(world) == ("True OnTrial", "Unknown EvidenceMissing")
    world.tick(3)
    assert both(world) == ("True OnTrial", "True EvidenceRead")
    assert world.condition("EvidenceAvailable")["message"] == "counters are read from the pods"


def test_what_cannot_be_read_is_said():
    world = on_trial_with_traffic()
    world.cut = True
    world.tick(10)
    assert both(world) == ("Unknown EvidenceMissing", "False EvidenceMissing")
    assert "timed out" in world.condition("EvidenceAvailable")["message"]


def test_a_pause_is_as_it_should_be():
    world = on_trial_with_traffic()
    world.change(rollout={**world.model["spec"]["rollout"], "paused": True})
    world.tick(3)
    assert both(world) == ("True Paused", "True EvidenceRead")


def test_without_a_verdict_in_time_it_takes_a_person():
    world = on_trial(rollout={"maxDuration": "4m"})
    world.bad["2"] = 0.004
    until_phase(world, "Judging")
    while told(world, "Stalled") != "True Inconclusive":
        world.tick()
    assert both(world) == ("False Inconclusive", "True EvidenceRead")


def test_one_that_was_rolled_back_is_not_healthy_until_the_spec_changes():
    world = on_trial_with_traffic()
    world.bad["2"] = 0.2
    until_phase(world, "RolledBack")
    world.tick(30)
    assert both(world) == ("False RolledBack", "")
    world.change(model={"uri": "pvc://models/fraud", "version": "1"})
    world.tick(3)
    assert both(world) == ("", "")


def test_the_one_before_is_kept_ready():
    world = on_trial_with_traffic()
    until_phase(world, "Guarding")
    assert both(world) == ("True Serving", "")
    assert "is kept ready for a way back" in world.condition("RolloutHealthy")["message"]


def test_other_strategies_have_no_evidence():
    world = World(model=a_model())
    world.settle()
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})
    world.reconcile()
    assert both(world) == ("True Starting", "")

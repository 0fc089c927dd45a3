"""cli/why.py: what a person reads of a trial, and that the numbers are those of the verdict."""

from typing import Any

import pytest

from canary_world import CanaryWorld
from fairlead.api.status import Status
from fairlead.cli.errors import CommandError
from fairlead.cli.told import evidence_of
from fairlead.cli.why import why
from unit.test_canary import on_trial, until_phase


def model(world: CanaryWorld) -> dict[str, Any]:
    return {**world.model, "status": world.status}


def test_a_rollback_is_told_with_its_numbers_and_they_add_up():
    world = on_trial()
    world.bad["2"] = 0.2
    until_phase(world, "RolledBack")
    told = why(model(world))
    assert "was rolled back at 2026-01-05T09:" in told
    assert "EvidenceAgainst" in told
    assert "Decided by: Fairlead" in told
    assert "errors" in told
    assert "from 20 on it is rolled back" in told
    evidence = Status.model_validate(world.status).history[0].evidence
    assert evidence is not None
    assert evidence_of(evidence) == pytest.approx(float(evidence.against), rel=0.02)
    assert evidence_of(evidence) >= 20


def test_a_promotion_is_told():
    world = on_trial()
    until_phase(world, "Judging")
    until_phase(world, "Stable")
    told = why(model(world))
    assert "(version 2) took over production traffic" in told
    assert "all have shown it" in told


def test_a_trial_that_is_on_is_told():
    world = on_trial()
    until_phase(world, "Judging")
    world.tick(6)
    told = why(model(world))
    assert "is on trial, with 20 % of the traffic" in told
    assert "not shown by errors" in told


def test_nothing_decided_is_told():
    world = CanaryWorld()
    assert "nothing serves yet" in why(model(world))
    world.settle()
    assert "No decision has been taken about fraud so far" in why(model(world))


def test_a_broken_status_is_told():
    with pytest.raises(CommandError, match="cannot be read"):
        why({"metadata": {"name": "fraud"}, "status": {"history": "much"}})


def test_any_record_can_be_told():
    world = on_trial()
    until_phase(world, "Judging")
    until_phase(world, "Stable")
    world.bad["3"] = 0.2
    world.change(model={"uri": "pvc://models/fraud", "version": "3"})
    until_phase(world, "RolledBack")
    assert "(version 3) was rolled back" in why(model(world))
    assert "(version 3) was rolled back" in why(model(world), record=1)
    assert "(version 2) took over production traffic" in why(model(world), record=2)
    with pytest.raises(CommandError, match="no record 3 of ModelDeployment fraud: it has 2, and 1 is the last"):
        why(model(world), record=3)


def test_who_decided_is_told():
    world = on_trial()
    world.bad["2"] = 0.2
    until_phase(world, "RolledBack")
    status = dict(world.status or {})
    status["history"] = [{**status["history"][0], "by": "ada@example.com"}]
    assert "Decided by: ada@example.com" in why({**model(world), "status": status})


def test_the_limit_is_the_one_in_force_while_the_stable_pods_differ():
    world = on_trial(rollout={"minDuration": "1h", "maxDuration": "2h"})
    until_phase(world, "Judging")
    world.tick(3)
    sick = f"{(world.status or {})['stable']['revision']}-0"
    world.bad |= {sick: 0.05, "2": 0.03}
    limits = set()
    for _ in range(100):
        world.tick()
        if world.rollout["phase"] != "Judging":
            break
        evidence = Status.model_validate(world.status).rollout.evidence  # type: ignore[union-attr]
        assert evidence is not None
        assert evidence_of(evidence) < float(evidence.against_limit), "it would have been rolled back"
        assert float(evidence.against_limit) == pytest.approx(20 * max(float(evidence.unsteady or 0), 1), rel=0.01)
        limits.add(evidence.against_limit)
    assert len(limits) > 2
    assert world.condition("Ready")["reason"] == "StableFailing"
    told = why(model(world))
    assert "The stable pods differ among each other" in told
    assert "nothing is promoted meanwhile" in told
    (rollout,) = [line for line in told.splitlines() if "on it is rolled back" in line]
    assert f"from {evidence.against_limit} on" in rollout


def test_that_the_stable_revision_breaks_its_objective_is_in_the_record():
    world = on_trial()
    until_phase(world, "Judging")
    world.bad |= {"1": 0.3, "2": 0.3}
    world.tick(30)
    assert world.rollout["evidence"]["breaching"] is True
    assert "breaks its own objective" in why(model(world))

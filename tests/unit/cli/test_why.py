"""cli/why.py: what a person reads of a trial, and that the numbers are those of the verdict."""

from typing import Any

import pytest

from canary_world import CanaryWorld
from fairlead.api.status import Status
from fairlead.cli.errors import CommandError
from fairlead.cli.why import evidence_of, why
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
    assert "not yet shown by errors" in told


def test_nothing_decided_is_told():
    world = CanaryWorld()
    assert "nothing serves yet" in why(model(world))
    world.settle()
    assert "No decision has been taken about fraud so far" in why(model(world))


def test_a_broken_status_is_told():
    with pytest.raises(CommandError, match="cannot be read"):
        why({"metadata": {"name": "fraud"}, "status": {"history": "much"}})

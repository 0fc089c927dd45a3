"""cli/wait.py: how a pipeline learns what has become of its revision."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from canary_world import CanaryWorld
from fairlead.cli.wait import Ended, Goal, Result, wait
from unit.test_canary import on_trial, stable_version
from unit.test_decisions import canary, judged


def seen(
    world: CanaryWorld, ticks: int, meanwhile: Callable[[int], object] = lambda tick: None
) -> Iterator[dict[str, Any]]:
    """What a watch shows."""
    for tick in range(ticks):
        yield {**world.model, "status": world.status}
        meanwhile(tick)
        world.tick()


def waited(world: CanaryWorld, goal: Goal = "promoted", ticks: int = 400, **more: Any) -> Result:
    return wait(seen(world, ticks, **more), goal)


def test_a_good_revision_ends_with_0_when_its_guard_period_is_over():
    world = on_trial()
    result = waited(world)
    assert (result.ended, world.rollout["phase"]) == (Ended.PROMOTED, "Draining")
    assert "has taken over" in result.message


def test_decided_ends_as_soon_as_there_is_a_verdict():
    world = on_trial()
    assert waited(world, "decided").ended == Ended.PROMOTED
    assert world.rollout["phase"] == "Promoting"


@pytest.mark.parametrize("goal", ["promoted", "decided"])
def test_a_bad_one_ends_with_1_and_why(goal: Goal):
    world = on_trial()
    world.bad["2"] = 0.5
    result = waited(world, goal)
    assert result.ended == Ended.FAILED
    assert "has failed: errors" in result.message


def test_one_that_fails_in_its_guard_period_ends_with_1():
    world = on_trial()

    def act(_: int) -> None:
        if world.rollout.get("phase") == "Guarding":
            world.crashing.add("2")

    assert waited(world, meanwhile=act).ended == Ended.FAILED


def test_an_abort_ends_with_1():
    world = judged()
    world.order("abort", f"{canary(world)} by jane")
    result = waited(world)
    assert (result.ended, "jane aborted it" in result.message) == (Ended.FAILED, True)


@pytest.mark.parametrize(("version", "words"), [("3", "was superseded by"), ("1", "is not wanted any more")])
def test_another_wish_ends_with_1(version: str, words: str):
    world = judged()

    def act(tick: int) -> None:
        if tick == 2:
            world.change(model={"uri": "pvc://models/fraud", "version": version})

    result = waited(world, meanwhile=act)
    assert (result.ended, words in result.message) == (Ended.FAILED, True)


def test_the_time_may_end_first_and_what_it_waited_for_is_said():
    result = waited(on_trial(), ticks=10)
    assert result.ended == Ended.TIMEOUT
    assert "is on trial" in result.message


def test_one_that_waits_for_approval_is_decided_and_not_promoted():
    approval = {"approval": {"required": True}}
    assert waited(on_trial(rollout=approval), "decided").message.endswith("waits for approval")
    assert waited(on_trial(rollout=approval), "promoted").ended == Ended.TIMEOUT


def test_one_without_a_verdict_in_time_is_told_so():
    world = on_trial(rollout={"maxDuration": "4m"})
    world.rate = 2
    result = waited(world, "decided")
    assert (result.ended, "a person has to decide" in result.message) == (Ended.TIMEOUT, True)


def test_the_status_of_before_the_change_is_no_answer():
    world = on_trial()
    assert (world.status or {})["observedGeneration"] < world.model["metadata"]["generation"]
    assert waited(world, ticks=1) == Result(Ended.TIMEOUT, "the time is over: Fairlead has not looked at it")


def test_what_cannot_be_made_yet_is_waited_for():
    world = on_trial()
    runtime, world.runtime = world.runtime, None

    def act(tick: int) -> None:
        if tick == 3:
            assert world.rollout["phase"] == "Held"
            world.runtime = runtime

    assert waited(world, "decided", meanwhile=act).ended == Ended.PROMOTED
    assert stable_version(world) == "1"

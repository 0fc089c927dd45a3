"""cli/ordering.py: what an order means, and what makes no sense; the operator then does what the command has said."""

from typing import Any

import pytest

from canary_world import CanaryWorld
from fairlead.api.orders import Action
from fairlead.cli.errors import CommandError
from fairlead.cli.ordering import intent
from unit.test_budget import PLENTY, SPENT, asked
from unit.test_canary import on_trial, until_phase
from unit.test_decisions import canary, handled, impossible, judged, possible


def model(world: CanaryWorld) -> dict[str, Any]:
    return {**world.model, "status": world.status}


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (Action.PROMOTE, "as soon as it has the pods for all traffic, whatever the evidence says"),
        (Action.ABORT, "is taken out of the traffic. `fairlead retry fraud`"),
        (Action.PAUSE, "stays at its weight until `fairlead resume fraud`"),
    ],
)
def test_what_is_on_trial_takes_orders_and_the_operator_takes_them(action: Action, words: str):
    world = judged()
    meant = intent(model(world), action)
    assert meant.revision == canary(world)
    assert words in meant.follows
    world.order(action, meant.revision)
    world.tick()
    assert handled(world, action)["result"] == "Done"


def test_what_has_failed_is_retried_and_takes_nothing_else():
    world = judged()
    world.bad["2"] = 0.5
    until_phase(world, "RolledBack")
    meant = intent(model(world), Action.RETRY)
    assert meant.revision == (world.status or {})["failed"]["revision"]
    with pytest.raises(CommandError, match=r"has failed: errors.*`fairlead retry fraud` tries it anew"):
        intent(model(world), Action.PROMOTE)


def test_an_abort_while_the_old_revision_is_guarded_goes_back():
    world = on_trial()
    until_phase(world, "Guarding")
    assert "the revision before serves again" in intent(model(world), Action.ABORT).follows


def test_the_way_back_is_offered_although_the_spec_has_become_impossible():
    world = on_trial()
    until_phase(world, "Guarding")
    impossible(world)
    world.tick()
    meant = intent(model(world), Action.ABORT)
    assert "the revision before serves again" in meant.follows
    world.order("abort", meant.revision)
    world.tick()
    assert handled(world, "abort")["result"] == "Done"


def test_a_retry_while_the_spec_is_impossible_is_said_to_wait_and_does():
    world = judged()
    world.bad["2"] = 0.5
    until_phase(world, "RolledBack")
    impossible(world)
    world.tick()
    meant = intent(model(world), Action.RETRY)
    assert meant.follows.startswith("This waits, since what the spec asks for cannot be made")
    world.order("retry", meant.revision)
    world.tick()
    assert handled(world, "retry")["result"] == "Waiting"
    world.bad.clear()
    possible(world, "2")
    until_phase(world, "Judging", ticks=10)
    assert handled(world, "retry")["result"] == "Done"


@pytest.mark.parametrize("action", Action)
def test_where_nothing_is_on_its_way_there_is_nothing_to_decide(action: Action):
    world = on_trial()
    until_phase(world, "Judging")
    until_phase(world, "Stable")
    with pytest.raises(CommandError, match=r"no revision of fraud (is on its way|has failed).* serves"):
        intent(model(world), action)


def test_another_revision_than_the_one_on_its_way_is_refused():
    world = judged()
    with pytest.raises(
        CommandError, match=f"fraud-00000000 takes no abort now: the revision that does is {canary(world)}"
    ):
        intent(model(world), Action.ABORT, "fraud-00000000")


def test_only_what_is_paused_is_resumed_and_only_once():
    world = judged()
    with pytest.raises(CommandError, match="no order has paused"):
        intent(model(world), Action.RESUME)
    world.order("pause", canary(world))
    world.tick()
    assert "goes on" in intent(model(world), Action.RESUME).follows
    with pytest.raises(CommandError, match="is paused already"):
        intent(model(world), Action.PAUSE)


def test_an_approval_that_nobody_asks_for_is_refused():
    with pytest.raises(CommandError, match="asks for no approval"):
        intent(model(judged()), Action.APPROVE)


def test_an_approval_says_whether_it_is_the_last_thing_missing():
    world = on_trial(rollout={"approval": {"required": True}})
    until_phase(world, "Judging")
    assert "once the evidence is for it" in intent(model(world), Action.APPROVE).follows
    assert "It still needs an approval" in intent(model(world), Action.PROMOTE).follows
    until_phase(world, "AwaitingApproval")
    assert "takes over now" in intent(model(world), Action.APPROVE).follows


def test_what_waits_for_error_budget_is_started_once_and_nothing_else_is():
    with pytest.raises(CommandError, match="nothing waits for error budget"):
        intent(model(judged()), Action.START)
    world = asked(SPENT)
    meant = intent(model(world), Action.START)
    assert meant.follows == f"{canary(world)} is tried, whatever is left of the error budget."
    world.order("start", f"{meant.revision} by jane")
    world.tick()
    with pytest.raises(CommandError, match="is started already, by jane"):
        intent(model(world), Action.START)
    world = asked(PLENTY)
    with pytest.raises(CommandError, match="has started, and waits for no error budget"):
        intent(model(world), Action.START)


def test_nothing_is_decided_on_a_status_of_before_the_last_change():
    world = judged()
    world.change(model={"uri": "pvc://models/fraud", "version": "3"})
    with pytest.raises(CommandError, match="has not looked at the last change of fraud yet"):
        intent(model(world), Action.ABORT)


def test_people_decide_about_canaries_only():
    world = judged()
    world.model["spec"]["rollout"]["strategy"] = "BlueGreen"
    with pytest.raises(CommandError, match=r"spec\.rollout\.strategy of fraud is BlueGreen"):
        intent(model(world), Action.ABORT)

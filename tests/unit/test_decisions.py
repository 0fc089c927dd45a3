"""What people decide by annotations: carried out once, for one revision, whatever happens around it."""

from typing import Any

import pytest

from canary_world import MEASURED, CanaryWorld, selects
from fairlead.api.kinds import SERVICE
from fairlead.api.modeldeployment import ModelDeployment
from fairlead.api.reasons import Phase
from fairlead.decision import Ordered, Orders
from fairlead.reconcile import reconcile
from fairlead.rollout import canary as canaries
from fairlead.situation import revision_named
from unit.test_canary import on_trial, stable_version, until_phase


def judged(**spec: object) -> CanaryWorld:
    """Version 2 is on trial, with traffic."""
    world = on_trial(**spec)
    until_phase(world, "Judging")
    world.tick(3)
    return world


def canary(world: CanaryWorld) -> str:
    return str(world.rollout["revision"])


def handled(world: CanaryWorld, action: str) -> dict[str, Any]:
    return dict(next(each for each in (world.status or {})["handled"] if each["action"] == action))


def outcomes(world: CanaryWorld) -> list[str]:
    return [each["outcome"] for each in (world.status or {})["history"]]


def traffic(world: CanaryWorld) -> set[str]:
    """The versions that get requests."""
    service = world.children[(SERVICE, "fraud")]
    return {
        pod["metadata"]["labels"]["app.kubernetes.io/version"] for pod in world.available() if selects(service, pod)
    }


def test_abort_takes_the_traffic_away_at_once_and_is_remembered():
    world = judged()
    name = canary(world)
    world.order("abort", f"{name} by jane")
    world.tick()
    assert world.rollout["phase"] == "RolledBack"
    assert traffic(world) == {"1"}
    assert name in {each["revision"] for each in (world.status or {})["draining"]}
    (record, *_) = (world.status or {})["history"]
    assert (record["outcome"], record["reason"], record["by"]) == ("Aborted", "Aborted", "jane")
    assert "jane aborted it" in world.condition("Ready")["message"]
    world.tick(60)
    assert outcomes(world) == ["Aborted"]
    assert len(world.deployments()) == 1


def test_an_abort_that_is_still_there_does_not_abort_what_is_retried():
    world = judged()
    name = canary(world)
    world.order("abort", name)
    world.tick(3)
    world.order("retry", name)
    world.tick()
    assert world.rollout["phase"] == "Starting"
    assert outcomes(world) == ["Retried", "Aborted"]
    until_phase(world, "Stable")
    assert stable_version(world) == "2"


def test_the_same_order_given_twice_is_carried_out_twice():
    world = judged()
    name = canary(world)
    world.order("abort", f"{name} at 2026-01-05T09:10:00Z by jane")
    world.tick(3)
    world.order("retry", name)
    until_phase(world, "Judging")
    world.order("abort", f"{name} at 2026-01-05T09:20:00Z by jane")
    world.tick()
    assert world.rollout["phase"] == "RolledBack"
    assert outcomes(world)[:3] == ["Aborted", "Retried", "Aborted"]


def test_a_plain_order_is_new_again_after_its_annotation_was_away():
    world = judged()
    name = canary(world)
    world.order("abort", name)
    world.tick(3)
    world.order("retry", name)
    del world.model["metadata"]["annotations"]["fairlead.dev/abort"]
    until_phase(world, "Judging")
    world.order("abort", name)
    world.tick()
    assert world.rollout["phase"] == "RolledBack"


def test_retry_begins_a_new_trial_without_the_evidence_of_the_old_one():
    world = judged()
    world.bad["2"] = 0.3
    until_phase(world, "RolledBack")
    name = (world.status or {})["failed"]["revision"]
    world.bad.clear()
    world.order("retry", f"{name} by jane")
    world.tick()
    assert (world.rollout["phase"], world.rollout["revision"]) == ("Starting", name)
    assert "failed" not in (world.status or {})
    until_phase(world, "Judging")
    world.tick(4)
    assert float(world.rollout["evidence"]["against"]) < 2
    until_phase(world, "Stable")
    assert stable_version(world) == "2"


def test_promote_takes_over_whatever_the_evidence_says():
    world = judged(rollout={"minDuration": "1h", "maxDuration": "2h"})
    world.bad["2"] = 0.9
    world.order("promote", f"{canary(world)} at 2026-01-05T09:10:00Z by jane")
    world.tick()
    assert world.rollout["phase"] == "Promoting"
    assert world.rollout["promote"]["by"] == "jane"
    until_phase(world, "Guarding", ticks=5)
    assert stable_version(world) == "2"
    record = (world.status or {})["history"][0]
    assert (record["outcome"], record["reason"], record["by"]) == ("Promoted", "PromotedByHand", "jane")


def test_promote_waits_for_the_pods_for_all_traffic():
    world = judged(rollout={"minDuration": "1h", "maxDuration": "2h"})
    world.scarce = {canary(world): 2}
    world.order("promote", canary(world))
    world.tick(10)
    assert (world.rollout["phase"], stable_version(world)) == ("Promoting", "1")
    world.scarce.clear()
    until_phase(world, "Guarding", ticks=5)


def test_promote_before_any_traffic_waits_for_an_answer():
    world = on_trial()
    world.tick(1)
    world.silent.add(canary(world))
    world.order("promote", canary(world))
    world.tick(5)
    assert world.rollout["phase"] == "Starting"
    world.silent.clear()
    until_phase(world, "Guarding", ticks=6)


def test_what_is_promoted_by_hand_and_crashes_is_rolled_back_all_the_same():
    world = judged(rollout={"minDuration": "1h", "maxDuration": "2h"})
    world.scarce = {canary(world): 2}
    world.order("promote", canary(world))
    world.tick(2)
    world.crashing.add("2")
    until_phase(world, "RolledBack", ticks=3)


def test_pause_holds_this_revision_and_resume_ends_it():
    world = judged()
    world.order("pause", f"{canary(world)} by jane")
    world.tick(100)
    assert (world.rollout["phase"], world.condition("Ready")["reason"]) == ("Judging", "Paused")
    assert "a pause that jane ordered holds" in world.condition("Ready")["message"]
    world.order("resume", canary(world))
    until_phase(world, "Stable")
    assert outcomes(world) == ["Promoted", "Resumed", "Paused"]


def test_a_pause_is_no_pause_of_the_next_revision():
    world = judged()
    world.order("pause", canary(world))
    world.tick(2)
    world.change(model={"uri": "pvc://models/fraud", "version": "3"})
    until_phase(world, "Stable")
    assert stable_version(world) == "3"


def test_resume_does_not_change_what_the_spec_says():
    world = judged(rollout={"paused": True})
    world.order("resume", canary(world))
    world.tick(100)
    assert world.condition("Ready")["reason"] == "Paused"
    assert (handled(world, "resume")["result"], outcomes(world)) == ("Ignored", [])


def test_a_paused_canary_is_rolled_back_when_it_fails():
    world = judged()
    world.order("pause", canary(world))
    world.bad["2"] = 0.5
    until_phase(world, "RolledBack", ticks=20)


def test_an_order_about_another_revision_is_ignored_for_good():
    world = judged()
    world.order("abort", "fraud-00000000")
    world.tick()
    assert world.rollout["phase"] == "Judging"
    assert handled(world, "abort")["result"] == "Ignored"
    assert f"{canary(world)} is on its way" in handled(world, "abort")["message"]


def test_an_old_abort_does_not_wait_for_its_revision_to_come_back():
    world = judged()
    second = canary(world)
    world.change(model={"uri": "pvc://models/fraud", "version": "3"})
    world.tick()
    world.order("abort", second)
    world.tick()
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})
    world.tick(3)
    assert canary(world) == second


@pytest.mark.parametrize(
    "value",
    [
        "",
        "?",
        "fraud-5d9c7a01 now",
        "fraud-5d9c7a01 at noon",
        "Fraud",
        "fraud-5d9c7a01 by ",
        "fraud-1 by a\nb",
        "x" * 5000,
    ],
)
def test_what_cannot_be_understood_is_said(value: str):
    world = judged()
    world.order("abort", value)
    plan = reconcile(world.look())
    world.tick()
    assert world.rollout["phase"] == "Judging"
    assert handled(world, "abort")["result"] == "Unreadable"
    assert "`at TIME` and `by NAME`" in handled(world, "abort")["message"]
    assert [event.type for event in plan.events if event.reason == "OrderUnreadable"] == ["Warning"]


def test_every_order_is_told_once():
    world = judged()
    world.order("pause", f"{canary(world)} by jane")
    told = []
    for _ in range(3):
        told += [event.message for event in world.reconcile().events if event.reason == "Ordered"]
    assert told == [f"{canary(world)} by jane: {canary(world)} stays at its weight until it is resumed"]


def test_without_times_the_order_that_takes_traffic_away_has_the_last_word():
    world = judged()
    for action in ("promote", "abort", "retry", "resume", "pause", "approve", "start"):
        world.order(action, canary(world))
    world.tick()
    assert world.rollout["phase"] == "RolledBack"


def test_with_times_the_last_one_has():
    world = judged()
    name = canary(world)
    world.order("retry", f"{name} at 2026-01-05T09:20:00Z")
    world.order("abort", f"{name} at 2026-01-05T09:10:00Z")
    world.tick()
    assert (world.rollout["phase"], world.rollout["revision"]) == ("Judging", name)
    assert sum(cell["canary"]["requests"] for cell in world.rollout["evidence"]["cells"]) == 0
    assert outcomes(world) == ["Retried"]


def test_a_crash_before_the_status_is_written_changes_nothing():
    world, other = judged(), judged()
    for each in (world, other):
        each.order("abort", canary(each))
    for stop_after in range(4):
        other.reconcile(stop_after=stop_after)
    world.tick(5)
    other.tick(5)
    assert other.status == world.status


def test_abort_goes_back_while_the_old_revision_is_guarded():
    world = on_trial(rollout={"guard": "5m"})
    until_phase(world, "Guarding")
    second = (world.status or {})["stable"]["revision"]
    world.tick(2)
    world.order("abort", f"{second} by jane")
    world.tick()
    assert (stable_version(world), world.rollout["phase"]) == ("1", "RolledBack")
    assert (world.status or {})["failed"]["reason"] == "Aborted"


def test_what_failed_in_its_guard_period_is_retried_with_a_trial():
    world = on_trial(rollout={"guard": "5m"})
    until_phase(world, "Guarding")
    world.tick(2)
    world.crashing.add("2")
    until_phase(world, "RolledBack", ticks=3)
    world.crashing.clear()
    world.order("retry", (world.status or {})["failed"]["revision"])
    world.tick()
    assert world.rollout["phase"] in ("Starting", "Waiting")
    until_phase(world, "Judging", ticks=20)


def test_promote_needs_no_metrics():
    world = on_trial()
    world.cut = True
    world.tick(3)
    world.order("promote", canary(world))
    until_phase(world, "Guarding", ticks=10)
    assert stable_version(world) == "2"


def test_what_serves_takes_no_orders():
    world = on_trial()
    until_phase(world, "Judging")
    until_phase(world, "Stable")
    world.order("abort", (world.status or {})["stable"]["revision"])
    world.tick()
    assert "serves already" in handled(world, "abort")["message"]
    assert stable_version(world) == "2"


def test_people_decide_about_canaries_only():
    world = judged()
    world.model["spec"]["rollout"]["strategy"] = "BlueGreen"
    world.order("abort", canary(world))
    world.reconcile()
    assert "spec.rollout.strategy is BlueGreen" in handled(world, "abort")["message"]


def test_what_is_carried_out_is_what_was_made_of_the_orders_once():
    world = judged()
    world.order("abort", canary(world))
    seen = world.look()
    model, stable = seen.model, revision_named(seen.revisions, (world.status or {})["stable"]["revision"])
    wanted = revision_named(seen.revisions, canary(world))
    assert isinstance(model, ModelDeployment)
    assert stable is not None
    assert wanted is not None
    assert canaries.beside(seen, model.spec, stable, wanted, Orders()).phase == Phase.JUDGING
    aborted = Orders(abort=Ordered(since=world.now))
    assert canaries.beside(seen, model.spec, stable, wanted, aborted).phase == Phase.ROLLED_BACK


def impossible(world: CanaryWorld) -> None:
    """The user edits the spec, and names a ModelRuntime that does not exist."""
    world.change(model={"uri": "pvc://models/fraud", "version": "9"})
    world.runtime = None


def possible(world: CanaryWorld, version: str) -> None:
    world.change(model={"uri": "pvc://models/fraud", "version": version})
    world.runtime = MEASURED


def test_a_canary_is_aborted_although_the_spec_has_become_impossible():
    world = judged()
    second = canary(world)
    impossible(world)
    world.order("abort", f"{second} by jane")
    world.tick()
    assert (world.rollout["phase"], traffic(world)) == ("Held", {"1"})
    assert handled(world, "abort")["result"] == "Done"
    (record,) = (world.status or {})["history"]
    assert (record["outcome"], record["reason"], record["by"]) == ("Aborted", "Aborted", "jane")
    world.tick(20)
    possible(world, "2")
    world.tick(20)
    assert (world.rollout["phase"], traffic(world), outcomes(world)) == ("RolledBack", {"1"}, ["Aborted"])


def test_an_abort_waits_while_the_spec_is_impossible_and_is_not_lost():
    world = judged()
    second = canary(world)
    impossible(world)
    world.tick(3)
    world.order("abort", f"{second} by jane")
    world.tick()
    waits = handled(world, "abort")
    assert (waits["result"], "looked at again once it can" in waits["message"]) == ("Waiting", True)
    world.tick(20)
    assert handled(world, "abort") == waits
    possible(world, "2")
    world.tick(3)
    assert (handled(world, "abort")["result"], world.rollout["phase"]) == ("Done", "RolledBack")


def test_what_waited_for_a_revision_that_is_not_wanted_any_more_is_ignored():
    world = judged()
    second = canary(world)
    impossible(world)
    world.tick(3)
    world.order("pause", second)
    world.tick(3)
    possible(world, "3")
    world.tick(3)
    assert handled(world, "pause")["result"] == "Ignored"
    assert "paused" not in world.rollout


def test_that_an_order_waits_is_told_once_and_so_is_what_becomes_of_it():
    world = judged()
    second = canary(world)
    impossible(world)
    world.order("pause", second)
    told = [event.reason for _ in range(5) for event in world.reconcile().events if event.action == "Pause"]
    possible(world, "2")
    told += [event.reason for _ in range(5) for event in world.reconcile().events if event.action == "Pause"]
    assert told == ["OrderWaits", "Ordered"]


def test_the_way_back_is_open_although_the_spec_has_become_impossible():
    world = on_trial(rollout={"guard": "5m"})
    until_phase(world, "Guarding")
    second = (world.status or {})["stable"]["revision"]
    impossible(world)
    world.tick(2)
    world.order("abort", f"{second} by jane")
    world.tick()
    assert (stable_version(world), world.rollout["phase"], traffic(world)) == ("1", "Held", {"1"})
    assert (world.status or {})["failed"]["revision"] == second
    world.tick(10)
    possible(world, "2")
    world.tick(20)
    assert (stable_version(world), world.rollout["phase"]) == ("1", "RolledBack")


def test_what_crashes_within_the_guard_goes_back_although_the_spec_has_become_impossible():
    world = on_trial(rollout={"guard": "5m"})
    until_phase(world, "Guarding")
    impossible(world)
    world.tick(2)
    world.crashing.add("2")
    world.tick(2)
    assert (stable_version(world), outcomes(world)) == ("1", ["RolledBack", "Promoted"])


def test_what_was_rolled_back_is_remembered_while_the_spec_is_impossible():
    world = on_trial()
    world.bad["2"] = 0.3
    until_phase(world, "RolledBack")
    impossible(world)
    world.tick(20)
    possible(world, "2")
    world.tick(20)
    assert (world.rollout["phase"], outcomes(world)) == ("RolledBack", ["RolledBack"])

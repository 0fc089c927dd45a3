"""Ways into production that are no promotion, and ways around a promotion that is due: none must lead there."""

from typing import Any

import pytest
from pydantic import ValidationError

from canary_world import KEY, SLO, CanaryWorld, a_canary
from fairlead.api.modeldeployment import ModelDeployment
from fairlead.api.reasons import Reason
from fairlead.api.revision import Revision
from fairlead.api.status import Status
from fairlead.desired.revision import lookup_of, wanted_revision
from fairlead.rollout.untried import Untried, needs_no_trial
from fairlead.situation import revision_named
from unit import test_gateway as behind
from unit.test_canary import on_trial, stable_version, until_phase
from unit.test_decisions import canary, judged, outcomes

LONG = {"minDuration": "1h", "maxDuration": "2h"}
APPROVED = {"approval": {"required": True}}
VERSION = {str(n): {"uri": "pvc://models/fraud", "version": str(n)} for n in range(1, 50)}


@pytest.mark.parametrize("rollout", [LONG, {**LONG, **APPROVED}, {**LONG, "paused": True, "guard": "0s"}])
def test_scaling_to_zero_ends_no_trial(rollout: dict[str, Any]):
    world = judged(rollout=rollout)
    world.change(replicas=0)
    world.tick(60)
    assert (stable_version(world), outcomes(world)) == ("1", [])
    world.change(replicas=4)
    world.tick(60)
    assert (stable_version(world), outcomes(world)) == ("1", [])
    assert world.rollout["phase"] in ("Judging", "Starting")


def test_scaling_to_zero_within_the_guard_condemns_nothing():
    world = on_trial()
    until_phase(world, "Guarding")
    world.change(replicas=0)
    world.tick(60)
    assert (stable_version(world), outcomes(world)) == ("2", ["Promoted"])
    assert (world.status or {}).get("failed") is None


def test_who_starts_from_zero_is_not_gone():
    world = CanaryWorld(model=a_canary())
    world.settle()
    world.tick(5)
    world.change(replicas=0)
    world.tick(40)
    world.scarce = {(world.status or {})["stable"]["revision"]: 0}  # its pods take a little longer
    world.change(replicas=4, model=VERSION["2"])
    world.tick(8)
    assert (stable_version(world), outcomes(world)) == ("1", [])


def test_nobody_takes_over_from_who_is_gone_while_that_is_paused():
    world = judged(rollout={**LONG, "paused": True})
    world.scarce = {(world.status or {})["stable"]["revision"]: 0}
    world.tick(60)
    assert (stable_version(world), outcomes(world)) == ("1", [])


def test_an_approval_promotes_nothing_that_evidence_has_come_to_speak_against():
    world = on_trial(rollout=APPROVED)
    until_phase(world, "AwaitingApproval")
    world.bad["2"] = 0.01
    while float(world.rollout["evidence"]["against"]) < 3 and world.rollout["phase"] == "AwaitingApproval":
        world.tick()
    if world.rollout["phase"] == "AwaitingApproval":
        world.order("approve", canary(world))
        world.tick()
    assert world.rollout["phase"] in ("AwaitingApproval", "RolledBack")
    assert stable_version(world) == "1"


def test_an_approval_that_is_asked_for_late_is_asked_for_all_the_same():
    world = judged(rollout=LONG)
    world.scarce = {canary(world): 2}
    world.order("promote", canary(world))
    world.tick(3)
    assert world.rollout["phase"] == "Promoting"
    world.change(rollout={**LONG, **APPROVED})
    world.scarce = {}
    world.tick(20)
    assert (world.rollout["phase"], stable_version(world)) == ("AwaitingApproval", "1")


def test_no_promotion_is_finished_in_the_blind():
    world = on_trial(rollout={"onMissingEvidence": "Rollback"})
    until_phase(world, "Judging")
    world.scarce = {canary(world): 1}
    until_phase(world, "Promoting")
    world.cut = True
    world.tick(20)
    world.scarce = {}
    world.tick(20)
    assert stable_version(world) == "1"
    assert world.condition("Ready")["reason"] == Reason.EVIDENCE_MISSING


def test_a_trial_that_begins_anew_while_it_waits_for_approval_comes_to_its_end():
    counters = {"bad": [{"series": "blocked_total"}], "total": [{"series": "answers_total"}]}
    more = {"objectives": [*SLO["objectives"], {"name": "blocked", "target": "90", "counters": counters}]}
    world = on_trial(replicas=12, slo=more, rollout=APPROVED)
    until_phase(world, "AwaitingApproval")
    world.change(slo=SLO)
    world.tick(10)
    world.order("approve", canary(world))
    until_phase(world, "Stable", ticks=1000)
    assert stable_version(world) == "2"


def test_what_was_aborted_comes_back_by_a_trial_only():
    world = on_trial()
    until_phase(world, "Guarding")
    until_phase(world, "Stable")
    world.change(model=VERSION["1"])
    until_phase(world, "Guarding")
    world.order("abort", (world.status or {})["stable"]["revision"])
    world.tick(2)
    assert stable_version(world) == "2"
    world.change(model=VERSION["2"])
    world.tick(30)
    world.change(model=VERSION["1"])
    world.tick(4)
    assert stable_version(world) == "2"


def test_more_revisions_than_status_can_name_stop_nobody():
    world = behind.served(rollout={"strategy": "BlueGreen"})
    world.gateway = "Away"
    for version in range(2, 40):
        world.change(model=VERSION[str(version)])
        world.tick(4)
    world.gateway = "Accepts"
    world.tick(20)
    assert (world.rollout["phase"], stable_version(world)) == ("Stable", "39")


def test_a_gateway_that_refuses_takes_a_person_at_once():
    world = behind.on_trial(rollout=LONG)
    behind.until_phase(world, "Judging")
    while world.weight == 0:
        world.tick()
    world.gateway = "Refuses"
    world.tick(2)
    assert world.condition("Stalled")["reason"] == "RouteRefused"
    assert world.rollout["phase"] == "Judging"


def test_orders_push_no_decision_out_of_the_record():
    world = on_trial()
    world.bad["2"] = 0.3
    until_phase(world, "RolledBack")
    world.change(model=VERSION["3"])
    until_phase(world, "Judging")
    for n in range(10):
        world.order("pause" if n % 2 == 0 else "resume", f"{canary(world)} at 2026-01-05T10:00:{n:02}Z")
        world.tick()
    assert "RolledBack" in outcomes(world)
    assert len(outcomes(world)) == 10


def test_a_number_that_was_edited_by_hand_stops_nobody():
    world = judged(rollout=LONG)
    status = dict(world.status or {})
    with pytest.raises(ValidationError):  # and what cannot be read is as good as none: see observe/look.py
        Status.model_validate({**status, "rollout": {**status["rollout"], "weight": "abc"}})


def no_trial(world: CanaryWorld) -> Untried | None:
    """Why what the spec asks for needs no trial."""
    seen = world.look()
    assert isinstance(seen.model, ModelDeployment)
    stable = revision_named(seen.revisions, (world.status or {})["stable"]["revision"])
    wanted = wanted_revision(seen, seen.model, lookup_of(seen, seen.model))
    assert stable is not None
    assert isinstance(wanted, Revision)
    return needs_no_trial(seen, seen.model.spec, stable, wanted)


def test_what_is_new_needs_a_trial():
    assert no_trial(on_trial()) is None
    assert no_trial(judged()) is None


def test_what_served_before_needs_none_unless_it_has_failed():
    world = on_trial()
    until_phase(world, "Guarding")
    world.change(model=VERSION["1"])
    assert no_trial(world) == Untried.SERVED_BEFORE
    until_phase(world, "Guarding")
    world.tick(3)
    world.order("abort", (world.status or {})["stable"]["revision"])
    world.tick(2)
    assert no_trial(world) is None


@pytest.mark.parametrize(("approval", "expected"), [(False, Untried.NOTHING_WANTED), (True, None)])
def test_where_no_pods_are_wanted_nothing_is_tried(approval: bool, expected: Untried | None):
    world = CanaryWorld(model=a_canary(rollout={"approval": {"required": approval}}))
    world.settle()
    world.change(replicas=0, model=VERSION["2"])
    assert no_trial(world) == expected


def test_beside_who_is_gone_nothing_is_tried():
    world = judged(rollout={**LONG, "paused": True})
    world.scarce = {(world.status or {})["stable"]["revision"]: 0}
    world.tick(20)
    assert no_trial(world) == Untried.STABLE_GONE


def test_what_has_had_no_request_is_let_in_by_no_late_approval_and_the_reason_is_told():
    world = on_trial(rollout=APPROVED)
    until_phase(world, "AwaitingApproval")
    world.rate = 0
    world.trials.keep(KEY, None)
    status = dict(world.status or {})
    evidence = {name: value for name, value in status["rollout"]["evidence"].items() if name != "state"}
    world.status = {**status, "rollout": {**status["rollout"], "evidence": evidence}}  # the trial begins anew
    world.order("approve", canary(world))
    world.tick(5)
    assert (world.rollout["phase"], stable_version(world)) == ("AwaitingApproval", "1")
    assert world.condition("Ready")["reason"] == "EvidenceMissing"
    assert "has not had a request that was counted" in world.condition("Ready")["message"]

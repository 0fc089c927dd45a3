"""rollout/canary.py: stories of canaries under traffic, tick by tick."""

from datetime import timedelta
from itertools import pairwise

from canary_world import TICK, CanaryWorld, a_canary, selects
from fairlead.api.kinds import SERVICE
from fairlead.reconcile import reconcile


def on_trial(**spec: object) -> CanaryWorld:
    """Version 1 serves, and version 2 has just been asked for."""
    world = CanaryWorld(model=a_canary(**spec))
    world.settle()
    world.tick(20)
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})
    return world


def until_phase(world: CanaryWorld, phase: str, ticks: int = 400) -> int:
    """How many ticks it took."""
    for tick in range(ticks):
        if world.rollout.get("phase") == phase:
            return tick
        world.tick()
    raise AssertionError(f"no {phase} after {ticks} ticks: {world.rollout}")


def stable_version(world: CanaryWorld) -> str:
    return str((world.status or {})["stable"]["modelVersion"])


def test_a_good_canary_takes_every_step():
    world = on_trial()
    phases = []
    for _ in range(400):
        world.tick()
        if not phases or phases[-1] != world.rollout["phase"]:
            phases.append(world.rollout["phase"])
        if phases[-1] == "Stable" and len(phases) > 1:
            break
    assert phases == ["Starting", "Judging", "Promoting", "Guarding", "Draining", "Stable"]
    assert stable_version(world) == "2"
    assert world.condition("Ready")["status"] == "True"
    (record,) = (world.status or {})["history"]
    assert record["outcome"] == "Promoted"
    assert {cell["name"] for cell in record["evidence"]["cells"]} >= {"errors", "Latency>250ms"}


def test_a_canary_that_fails_is_taken_out_after_few_bad_requests():
    world = on_trial()
    world.bad["2"] = 0.2
    until_phase(world, "RolledBack")
    assert stable_version(world) == "1"
    assert world.sent["2"] * 0.2 < 100
    ready, stalled = world.condition("Ready"), world.condition("Stalled")
    assert (ready["status"], ready["reason"], stalled["status"]) == ("False", "RolledBack", "True")
    assert "errors:" in ready["message"]
    assert world.condition("Available")["status"] == "True"
    (record,) = (world.status or {})["history"]
    assert (record["outcome"], record["reason"]) == ("RolledBack", "EvidenceAgainst")


def test_what_was_rolled_back_is_not_tried_again_and_its_pods_end():
    world = on_trial()
    world.bad["2"] = 0.2
    until_phase(world, "RolledBack")
    before = world.sent["2"]
    world.tick(60)
    assert world.sent["2"] == before
    assert len(world.deployments()) == 1
    assert len((world.status or {})["history"]) == 1


def test_a_slow_canary_is_rolled_back_and_told_by_the_edge_that_moved():
    world = on_trial()
    world.slow["2"] = 0.4
    until_phase(world, "RolledBack")
    assert "Latency>" in world.condition("Ready")["message"]


def test_going_back_to_the_old_version_ends_a_trial_and_is_recorded():
    world = on_trial()
    until_phase(world, "Judging")
    world.tick(4)
    assert world.weight > 0
    world.change(model={"uri": "pvc://models/fraud", "version": "1"})
    world.tick()
    assert world.weight == 0
    assert (world.status or {})["history"][0]["outcome"] == "Aborted"
    world.tick(30)
    assert world.rollout["phase"] == "Stable"
    assert len(world.deployments()) == 1


def test_another_version_supersedes_a_trial():
    world = on_trial()
    until_phase(world, "Judging")
    world.tick(4)
    world.change(model={"uri": "pvc://models/fraud", "version": "3"})
    world.tick()
    assert (world.status or {})["history"][0]["outcome"] == "Superseded"
    before = world.sent["2"]
    until_phase(world, "Stable")
    assert stable_version(world) == "3"
    assert world.sent["2"] == before


def test_metrics_that_are_cut_hold_the_canary_and_it_goes_on_afterwards():
    world = on_trial()
    until_phase(world, "Judging")
    world.tick(3)
    world.cut = True
    world.tick(10)
    weight = world.weight
    assert world.condition("Ready")["reason"] == "EvidenceMissing"
    assert "timed out" in world.condition("Ready")["message"]
    world.tick(200)
    assert world.weight == weight
    assert world.rollout["phase"] == "Judging"
    world.cut = False
    until_phase(world, "Stable")
    assert stable_version(world) == "2"


def test_a_new_leader_goes_on_where_the_old_one_stopped():
    world, other = on_trial(), on_trial()
    until_phase(world, "Judging")
    until_phase(other, "Judging")
    for _ in range(20):
        world.tick()
        other.tick()
        other.restart()
    assert other.rollout["evidence"]["cells"][0]["canary"] == world.rollout["evidence"]["cells"][0]["canary"]
    until_phase(other, "Stable")
    assert stable_version(other) == "2"


def test_a_canary_that_crashes_is_rolled_back_without_statistics():
    world = on_trial()
    world.crashing.add("2")
    until_phase(world, "RolledBack", ticks=5)
    assert "ends over and over" in world.condition("Ready")["message"]


def test_a_canary_that_never_gets_ready_is_rolled_back_at_its_deadline():
    world = on_trial(rollout={"progressDeadline": "2m"})
    world.tick(1)
    world.broken.add(next(name for name in world.deployments() if name != world.serving()))
    assert 20 <= until_phase(world, "RolledBack", ticks=40) <= 26
    assert world.condition("Ready")["reason"] == "RolledBack"


def test_both_bad_at_once_holds_and_does_not_blame_the_canary():
    world = on_trial()
    until_phase(world, "Judging")
    world.bad |= {"1": 0.3, "2": 0.3}
    world.tick(60)
    assert world.rollout["phase"] == "Judging"
    assert world.condition("Ready")["reason"] == "StableFailing"
    world.bad.clear()
    until_phase(world, "Stable", ticks=800)
    assert stable_version(world) == "2"


def test_a_version_that_mends_what_is_broken_is_promoted():
    world = on_trial()
    until_phase(world, "Judging")
    world.bad["1"] = 0.3
    until_phase(world, "Stable", ticks=100)
    assert stable_version(world) == "2"


def test_paused_holds_the_weight_and_the_promotion():
    world = on_trial(rollout={"paused": True})
    until_phase(world, "Judging")
    world.tick(100)
    assert world.rollout["phase"] == "Judging"
    assert world.condition("Ready")["reason"] == "Paused"
    world.change(rollout={"paused": False})
    until_phase(world, "Stable")


def test_without_a_verdict_in_time_a_person_is_asked():
    world = on_trial(rollout={"maxDuration": "4m"})
    world.rate = 2
    until_phase(world, "Judging")
    world.tick(60)
    assert world.condition("Ready")["reason"] == "Inconclusive"
    assert world.condition("Stalled")["status"] == "True"
    world.change(rollout={"maxDuration": "4m", "onInconclusive": "Promote"})
    until_phase(world, "Stable")
    assert stable_version(world) == "2"


def test_a_new_stable_revision_that_fails_while_the_old_one_is_kept_goes_back():
    world = on_trial(rollout={"guard": "5m"})
    until_phase(world, "Guarding")
    world.tick(3)
    world.crashing.add("2")
    world.tick(2)
    assert stable_version(world) == "1"
    assert world.rollout["phase"] == "RolledBack"
    assert (world.status or {})["history"][0]["outcome"] == "RolledBack"


def test_the_share_of_traffic_is_told_as_it_is():
    world = on_trial()
    until_phase(world, "Judging")
    world.tick(3)
    assert world.weight == 20  # one pod beside four
    assert "20 % of the traffic" in world.condition("Ready")["message"]


def test_a_quiet_trial_writes_status_with_every_third_look_at_most():
    world = on_trial()
    until_phase(world, "Judging")
    world.tick(3)
    versions = []
    for _ in range(12):
        world.tick()
        versions.append(str(world.status))
    assert 1 + sum(a != b for a, b in pairwise(versions)) <= 5


def test_what_the_stable_revision_does_before_the_trial_is_known_when_it_begins():
    world = on_trial()
    world.tick(1)
    world.broken.add(next(name for name in world.deployments() if name != world.serving()))
    world.tick(20)
    trial = world.trials.latest(("risk", "fraud"), None)
    assert trial is not None
    assert trial.memory.stable[0, 0] > 10_000
    assert trial.weight == 0
    assert world.rollout["phase"] == "Starting"
    assert "evidence" not in world.rollout
    world.broken.clear()
    until_phase(world, "Judging")
    until_phase(world, "Stable")
    assert stable_version(world) == "2"


def promoted() -> CanaryWorld:
    """Version 2 has taken over from version 1."""
    world = on_trial()
    until_phase(world, "Judging")
    until_phase(world, "Stable")
    return world


def test_going_back_to_what_served_before_needs_no_trial():
    world = promoted()
    world.change(model={"uri": "pvc://models/fraud", "version": "1"})
    for _ in range(4):
        world.tick()
    assert stable_version(world) == "1"
    assert "Judging" not in str(world.rollout["phase"])


def test_a_third_version_is_tried_after_all():
    world = promoted()
    world.change(model={"uri": "pvc://models/fraud", "version": "3"})
    until_phase(world, "Judging", ticks=10)


def test_what_fixes_a_dead_revision_takes_over_at_once():
    world = on_trial()
    world.change(model={"uri": "pvc://models/fraud", "version": "1"})
    world.tick(3)
    world.broken.add(world.serving())
    world.tick(14)
    assert world.condition("Available")["status"] == "False"
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})
    world.tick(4)
    assert stable_version(world) == "2"
    assert world.condition("Available")["status"] == "True"


def test_a_stable_revision_that_is_away_for_a_moment_leaves_the_canary_to_serve():
    world = on_trial()
    until_phase(world, "Judging")
    world.tick(4)
    (stable, canary) = ((world.status or {})["stable"]["revision"], world.rollout["revision"])
    world.broken.add(stable)
    world.tick(3)
    assert world.ready(canary) > 0
    assert world.serving() is None, "the Service selects the pods of both"
    assert stable_version(world) == "1"
    world.broken.clear()
    until_phase(world, "Stable")
    assert stable_version(world) == "2"


def test_a_version_that_still_has_all_its_pods_begins_with_one():
    world = promoted()
    world.change(model={"uri": "pvc://models/fraud", "version": "3"})
    until_phase(world, "Judging", ticks=20)
    world.tick(2)
    assert world.weight <= 25


def candidate(world: CanaryWorld) -> str:
    return str(world.rollout["revision"])


def test_a_version_that_fails_when_it_is_gone_back_to_is_not_let_in_again_and_again():
    world = on_trial(rollout={"guard": "5m"})
    until_phase(world, "Guarding")
    world.change(model={"uri": "pvc://models/fraud", "version": "1"})
    world.tick(4)
    assert (stable_version(world), world.rollout["phase"]) == ("1", "Guarding")
    world.crashing.add("1")
    world.tick(2)
    assert stable_version(world) == "2"
    phases = set()
    for _ in range(30):
        world.tick()
        phases.add(world.rollout["phase"])
    assert phases == {"RolledBack"}
    assert len((world.status or {})["history"]) == 3


def test_what_was_rolled_back_does_not_come_in_by_night():
    world = on_trial()
    world.bad["2"] = 0.3
    until_phase(world, "RolledBack")
    world.tick(10)
    world.change(replicas=0)
    world.tick(40)
    world.change(replicas=4)
    world.tick(10)
    assert stable_version(world) == "1"
    assert world.rollout["phase"] == "RolledBack"


def test_a_cell_that_is_not_counted_does_not_keep_a_bad_canary_in():
    world = on_trial(rollout={"minDuration": "10m"})
    until_phase(world, "Judging")
    world.tick(10)
    world.untold.add("2")
    world.bad["2"] = 0.5
    until_phase(world, "RolledBack", ticks=20)


def test_the_time_before_traffic_does_not_count():
    world = on_trial(rollout={"maxDuration": "10m", "onInconclusive": "Promote", "progressDeadline": "3h"})
    world.tick(1)
    world.broken.add(candidate(world))
    world.tick(200)
    world.bad["2"] = 0.9
    world.broken.clear()
    until_phase(world, "RolledBack", ticks=30)
    assert stable_version(world) == "1"


def test_without_room_for_more_a_canary_that_carries_all_is_not_cut_off():
    world = on_trial()
    until_phase(world, "Judging")
    world.tick(4)
    world.broken.add(str((world.status or {})["stable"]["revision"]))
    for _ in range(30):
        world.tick()
        service = world.children[(SERVICE, "fraud")]
        assert any(selects(service, pod) for pod in world.available())
    assert stable_version(world) == "2", "after a minute there is nothing to compare with any more"


def test_a_canary_that_was_rolled_back_is_no_way_back():
    world = on_trial(rollout={"drain": "10m", "guard": "10m"})
    world.bad["2"] = 0.3
    until_phase(world, "RolledBack")
    world.change(model={"uri": "pvc://models/fraud", "version": "1"})
    world.tick(2)
    world.broken.add(str((world.status or {})["stable"]["revision"]))
    world.tick(2)
    assert stable_version(world) == "1"


def test_a_long_guard_does_not_fail_the_next_version():
    world = on_trial(rollout={"guard": "30m", "progressDeadline": "2m"})
    until_phase(world, "Guarding")
    world.change(model={"uri": "pvc://models/fraud", "version": "3"})
    until_phase(world, "Judging", ticks=40)


def test_a_canary_whose_pods_go_away_on_trial_is_rolled_back_at_its_deadline():
    world = on_trial(rollout={"progressDeadline": "2m"})
    until_phase(world, "Judging")
    world.tick(4)
    world.broken.add(candidate(world))
    until_phase(world, "RolledBack", ticks=40)


def test_paused_holds_whatever_the_evidence_says_and_time_does():
    world = on_trial(rollout={"maxDuration": "4m", "onInconclusive": "Promote", "paused": True})
    until_phase(world, "Judging")
    world.tick(100)
    assert (world.rollout["phase"], world.condition("Ready")["reason"]) == ("Judging", "Paused")


def test_time_alone_promotes_nothing_while_the_stable_revision_is_no_measure():
    world = on_trial(rollout={"maxDuration": "5m", "onInconclusive": "Promote"})
    until_phase(world, "Judging")
    world.bad |= {"1": 0.3, "2": 0.3}
    world.tick(100)
    assert stable_version(world) == "1"
    assert world.condition("Stalled")["status"] == "True"


def test_a_canary_that_turns_bad_while_it_gets_its_pods_is_rolled_back():
    world = on_trial()
    until_phase(world, "Judging")
    until_phase(world, "Promoting")
    world.scarce = {candidate(world): 3}
    world.bad["2"] = 0.9
    until_phase(world, "RolledBack", ticks=10)


def test_a_smaller_maximum_applies_at_once():
    world = on_trial(replicas=12, rollout={"maxWeight": 50, "minDuration": "1h", "maxDuration": "2h"})
    until_phase(world, "Judging")
    world.tick(60)
    before = world.weight
    assert before >= 20
    world.change(rollout={"maxWeight": 8, "minDuration": "1h", "maxDuration": "2h"})
    world.tick(3)
    assert world.weight < 10


def test_a_trial_that_ends_for_what_served_before_drains():
    world = promoted()
    world.change(model={"uri": "pvc://models/fraud", "version": "3"})
    until_phase(world, "Judging", ticks=20)
    world.tick(4)
    third = candidate(world)
    world.change(model={"uri": "pvc://models/fraud", "version": "1"})
    world.tick(1)
    assert third in {each["revision"] for each in (world.status or {})["draining"]}
    assert third in world.deployments()


def test_a_reason_that_nobody_knows_any_more_stops_nothing():
    world = on_trial()
    world.bad["2"] = 0.3
    until_phase(world, "RolledBack")
    status = dict(world.status or {})
    world.status = {**status, "failed": {**status["failed"], "reason": "Whim"}}
    world.tick(2)
    assert world.rollout["phase"] == "RolledBack"


def test_an_objective_that_the_histogram_cannot_tell_is_named_while_the_canary_is_on_trial():
    beyond = {"name": "patience", "target": "99", "metric": "Latency", "threshold": "30s"}
    world = on_trial(slo={"objectives": [beyond]})
    until_phase(world, "Judging")
    world.tick(4)
    assert "objective patience is not judged: 30s is beyond the last edge" in world.condition("Ready")["message"]


def test_it_looks_again_when_what_the_canary_waits_for_has_drained():
    world = promoted()
    world.change(model={"uri": "pvc://models/fraud", "version": "3"})
    world.tick(3)
    world.change(model={"uri": "pvc://models/fraud", "version": "4"})
    world.tick(2)
    drains = (world.status or {}).get("draining")
    plan = reconcile(world.look())
    assert drains
    assert plan.look_again is not None
    assert plan.look_again <= timedelta(seconds=30)


def test_a_trial_whose_first_weight_was_never_written_down_goes_on():
    """Its few requests were bad, so its weight may not grow; but without any it would learn nothing for ever."""
    world = on_trial()
    world.bad["2"] = 0.3
    until_phase(world, "Judging")
    while world.sent.get("2", 0) == 0:
        world.run_pods()
        world.now += TICK
        world.serve()
        # The operator ends after its last step, and before it writes the status.
        world.reconcile(stop_after=len(reconcile(world.look()).steps))
        world.restart()
    assert world.weight == 0
    until_phase(world, "RolledBack")


def test_the_evidence_is_written_with_every_change_of_the_weight():
    world = on_trial(replicas=20)
    until_phase(world, "Judging")
    for _ in range(60):
        before = world.weight
        world.tick()
        if world.rollout["phase"] == "Judging" and world.weight != before:
            world.restart()
            world.reconcile()
            assert world.weight >= before


GUARDRAIL = {
    "name": "guardrail",
    "target": "90",
    "counters": {"bad": [{"series": "blocked_total"}], "total": [{"series": "checks_total"}]},
}


def guarded(*, blocked: float) -> CanaryWorld:
    """Version 2 has just been asked for, and its answers are blocked that often."""
    world = CanaryWorld(model=a_canary(slo={"objectives": [GUARDRAIL]}), blocked={"1": 0.02, "2": blocked})
    world.settle()
    world.tick(20)
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})
    return world


def test_a_canary_whose_answers_are_blocked_is_taken_out():
    world = guarded(blocked=0.3)
    until_phase(world, "RolledBack")
    assert "guardrail: " in world.condition("Ready")["message"]
    assert stable_version(world) == "1"


def test_a_canary_whose_answers_are_blocked_as_often_as_before_takes_over():
    world = guarded(blocked=0.02)
    until_phase(world, "Judging")
    until_phase(world, "Stable")
    assert stable_version(world) == "2"
    cells = (world.status or {})["history"][0]["evidence"]["cells"]
    assert {cell["name"] for cell in cells} >= {"errors", "guardrail"}


def test_a_trial_begins_anew_when_an_objective_counts_something_else():
    world = guarded(blocked=0.02)
    until_phase(world, "Judging")
    world.tick(10)
    before = world.trials.latest(("risk", "fraud"), None)
    other = {**GUARDRAIL, "counters": {**GUARDRAIL["counters"], "bad": [{"series": "redacted_total"}]}}
    world.change(slo={"objectives": [other]})
    world.tick(1)
    after = world.trials.latest(("risk", "fraud"), None)
    assert before is not None
    assert after is not None
    assert after.began > before.began
    until_phase(world, "Stable")
    assert stable_version(world) == "2"


def test_a_trial_goes_on_when_an_objective_changes_and_not_what_it_counts():
    world = guarded(blocked=0.02)
    until_phase(world, "Judging")
    world.tick(2)
    before = world.trials.latest(("risk", "fraud"), None)
    world.change(slo={"objectives": [{**GUARDRAIL, "target": "80"}]})
    world.tick(1)
    after = world.trials.latest(("risk", "fraud"), None)
    assert before is not None
    assert after is not None
    assert after.began == before.began


def test_a_canary_is_judged_by_what_is_read_every_half_minute_only():
    world = CanaryWorld(model=a_canary(rollout={"evidence": {"source": "Prometheus"}}), every=6)
    world.settle()
    world.tick(20)
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})
    until_phase(world, "Judging", ticks=20)
    while world.rollout["phase"] == "Judging":
        assert world.condition("Ready")["reason"] in ("OnTrial", "EvidenceMissing")
        if world.weight:
            assert world.condition("Ready")["reason"] == "OnTrial", world.condition("Ready")["message"]
        world.tick()
    until_phase(world, "Stable")
    assert stable_version(world) == "2"
    assert (world.status or {})["history"][0]["evidence"]["source"] == "Prometheus"


def test_what_prometheus_has_told_is_old_after_two_minutes():
    world = CanaryWorld(model=a_canary(rollout={"evidence": {"source": "Prometheus"}}), every=6)
    world.settle()
    world.tick(20)
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})
    until_phase(world, "Judging", ticks=20)
    world.tick(8)
    world.every = 1000
    world.tick(18)
    assert world.condition("Ready")["reason"] == "OnTrial"
    world.tick(12)
    assert world.condition("Ready")["reason"] == "EvidenceMissing"

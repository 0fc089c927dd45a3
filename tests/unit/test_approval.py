"""spec.rollout.approval, steps and onMissingEvidence: what else decides how far a canary gets."""

from datetime import timedelta

from canary_world import TICK, CanaryWorld, a_canary
from fairlead.cli.why import why
from unit.test_canary import on_trial, stable_version, until_phase
from unit.test_decisions import canary, judged, outcomes

APPROVED = {"approval": {"required": True}}


def test_a_good_canary_waits_for_a_person_at_its_weight():
    world = on_trial(replicas=12, rollout=APPROVED)
    until_phase(world, "AwaitingApproval")
    weight = world.weight
    world.tick(100)
    assert (world.rollout["phase"], world.weight, stable_version(world)) == ("AwaitingApproval", weight, "1")
    ready = world.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("False", "AwaitingApproval")
    assert world.condition("Stalled") is None
    assert world.condition("RolloutHealthy")["status"] == "True"
    assert "fairlead approve fraud" in ready["message"]
    world.order("approve", f"{canary(world)} by jane")
    until_phase(world, "Stable")
    assert stable_version(world) == "2"
    assert outcomes(world) == ["Promoted", "Approved"]
    assert (world.status or {})["history"][0]["by"] == "jane"


def test_that_it_waits_is_told_once_and_is_no_warning():
    world = on_trial(rollout=APPROVED)
    until_phase(world, "Judging")
    told, logged = [], []
    for _ in range(100):
        world.run_pods()
        world.now += TICK
        world.serve()
        plan = world.reconcile()
        told += [(event.type, event.reason) for event in plan.events]
        logged += [line.fields["reason"] for line in plan.log]
    assert told == [("Normal", "AwaitingApproval")]
    assert logged == ["AwaitingApproval"]


def test_what_turns_bad_while_it_waits_is_rolled_back():
    world = on_trial(rollout=APPROVED)
    until_phase(world, "AwaitingApproval")
    world.bad["2"] = 0.5
    until_phase(world, "RolledBack", ticks=30)


def test_an_approval_is_for_one_revision_only():
    world = on_trial(rollout=APPROVED)
    until_phase(world, "AwaitingApproval")
    world.order("approve", "fraud-00000000 by jane")
    world.tick(10)
    assert world.rollout["phase"] == "AwaitingApproval"


def test_an_approval_may_come_early_and_promotes_nothing_by_itself():
    world = judged(rollout=APPROVED)
    world.order("approve", canary(world))
    world.tick(3)
    assert world.rollout["phase"] == "Judging"
    until_phase(world, "Stable")
    assert stable_version(world) == "2"


def test_an_approval_is_gone_when_the_revision_was_rolled_back():
    world = judged(rollout=APPROVED)
    name = canary(world)
    world.order("approve", name)
    world.tick()
    world.order("abort", name)
    world.tick(2)
    world.order("retry", name)
    until_phase(world, "AwaitingApproval")
    world.tick(10)
    assert stable_version(world) == "1"


def test_who_promotes_by_hand_needs_an_approval_all_the_same():
    world = judged(rollout=APPROVED)
    world.order("promote", f"{canary(world)} by joe")
    world.tick(5)
    assert world.rollout["phase"] == "AwaitingApproval"
    assert "joe promotes" in world.condition("Ready")["message"]
    world.order("approve", f"{canary(world)} by jane")
    until_phase(world, "Guarding", ticks=5)
    (record, *_) = (world.status or {})["history"]
    assert (record["reason"], record["by"], record["approvedBy"]) == ("PromotedByHand", "joe", "jane")
    world.tick()
    (line,) = [line.fields for line in world.told if line.fields["outcome"] == "Promoted"]
    assert (line["by"], line["approvedBy"]) == ("joe", "jane")
    told = why({**world.model, "status": world.status})
    assert "Decided by: joe" in told
    assert "Approved by: jane" in told


def test_what_is_approved_is_not_promoted_while_it_cannot_be_judged():
    world = on_trial(rollout=APPROVED)
    until_phase(world, "AwaitingApproval")
    world.cut = True
    world.tick(10)
    world.order("approve", canary(world))
    world.tick(10)
    assert (world.rollout["phase"], world.condition("Ready")["reason"]) == ("AwaitingApproval", "EvidenceMissing")
    world.cut = False
    until_phase(world, "Stable")
    assert stable_version(world) == "2"


def test_a_dead_stable_revision_is_no_approval():
    world = on_trial(rollout=APPROVED)
    until_phase(world, "AwaitingApproval")
    world.broken.add(str((world.status or {})["stable"]["revision"]))
    world.tick(30)
    assert stable_version(world) == "1"


STEPS = [{"weight": 8, "duration": "1m"}, {"weight": 20, "duration": "2m"}, {"weight": 33, "duration": "1m"}]


def stepped(**rollout: object) -> CanaryWorld:
    world = on_trial(replicas=12, rollout={"steps": STEPS, "maxWeight": 40, "minDuration": "10s", **rollout})
    until_phase(world, "Judging")
    return world


def weights(world: CanaryWorld, ticks: int = 200) -> list[tuple[float, int]]:
    """Each weight, and for how many ticks."""
    found: list[tuple[float, int]] = []
    for _ in range(ticks):
        if world.rollout["phase"] != "Judging":
            break
        if world.weight and (not found or found[-1][0] != world.weight):
            found.append((world.weight, 0))
        if found:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        world.tick()
    return found


def test_steps_are_taken_one_after_the_other_and_then_it_is_promoted():
    world = stepped()
    taken = weights(world)
    # One, three and five pods beside twelve. The first tick has no request yet; the last one is of the decision.
    assert taken == [(7.69, 13), (20, 24), (29.4, 11)]
    until_phase(world, "Stable")
    assert stable_version(world) == "2"


def test_a_new_leader_goes_on_at_the_same_step():
    world = stepped()
    phases = []
    for _ in range(80):
        world.restart()
        world.tick()
        phases.append((world.rollout["phase"], world.weight))
    taken = [weight for phase, weight in dict.fromkeys(phases) if phase == "Judging" and weight]
    assert taken == [7.69, 20, 29.4]


def test_a_step_says_which_it_is():
    world = stepped()
    world.tick(4)
    assert "at step 1 of 3" in world.condition("Ready")["message"]


def test_a_bad_canary_does_not_get_to_its_next_step():
    world = stepped()
    world.tick(3)
    world.bad["2"] = 0.3
    taken = weights(world)
    assert world.rollout["phase"] == "RolledBack"
    assert max(weight for weight, _ in taken) < 10


def test_time_without_evidence_or_in_a_pause_is_no_time_at_a_step():
    world = stepped()
    world.tick(4)
    weight = world.weight
    world.cut = True
    world.tick(40)
    world.cut = False
    world.tick(2)
    assert world.weight == weight
    world.order("pause", canary(world))
    world.tick(40)
    assert world.weight == weight


def test_between_two_scrapes_that_are_a_minute_apart_all_time_is_time_at_a_step():
    rollout = {"steps": STEPS, "maxWeight": 40, "minDuration": "10s", "evidence": {"source": "Prometheus"}}
    world = CanaryWorld(model=a_canary(replicas=12, rollout=rollout), every=12)
    world.settle()
    world.tick(40)
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})
    until_phase(world, "Judging")
    taken = dict(weights(world))
    assert taken[20] == 24, "two minutes, and not a look more"


def test_after_the_last_step_the_evidence_decides():
    world = stepped()
    world.rate = 0.5
    weights(world, ticks=100)
    assert world.rollout["phase"] == "Judging"
    world.rate = 200
    until_phase(world, "Stable")


def test_missing_evidence_rolls_back_where_the_spec_says_so():
    world = judged(rollout={"onMissingEvidence": "Rollback"})
    world.cut = True
    world.tick(8)
    assert world.rollout["evidenceMissingSince"]
    assert world.rollout["phase"] == "Judging"
    assert 50 <= until_phase(world, "RolledBack", ticks=70) <= 62
    record = (world.status or {})["history"][0]
    assert (record["outcome"], record["reason"]) == ("RolledBack", "EvidenceMissing")


def test_evidence_that_comes_back_in_time_starts_the_wait_anew():
    world = judged(rollout={"onMissingEvidence": "Rollback", "minDuration": "30m", "maxDuration": "2h"})
    for _ in range(4):
        world.cut = True
        world.tick(50)
        world.cut = False
        world.tick(3)
    assert world.rollout["phase"] == "Judging"
    assert "evidenceMissingSince" not in world.rollout


def test_a_trial_without_a_verdict_is_held_and_goes_on_when_it_has_more_time():
    world = judged(rollout={"maxDuration": "4m"})
    world.rate = 2
    until_phase(world, "Held")
    weight = world.weight
    world.tick(100)
    assert (world.rollout["phase"], world.rollout["revision"], world.weight) == ("Held", canary(world), weight)
    assert world.condition("Stalled")["status"] == "True"
    world.change(rollout={"maxDuration": "4h"})
    world.tick()
    assert world.rollout["phase"] == "Judging"
    world.rate = 200
    until_phase(world, "Stable")


def test_a_held_canary_that_never_had_a_request_stays_held():
    world = on_trial(rollout={"maxDuration": "4m"})
    world.rate = 0
    until_phase(world, "Held")
    for _ in range(120):
        world.tick()
        assert world.rollout["phase"] == "Held"


def test_a_person_ends_what_is_held():
    world = judged(rollout={"maxDuration": "4m"})
    world.rate = 2
    until_phase(world, "Held")
    world.order("promote", canary(world))
    until_phase(world, "Guarding", ticks=5)


def changes(world: CanaryWorld, ticks: int) -> int:
    """How often the status is written within so many ticks."""
    count = 0
    for _ in range(ticks):
        before = world.status
        world.tick()
        count += world.status != before
    return count


def test_what_waits_for_a_person_is_written_once_a_minute():
    world = on_trial(rollout=APPROVED)
    until_phase(world, "AwaitingApproval")
    world.tick(3)
    assert changes(world, ticks=120) <= 10
    world.order("pause", canary(world))
    world.tick(3)
    assert changes(world, ticks=120) <= 10


def test_what_is_held_is_written_once_a_minute_and_what_is_on_trial_more_often():
    world = judged(rollout={"maxDuration": "4m"})
    world.rate = 2
    world.tick(12)
    assert changes(world, ticks=12) == 4
    until_phase(world, "Held")
    world.tick(3)
    assert changes(world, ticks=120) <= 10


def test_what_was_not_written_while_it_waits_is_seen_again_by_another_leader():
    worlds = [on_trial(rollout=APPROVED) for _ in range(2)]
    for world in worlds:
        until_phase(world, "AwaitingApproval")
        world.tick(30)
    for _ in range(24):
        worlds[1].restart()
        for world in worlds:
            world.tick()
    counts = [world.look().trial for world in worlds]
    assert counts[0] is not None
    assert counts[1] is not None
    assert counts[0].memory.canary.tolist() == counts[1].memory.canary.tolist()


def test_what_turns_bad_after_hours_of_waiting_is_found_soon():
    world = on_trial(rollout=APPROVED)
    until_phase(world, "AwaitingApproval")
    world.tick(2 * 720)
    world.bad["2"] = 0.02
    assert until_phase(world, "RolledBack", ticks=60) * TICK < timedelta(minutes=5)

"""report/log.py: what programs read of decisions in the log, once each, and that it is the record of status."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from canary_world import TICK, CanaryWorld
from fairlead.logs import FIELDS, JsonLines
from fairlead.plan import LogLine
from fairlead.reconcile import reconcile
from unit.test_canary import on_trial, until_phase


def told(world: CanaryWorld, ticks: int) -> list[Mapping[str, Any]]:
    """The fields of all lines of so many ticks."""
    return [line.fields for line in lines(world, ticks)]


def lines(world: CanaryWorld, ticks: int) -> list[LogLine]:
    found: list[LogLine] = []
    for _ in range(ticks):
        world.run_pods()
        world.now += TICK
        world.serve()
        found.extend(world.reconcile().log)
    return found


def test_a_rollback_is_told_once_with_the_numbers_of_its_record():
    world = on_trial()
    world.bad["2"] = 0.2
    (line,) = lines(world, 60)
    (record,) = (world.status or {})["history"]
    assert line.message.startswith(f"{record['revision']} was rolled back: errors: ")
    fields = line.fields
    assert (fields["event"], fields["outcome"], fields["reason"]) == (
        "rollout-decision",
        "RolledBack",
        "EvidenceAgainst",
    )
    assert (fields["from"], fields["to"], fields["version"]) == (record["stable"], record["revision"], "2")
    assert (fields["by"], fields["source"]) == ("Fairlead", "the pods")
    assert fields["seconds"] > 0
    assert fields["against"] >= fields["againstLimit"] == 20
    assert fields["weight"] == float(record["weight"]) > 0
    assert {cell["name"]: cell["canary"] for cell in fields["cells"]} == {
        cell["name"]: cell["canary"] for cell in record["evidence"]["cells"]
    }


def test_a_promotion_is_told_once():
    world = on_trial()
    (fields,) = told(world, 120)
    assert (fields["outcome"], fields["reason"], fields["version"]) == ("Promoted", "EvidenceFor", "2")


def test_a_decision_is_told_by_another_process_if_the_one_that_has_decided_ends_first():
    world = on_trial()
    world.bad["2"] = 0.2
    until_phase(world, "RolledBack")
    world.restart()
    (record,) = (world.status or {})["history"]
    (fields,) = told(world, 10)
    assert (fields["outcome"], fields["decided"], fields["to"]) == ("RolledBack", record["time"], record["revision"])


def test_a_decision_that_is_told_twice_has_the_same_time_and_is_an_event_both_times():
    world = on_trial()
    world.bad["2"] = 0.2
    until_phase(world, "RolledBack")
    plans = [reconcile(world.look()) for _ in range(2)]  # the first process ends before it can write that it was told
    (first,), (second,) = (plan.log for plan in plans)
    assert first.fields == second.fields
    assert [event.reason for plan in plans for event in plan.events] == ["RolledBack", "RolledBack"]
    world.reconcile()
    assert (world.reconcile().log, world.reconcile().events) == ((), ())


def test_what_was_decided_is_told_although_the_spec_cannot_be_read_any_more():
    world = on_trial()
    world.bad["2"] = 0.2
    until_phase(world, "RolledBack")
    world.change(replicas="many")
    assert [line.fields["outcome"] for line in world.reconcile().log] == ["RolledBack"]
    assert world.reconcile().log == ()


def test_what_is_superseded_or_given_up_is_told():
    world = on_trial()
    until_phase(world, "Judging")
    world.tick(4)
    world.change(model={"uri": "pvc://models/fraud", "version": "3"})
    assert [fields["outcome"] for fields in told(world, 2)] == ["Superseded"]
    until_phase(world, "Judging")
    world.tick(4)
    world.change(model={"uri": "pvc://models/fraud", "version": "1"})
    assert [(fields["outcome"], fields["version"]) for fields in told(world, 20)] == [("Aborted", "3")]


def test_what_holds_a_trial_is_told_and_that_it_goes_on():
    world = on_trial()
    until_phase(world, "Judging")
    assert told(world, 3) == []
    world.cut = True
    held = told(world, 20)
    world.cut = False
    went_on = told(world, 5)
    assert [(fields["outcome"], fields["reason"]) for fields in (*held, *went_on)] == [
        ("Held", "EvidenceMissing"),
        ("Continued", "OnTrial"),
    ]
    assert held[0]["to"] == world.rollout["revision"]


def test_the_fields_are_those_of_the_json_line():
    record = logging.makeLogRecord(
        {"msg": "fraud-2 was promoted", FIELDS: {"event": "rollout-decision", "weight": 20.0}}
    )
    line = json.loads(JsonLines().format(record))
    assert (line["message"], line["event"], line["weight"]) == ("fraud-2 was promoted", "rollout-decision", 20)

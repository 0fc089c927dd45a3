"""report/trace.py: what happened during a trial can be seen afterwards, and costs neither writes nor much room."""

from dataclasses import replace
from datetime import timedelta

import pytest

from canary_world import CanaryWorld
from fairlead.api.fields import Part
from fairlead.api.history import ArmCounts, CellStatus, Decided, EvidenceStatus, Outcome
from fairlead.api.reasons import Phase
from fairlead.api.status import RolloutStatus, Status
from fairlead.api.trace import Point, points
from fairlead.evidence.persisted import trial_text
from fairlead.report.trace import extended, recorded
from unit.evidence.test_persisted import big
from unit.test_canary import on_trial, until_phase
from world import START

KIB = 1 << 10


def trace(world: CanaryWorld) -> tuple[Point, ...]:
    return points(world.rollout["evidence"]["trace"]["points"])


def test_the_course_of_a_trial_is_kept_and_its_last_point_is_what_is_told_now():
    world = on_trial()
    until_phase(world, "Judging")
    world.tick(20)
    told = world.rollout["evidence"]
    found = trace(world)
    assert len(found) >= 6
    assert [point.seconds for point in found] == sorted({point.seconds for point in found})
    assert found[0].weight <= found[-1].weight
    for cell, point in zip(told["cells"], found[-1].cells, strict=True):
        assert point.canary == (cell["canary"]["requests"], cell["canary"]["bad"])
        assert (point.better is None) == ("better" not in cell)


def test_it_grows_with_the_evidence_and_costs_no_write_of_its_own():
    world = on_trial()
    until_phase(world, "Judging")
    world.tick()
    grown = 0
    for _ in range(12):
        before = world.status
        world.tick()
        grown += len(trace(world)) - len(points((before or {})["rollout"]["evidence"]["trace"]["points"]))
        if trace(world) != points((before or {})["rollout"]["evidence"]["trace"]["points"]):
            assert world.rollout["evidence"]["looked"] != (before or {})["rollout"]["evidence"]["looked"]
    assert grown == 4


def test_a_step_of_the_weight_is_in_it_when_it_happens():
    world = on_trial()
    until_phase(world, "Judging")
    weights = [world.weight]
    for _ in range(3):
        world.tick()
        weights.append(world.weight)
        assert trace(world)[-1].weight == world.weight
    assert len(set(weights)) == 2


def test_a_record_ends_with_what_was_decided_on():
    world = on_trial()
    world.bad["2"] = 0.2
    until_phase(world, "RolledBack")
    evidence = (world.status or {})["history"][0]["evidence"]
    last = points(evidence["trace"]["points"])[-1]
    assert last.against >= 1.3
    assert [cell.canary[0] for cell in last.cells] == [cell["canary"]["requests"] for cell in evidence["cells"]]


def test_a_restart_of_the_operator_leaves_no_gap():
    world = on_trial()
    until_phase(world, "Judging")
    world.tick(10)
    before = trace(world)
    world.restart()
    world.tick(6)
    assert trace(world)[: len(before)] == before


def evidence(cells: int, seconds: int) -> EvidenceStatus:
    """Of a busy model whose canary has been on trial for so long."""

    def counts(n: int, per_second: int) -> ArmCounts:
        return ArmCounts(requests=seconds * per_second, bad=seconds * n)

    return EvidenceStatus(
        looked=START + timedelta(seconds=seconds),
        source="the pods",
        against="0.345",
        against_limit="20",
        better_limit="20",
        cells=tuple(
            CellStatus(
                name=f"InterTokenLatency>{100 + n}ms" if n else "errors",
                canary=counts(n, 250),
                stable=counts(n, 750),
                worse="0.0123",
                weight="0.0438",
                beyond="0.0123" if n < 2 else None,
                beyond_weight="0.15" if n < 2 else None,
                better="1.23e+06" if n < 2 else None,
            )
            for n in range(cells)
        ),
    )


def an_hour(cells: int) -> EvidenceStatus:
    """A trial of an hour beside 20 pods, with a point every 15 seconds."""
    trial, course = big(pods=20, requests=1_000_000, cells=cells), None
    for seconds in range(15, 3601, 15):
        looked = replace(trial, looked=trial.began + timedelta(seconds=seconds))
        course = extended(course, evidence(cells, seconds), looked, 12.5)
    return evidence(cells, 3600).model_copy(update={"trace": course, "state": trial_text(trial)})


def full(cells: int) -> Status:
    """A status with a trial and ten records of such trials."""
    found = an_hour(cells)
    record = Decided(
        time=START,
        outcome=Outcome.ROLLED_BACK,
        revision="fraud-0123456789",
        reason="EvidenceAgainst",
        message="m" * 200,
        evidence=found.model_copy(update={"state": None, "trace": recorded(found.trace)}),
    )
    return Status(rollout=RolloutStatus(phase=Phase.JUDGING, since=START, evidence=found), history=(record,) * 10)


def size(part: Part | None) -> int:
    return len(part.model_dump_json(by_alias=True, exclude_none=True)) if part else 0


@pytest.mark.parametrize(
    ("cells", "trace", "trace_of_a_record", "whole"),
    [(9, 10 * KIB, 4 * KIB, 72 * KIB), (25, 16 * KIB, 5 * KIB, 130 * KIB)],
)
def test_it_stays_small(cells: int, trace: int, trace_of_a_record: int, whole: int):
    status = full(cells)
    found = status.rollout.evidence if status.rollout else None
    of_record = status.history[0].evidence
    assert found is not None and of_record is not None  # noqa: PT018
    assert size(found.trace) <= trace
    assert size(of_record.trace) <= trace_of_a_record
    assert size(status) <= whole


def test_as_many_cells_as_there_can_be_with_as_many_requests_as_there_can_be_fit_in():
    counts = ArmCounts(requests=10**15, bad=10**15)
    cell = CellStatus(name="errors", canary=counts, stable=counts, worse="1e-300", weight="0.01", better="1e-300")
    other = cell.model_copy(update={"canary": ArmCounts(requests=10**15 + 1, bad=10**15)})
    found = evidence(0, 3600).model_copy(update={"cells": (cell, other) * 32})
    course = None
    for seconds in range(0, 3600, 15):
        trial = big(pods=1, requests=1)
        course = extended(course, found, replace(trial, looked=trial.began + timedelta(seconds=seconds)), 12.5)
    assert course is not None
    assert size(course) < 20 * KIB
    assert len(points(course.points)) >= 2

"""evidence/counters.py: what two readings say about the time between them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fairlead.evidence.counters import TORN, Count, Known, Reading, difference

CELLS = ("errors", "slow")
LAST_LOOK = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
EARLIER, LATER = LAST_LOOK - timedelta(hours=1), LAST_LOOK + timedelta(seconds=2)


def reading(process: str, since: datetime = EARLIER, **counts: tuple[float, float]) -> Reading:
    return Reading(process=process, since=since, counts={cell: Count(*count) for cell, count in counts.items()})


def known(**processes: Mapping[str, tuple[float, float]]) -> Known:
    return {name: {cell: Count(*count) for cell, count in counts.items()} for name, counts in processes.items()}


def counted(before: Known, **readings: Reading) -> tuple[list[list[float]], list[list[float]], Known]:
    found = difference(before, readings, CELLS, LAST_LOOK)
    return found.counted.requests.tolist(), found.counted.bad.tolist(), found.known


def test_what_was_counted_since_the_last_look():
    requests, bad, now = counted(known(a={"errors": (100, 3)}), pod=reading("a", errors=(160, 5), slow=(60, 1)))
    assert (requests, bad) == ([[60, 60]], [[2, 1]])
    assert now == known(a={"errors": (160, 5), "slow": (60, 1)})


def test_a_counter_that_went_down_within_a_process_is_no_evidence_and_counts_from_there():
    requests, bad, now = counted(known(a={"errors": (100, 3)}), pod=reading("a", errors=(7, 1)))
    assert (requests, bad) == ([[0, 0]], [[0, 0]])
    assert now == known(a={"errors": (7, 1)})
    assert counted(now, pod=reading("a", errors=(9, 2)))[:2] == ([[2, 0]], [[1, 0]])


def test_workers_that_answer_by_turns_do_not_pour_what_they_ever_counted_into_the_evidence():
    state, taken = known(a={"errors": (5000, 50)}), 0.0
    for turn in range(20):
        requests, _, state = counted(state, pod=reading("a", errors=((5003, 4990)[turn % 2] + turn, 50)))
        taken += requests[0][0]
    assert taken <= 20 * 20


def test_a_reading_that_was_a_little_ahead_is_no_new_beginning():
    requests, bad, now = counted(known(a={"slow": (1000, 53)}), pod=reading("a", slow=(1040, 50)))
    assert (requests, bad) == ([[0, 40]], [[0, 0]])
    assert now == known(a={"slow": (1040, 53)})
    assert counted(now, pod=reading("a", slow=(1080, 55)))[:2] == ([[0, 40]], [[0, 2]])


def test_many_bad_events_less_are_those_of_another_counter():
    requests, bad, now = counted(known(a={"errors": (100, 60)}), pod=reading("a", errors=(130, 59 - TORN)))
    assert (requests, bad) == ([[0, 0]], [[0, 0]])
    assert now == known(a={"errors": (130, 59 - TORN)})


def test_a_process_that_is_new_counts_from_nothing():
    requests, _, _ = counted({}, pod=reading("b", since=LATER, errors=(9, 0)))
    assert requests == [[9, 0]]


def test_a_process_that_ran_before_it_was_seen_is_no_evidence_yet():
    requests, _, now = counted({}, pod=reading("a", errors=(5000, 60)))
    assert requests == [[0, 0]]
    assert counted(now, pod=reading("a", errors=(5010, 60)))[0] == [[10, 0]]


def test_at_the_first_look_nothing_is_evidence():
    first = difference({}, {"pod": reading("a", since=LATER, errors=(9, 9))}, CELLS, None)
    assert first.counted.requests.tolist() == [[0, 0]]


def test_a_container_that_restarted_counts_from_nothing_although_its_counter_is_higher_by_now():
    before = known(a={"errors": (5, 0)})
    assert counted(before, pod=reading("b", since=LATER, errors=(50, 2)))[:2] == ([[50, 0]], [[2, 0]])


def test_what_a_pod_did_not_say_is_told_with_the_next_reading():
    before = known(a={"errors": (100, 0)})
    nothing = counted(before)
    assert nothing[0] == []
    assert counted(nothing[2], pod=reading("a", errors=(130, 1)))[:2] == ([[30, 0]], [[1, 0]])


def test_a_series_that_appears_with_its_first_request_counts_from_nothing():
    silent = counted(known(a={"errors": (10, 0)}), pod=reading("a", errors=(10, 0)))[2]
    assert counted(silent, pod=reading("a", errors=(12, 0), slow=(2, 1)))[:2] == ([[2, 2]], [[0, 1]])


def test_no_more_bad_events_than_requests_and_the_rest_later():
    requests, bad, now = counted(known(a={"errors": (10, 0)}), pod=reading("a", errors=(11, 2)))
    assert (requests, bad) == ([[1, 0]], [[1, 0]])
    assert counted(now, pod=reading("a", errors=(13, 2)))[:2] == ([[2, 0]], [[1, 0]])


def test_pods_come_in_the_order_of_their_names_and_are_not_mixed():
    before = known(a={"errors": (1, 0)}, b={"errors": (2, 0)})
    pods = {"pod-2": reading("b", errors=(4, 0)), "pod-1": reading("a", errors=(2, 0))}
    assert counted(before, **pods)[0] == [[1, 0], [2, 0]]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20), st.booleans(), st.booleans()), max_size=30))
def test_every_request_is_counted_once(steps: list[tuple[int, int, bool, bool]]):
    """Whatever is read or not read, and however often the process starts again after it was read."""
    total = bad = taken = taken_bad = 0.0
    ever = ever_bad = 0.0
    state = difference({}, {"pod": reading("0", errors=(0, 0))}, CELLS, LAST_LOOK).known
    process = 0
    for requests, failures, is_read, restarts in steps:
        total, bad = total + requests, bad + min(failures, requests)
        ever, ever_bad = ever + requests, ever_bad + min(failures, requests)
        if is_read:
            found = difference(state, {"pod": reading(str(process), LATER, errors=(total, bad))}, CELLS, LAST_LOOK)
            state = found.known
            taken, taken_bad = taken + found.counted.requests.sum(), taken_bad + found.counted.bad.sum()
            if restarts:
                process, total, bad = process + 1, 0.0, 0.0
    last = difference(state, {"pod": reading(str(process), LATER, errors=(total, bad))}, CELLS, LAST_LOOK)
    assert taken + last.counted.requests.sum() == ever
    assert taken_bad + last.counted.bad.sum() == ever_bad


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, TORN)), max_size=30))
def test_readings_that_are_behind_with_bad_requests_lose_none_and_count_none_twice(steps: list[tuple[int, int, int]]):
    total = bad = taken = taken_bad = 0.0
    state = known(pod={"errors": (0, 0)})
    for requests, failures, behind in [*steps, (1000, 0, 0)]:
        total, bad = total + requests, bad + min(failures, requests)
        seen = reading("pod", errors=(total, max(bad - behind, 0)))
        found = difference(state, {"pod": seen}, CELLS, LAST_LOOK)
        state = found.known
        taken, taken_bad = taken + found.counted.requests.sum(), taken_bad + found.counted.bad.sum()
    assert (taken, taken_bad) == (total, bad)


def test_an_arm_without_pods_has_counted_nothing():
    found = difference({}, {}, CELLS, LAST_LOOK)
    assert found.counted.requests.shape == (0, 2)
    np.testing.assert_array_equal(found.counted.total()[0], [0, 0])

import asyncio
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from clock import Clock
from fairlead.cluster.queue import AHEAD, LAST_RETRY, WorkQueue


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def a_queue(clock: Clock | None = None) -> WorkQueue[str]:
    return WorkQueue(clock=clock or Clock(), jitter=lambda: 0.5)


def taken(queue: WorkQueue[str]) -> list[str]:
    """All that can be taken now."""
    keys = []
    while (key := queue.get_nowait()) is not None:
        keys.append(key)
    return keys


def test_keys_come_in_the_order_of_their_arrival_and_once():
    queue = a_queue()
    for key in ("a", "b", "a", "c"):
        queue.add(key)
    assert len(queue) == 3
    assert taken(queue) == ["a", "b", "c"]


def test_a_key_that_a_worker_has_comes_again_when_it_is_done():
    queue = a_queue()
    queue.add("a")
    assert queue.get_nowait() == "a"
    queue.add("a")
    queue.add("a")
    assert queue.get_nowait() is None
    queue.done("a")
    assert taken(queue) == ["a"]
    queue.done("a")
    assert taken(queue) == []


def test_a_key_comes_after_its_delay():
    clock = Clock()
    queue = a_queue(clock)
    queue.add_after("a", seconds(5))
    clock.now = 4.9
    assert taken(queue) == []
    clock.now = 5.0
    assert taken(queue) == ["a"]


def test_of_two_delays_the_sooner_wins():
    clock = Clock()
    queue = a_queue(clock)
    queue.add_after("a", seconds(5))
    queue.add_after("a", seconds(9))
    queue.add_after("b", seconds(9))
    queue.add_after("b", seconds(5))
    clock.now = 5.0
    assert taken(queue) == ["a", "b"]
    queue.done("a")
    queue.done("b")
    clock.now = 100.0
    assert taken(queue) == []


def test_retries_double_up_to_a_limit_and_begin_anew_after_a_success():
    queue = a_queue()
    delays = [queue.retry("a") for _ in range(12)]
    assert delays[:3] == [seconds(0.5), seconds(1), seconds(2)]
    assert delays[-2:] == [LAST_RETRY, LAST_RETRY]
    queue.forget("a")
    assert queue.retry("a") == seconds(0.5)


def test_one_key_fails_without_delaying_others():
    queue = a_queue()
    queue.retry("poison")
    queue.retry("poison")
    assert queue.retry("other") == seconds(0.5)


def test_a_retry_waits_as_long_as_the_server_asked():
    assert a_queue().retry("a", at_least=seconds(30)) == seconds(30)


def test_jitter_spreads_retries_around_their_delay():
    low, high = WorkQueue[str](jitter=lambda: 0.0), WorkQueue[str](jitter=lambda: 1.0)
    assert (low.retry("a"), high.retry("a")) == (seconds(0.4), seconds(0.6))


def test_a_change_goes_ahead_of_the_second_lane():
    clock = Clock()
    queue = a_queue(clock)
    for key in ("a", "b", "c"):
        queue.add_second(key)
    queue.add_after("later", seconds(1))
    queue.add("now")
    assert queue.get_nowait() == "now"
    assert queue.get_nowait() == "a"
    clock.now = 1.0
    assert taken(queue) == ["later", "b", "c"]


def test_a_key_of_the_second_lane_that_changes_comes_at_once_and_once():
    clock, waits = Clock(), list[float]()
    queue = WorkQueue[str](clock=clock, waited=waits.append)
    for key in ("a", "b", "c"):
        queue.add_second(key)
    clock.now = 3.0
    queue.add("c")
    queue.add_second("c")
    assert len(queue) == 3
    assert taken(queue) == ["c", "a", "b"]
    assert waits == [3.0, 3.0, 3.0], "it has waited since it was first added"


def test_the_second_lane_is_never_still():
    queue = a_queue()
    for n in range(3):
        queue.add_second(f"second-{n}")
    came: list[str] = []
    for n in range(4 * (AHEAD + 1)):
        queue.add(f"change-{n}")  # one more each time that one is taken: there is always something new
        queue.add(f"another-{n}")
        key = queue.get_nowait()
        assert key is not None
        came.append(key)
    assert [n for n, key in enumerate(came) if key.startswith("second")] == [AHEAD, 2 * AHEAD + 1, 3 * AHEAD + 2]


def test_a_key_that_a_worker_has_comes_again_whatever_its_lane():
    queue = a_queue()
    queue.add_second("a")
    assert queue.get_nowait() == "a"
    queue.add_second("a")
    assert queue.get_nowait() is None
    queue.done("a")
    assert taken(queue) == ["a"]


def test_tells_how_long_a_key_has_waited():
    clock, waits = Clock(), list[float]()
    queue = WorkQueue[str](clock=clock, waited=waits.append)
    queue.add("a")
    clock.now = 3.0
    queue.add("a")
    queue.get_nowait()
    assert waits == [3.0]


def test_delays_that_were_overtaken_do_not_pile_up():
    clock = Clock()
    queue = a_queue(clock)
    for n in range(2000):
        queue.add_after("a", seconds(5000 - n))
    assert len(queue._heap) < 200  # noqa: SLF001 - memory is not to be seen from outside


async def test_get_wakes_for_a_key_and_for_a_time():
    queue = WorkQueue[str]()
    queue.add_after("later", timedelta(milliseconds=20))
    assert await queue.get() == "later"
    queue.add("now")
    assert await queue.get() == "now"
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add_second("at leisure")
    assert await asyncio.wait_for(waiting, 5) == "at leisure"


KEYS = st.sampled_from(["a", "b", "c"])
STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "second", "after", "retry", "get", "done", "tick"]), KEYS, st.integers(0, 20)),
    max_size=60,
)


@given(STEPS)
def test_no_key_is_with_two_workers_and_none_is_lost(steps: list[tuple[str, str, int]]):
    clock = Clock()
    queue = a_queue(clock)
    busy: set[str] = set()
    wanted: set[str] = set()  # keys that somebody must look at, now or later
    for step, key, number in steps:
        match step:
            case "add":
                queue.add(key)
                wanted.add(key)
            case "second":
                queue.add_second(key)
                wanted.add(key)
            case "after":
                queue.add_after(key, seconds(number))
                wanted.add(key)
            case "retry":
                queue.retry(key)
                wanted.add(key)
            case "get":
                if (got := queue.get_nowait()) is not None:
                    assert got not in busy
                    busy.add(got)
            case "done":
                if key in busy:
                    busy.remove(key)
                    queue.done(key)
            case "tick":
                clock.now += number
    # From here on nothing new is wanted. What was added before the last look at a key began may have been answered
    # by that look; so it is enough that every key with an open wish comes, and that the queue runs dry.
    looked_at = set(busy)
    for key in busy:
        queue.done(key)
    clock.now += LAST_RETRY.total_seconds() * 2
    drained = taken(queue)
    assert len(drained) == len(set(drained))
    for key in drained:
        queue.done(key)
    clock.now += LAST_RETRY.total_seconds() * 2
    assert taken(queue) == []
    assert set(drained) <= wanted
    assert set(drained) | looked_at <= wanted


@given(STEPS, KEYS)
def test_a_key_added_after_everything_else_comes(steps: list[tuple[str, str, int]], key: str):
    clock = Clock()
    queue = a_queue(clock)
    busy: set[str] = set()
    for step, other, number in steps:
        match step:
            case "add":
                queue.add(other)
            case "second":
                queue.add_second(other)
            case "after":
                queue.add_after(other, seconds(number))
            case "retry":
                queue.retry(other)
            case "get" if (got := queue.get_nowait()) is not None:
                assert got not in busy
                busy.add(got)
            case "done" if other in busy:
                busy.remove(other)
                queue.done(other)
            case _:
                clock.now += number
    queue.add(key)
    for held in busy:
        queue.done(held)
    assert key in taken(queue)


def test_tells_how_long_the_first_of_all_keys_has_waited():
    clock = Clock()
    queue = a_queue(clock)
    assert queue.oldest() == 0
    queue.add_second("a")
    clock.now = 2.0
    queue.add("b")
    queue.add("a")
    queue.add_after("later", seconds(60))
    clock.now = 5.0
    assert queue.oldest() == 5, "whichever lane it is in now"
    assert queue.get_nowait() == "b"
    assert queue.oldest() == 5
    assert queue.get_nowait() == "a"
    assert queue.oldest() == 0, "workers have them; the rest has its time"
    queue.add("a")
    clock.now = 6.0
    assert queue.oldest() == 1, "it comes again when its worker is done"


def test_what_waits_counts_from_when_somebody_begins_to_take():
    clock, waits = Clock(), list[float]()
    queue = WorkQueue[str](clock=clock, waited=waits.append)
    queue.add("a")
    clock.now = 100.0
    queue.begin()
    assert queue.oldest() == 0
    clock.now = 101.0
    assert queue.oldest() == 1
    assert taken(queue) == ["a"]
    assert waits == [1]

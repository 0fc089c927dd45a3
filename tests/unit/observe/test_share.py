"""observe/share.py: no model keeps others from a Prometheus for long. Time is a value."""

import pytest

from clock import Clock
from fairlead.observe.share import AT_MOST, Share


@pytest.fixture
def clock() -> Clock:
    return Clock()


def ask(share: Share, clock: Clock, *seconds: float) -> None:
    """One reading, whose queries hold a slot for so long."""
    with share.reading():
        for each in seconds:
            clock.now += 100  # until there is a slot, for which nobody is to blame
            with share.holding():
                clock.now += each


def test_after_a_reading_it_is_the_turn_of_others_for_three_times_as_long(clock: Clock):
    share = Share(clock)
    assert not share.rests
    ask(share, clock, 1.0, 3.0)
    clock.now += 11.9
    assert share.rests
    clock.now += 0.1
    assert not share.rests


def test_one_that_fails_has_held_its_slot_all_the_same(clock: Clock):
    share = Share(clock)

    def fail() -> None:
        with share.reading(), share.holding():
            clock.now += 4
            raise TimeoutError

    with pytest.raises(TimeoutError):
        fail()
    assert share.rests


def test_a_reading_has_an_end_and_the_next_one_begins_anew(clock: Clock):
    share = Share(clock)
    with share.reading():
        with share.holding():
            clock.now += AT_MOST
        assert share.is_used_up
    with share.reading():
        assert not share.is_used_up

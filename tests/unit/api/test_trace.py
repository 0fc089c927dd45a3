"""api/trace.py: what is written of a trial's course can be read again, and what goes when there is too much of it."""

from itertools import pairwise

from fairlead.api.trace import CellPoint, Point, point_text, points, power, thinned

POINT = Point(
    seconds=75,
    weight=12.5,
    against=-0.31,
    cells=(
        CellPoint(canary=(1234, 5), stable=(4321, 17), worse=-0.29, better=1.3),
        CellPoint(canary=(1230, 40), stable=(4320, 150), worse=0.02),
        CellPoint(canary=(1230, 12), stable=(4320, 44), worse=-0.1, better=0.4),
    ),
)


def test_a_point_is_short_and_can_be_read_again():
    text = point_text(POINT)
    assert text == "75 12.5 -0.31;1234,5,4321,17,-0.29,1.3;1230,40,4320,150,0.02;,12,,44,-0.1,0.4"
    assert points([text]) == (POINT,)


def test_what_makes_no_sense_is_left_out():
    assert points(["", "5 1", "a b c", "5 1 0;1,2", point_text(POINT)]) == (POINT,)


def at(*seconds: int) -> tuple[str, ...]:
    return tuple(f"{each} 1 0" for each in seconds)


def test_a_long_trace_is_thinned_evenly_and_keeps_both_ends():
    kept: tuple[str, ...] = ()
    for second in range(0, 3600, 15):
        kept = thinned((*kept, *at(second)), 48, 16_000)
    seconds = [point.seconds for point in points(kept)]
    gaps = [after - before for before, after in pairwise(seconds)]
    assert (seconds[0], seconds[-1], len(seconds)) == (0, 3585, 48)
    assert max(gaps) <= 120  # evenly spread they would be 76 seconds apart


def test_the_number_of_characters_is_bounded_too():
    kept = thinned(at(*range(100)), 48, 100)
    assert sum(len(text) for text in kept) <= 100
    assert (kept[0], kept[-1]) == at(0, 99)


def test_e_values_are_powers_of_ten_within_bounds():
    assert [power(value) for value in (20, 1, 0.5, 0, 1e260)] == [1.3, 0, -0.3, -99, 99]

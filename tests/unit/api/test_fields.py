"""Durations, and lists without repetition."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from fairlead.api.fields import format_duration, parse_duration, unique


@pytest.mark.parametrize(
    ("text", "seconds"), [("45s", 45), ("1h30m", 5400), ("1h1s", 3601), ("90m", 5400), ("0s", 0), ("00h", 0)]
)
def test_duration(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "90", "1.5h", "500ms", "1d", "1m1h", "-1s", "1 h", "1s\n"])
def test_no_duration(text: str) -> None:
    with pytest.raises(PydanticCustomError, match="such as 1h30m or 45s"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=10**8))
def test_a_duration_reads_as_it_was_written(seconds: int) -> None:
    assert parse_duration(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


def test_unique_names_what_is_there_twice() -> None:
    assert unique().problem(("a", "b")) is None
    assert unique().problem(("a", "b", "a")) == "must not hold 'a' twice"

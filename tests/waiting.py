"""Waiting for something to become true: looks again and again until it is, or until a deadline."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_never = threading.Event()


def until(look: Callable[[], T], *, seconds: float = 30, every: float = 0.1, what: str = "") -> T:
    """The first true value of `look`. Fails with its last value when none comes in time."""
    deadline = time.monotonic() + seconds
    while not (value := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what or 'it'} did not come true within {seconds:g} s; the last look gave {value!r}")
        _never.wait(every)
    return value


def same(look: Callable[[], T], *, seconds: float, every: float = 0.2, what: str = "") -> None:
    """Fails as soon as `look` gives another value than at first, within this time, and tells both."""
    first = look()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = look()
        assert value == first, f"{what or 'it'} changed from {first!r} to {value!r}"
        _never.wait(every)


def holds(look: Callable[[], T], *, seconds: float, every: float = 0.2, what: str = "") -> None:
    """Fails as soon as `look` gives a false value within this time. For what must NOT happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = look()
        assert value, f"{what or 'it'} did not stay true: {value!r}"
        _never.wait(every)

"""How much of the slots of a Prometheus one model may hold: one at a time, and that for a quarter of the time.

A model whose queries are slow would hold a slot for ever otherwise, and eight of them would starve all the others.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

PART = 4
"""One in so many seconds."""
AT_MOST = 20.0
"""Seconds that the queries of one reading may take together. With the rest after it, evidence is still fresh."""


class Share:
    """The share of one model. The clock gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._held = 0.0
        self._rests_until = float("-inf")

    @property
    def rests(self) -> bool:
        """Whether it is the turn of others."""
        return self._clock() < self._rests_until

    @property
    def is_used_up(self) -> bool:
        """Whether this reading has had all that it may have."""
        return self._held >= AT_MOST

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One reading, of one query or several. Afterwards it rests as long as it has kept others waiting, and more."""
        self._held = 0.0
        try:
            yield
        finally:
            self._rests_until = self._clock() + (PART - 1) * self._held

    @contextmanager
    def holding(self) -> Iterator[None]:
        """One query, from the moment at which it has a slot."""
        began = self._clock()
        try:
            yield
        finally:
            self._held += self._clock() - began

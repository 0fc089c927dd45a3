"""What was read out of an object, as long as the object stays as it is: to validate it costs more than all the rest."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

MOST = 4000
"""So many are remembered of a kind, about 10 KiB each: more than there are rollouts in a big cluster."""

V = TypeVar("V")


class Remembered(Generic[V]):
    """Values by the uid of what they were read from, and by what changes when it does. They are shared, and frozen."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Hashable, V]] = {}

    def of(self, uid: str, version: Hashable, read: Callable[[], V]) -> V:
        """The value, read anew when the version is another one."""
        known = self._known.get(uid)
        if known is not None and known[0] == version:
            return known[1]
        if len(self._known) >= MOST:  # nobody tells of objects that are gone
            self._known.clear()
        value = read()
        self._known[uid] = version, value
        return value

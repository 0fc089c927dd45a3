"""What series mean, remembered: the pods of a revision write the same ones, again and again."""

from fairlead.observe.exposition import MOST_LINES
from fairlead.observe.series import Meanings, Series


class KnownMeanings:
    """The meanings of the series of one revision."""

    def __init__(self, meanings: Meanings) -> None:
        self.names = meanings.names
        self._meanings = meanings
        self._known: dict[tuple[str, frozenset[tuple[str, str]]], Series | None] = {}

    def of(self, name: str, labels: frozenset[tuple[str, str]]) -> Series | None:
        """What a series means; None when its labels do not match."""
        if len(self._known) > MOST_LINES:
            self._known.clear()
            self._meanings.forget()
        if (name, labels) not in self._known:
            self._known[name, labels] = self._meanings.of(name, dict(labels))
        return self._known[name, labels]

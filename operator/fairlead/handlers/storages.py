"""Kopf's storages, storing nothing: no handler needs them, and they would copy every object at every event."""

from typing import Any

import kopf


class NoProgress(kopf.ProgressStorage):
    """No handler is ever half-way."""

    def fetch(self, **_: Any) -> None:
        """Nothing was stored."""

    def store(self, **_: Any) -> None:
        """Stores nothing."""

    def purge(self, **_: Any) -> None:
        """Nothing is there."""

    def touch(self, **_: Any) -> None:
        """Touches nothing."""

    def clear(self, *, essence: Any) -> Any:
        """As it is."""
        return essence


class NoDiffBase(kopf.DiffBaseStorage):
    """Nobody asks what an object was like before."""

    def build(self, **_: Any) -> Any:
        """Nothing of it."""
        return {}

    def fetch(self, **_: Any) -> None:
        """Nothing was stored."""

    def store(self, **_: Any) -> None:
        """Stores nothing."""

"""Which of the optional kinds the cluster has: those of add-ons such as the Gateway API.

Kopf looks for the kinds that it watches when it starts. So it is handed those that are there, and the process ends, to
be started again with the right ones, when an add-on has been installed or removed. A start is cheap.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from fairlead.api.kinds import Kind
from fairlead.cluster.use import Use

LOOK_AGAIN = timedelta(seconds=30)
CHANGED_AFTER = 2
"""Answers in a row: an API server that has just started may not serve yet what it is about to."""


class Reads(Protocol):
    """What is asked of the client."""

    async def usable(self, kind: Kind, namespaces: Sequence[str]) -> Use | None:
        """Whether the kind is served and may be read; None while the API server does not say."""


class OptionalKinds:
    """The kinds that need not be there."""

    def __init__(self, client: Reads, kinds: Sequence[Kind], *, look_again: timedelta = LOOK_AGAIN) -> None:
        self._client = client
        self._kinds = kinds
        self._look_again = look_again.total_seconds()

    async def found(self, namespaces: Sequence[str]) -> dict[Kind, Use]:
        """What there is of each; waits until the API server says so."""
        return {kind: await self._certain(kind, namespaces) for kind in self._kinds}

    async def wait_for_change(self, found: Mapping[Kind, Use], namespaces: Sequence[str]) -> Kind:
        """Waits until one of them comes or goes, and returns it."""
        others = dict.fromkeys(self._kinds, 0)
        while True:
            await asyncio.sleep(self._look_again)
            for kind in self._kinds:
                answer = await self._client.usable(kind, namespaces)
                if answer is not None:
                    others[kind] = others[kind] + 1 if answer != found[kind] else 0
                if others[kind] >= CHANGED_AFTER:
                    return kind

    async def _certain(self, kind: Kind, namespaces: Sequence[str]) -> Use:
        while (answer := await self._client.usable(kind, namespaces)) is None:  # noqa: ASYNC110 - there is nobody to set an event
            await asyncio.sleep(min(self._look_again, 2.0))
        return answer

"""Which of the namespaces by the settings can be watched: one that is missing keeps no other from being served.

Kopf gives up altogether when it may not list a kind in one of its namespaces, and cannot be told of others while it
runs. So it is handed those that are there, and the process ends, to be started again with the right ones, when a
missing one has come, or when one that is watched has gone.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol

from fairlead.api.kinds import MODEL_DEPLOYMENT, Kind

log = logging.getLogger(__name__)

LOOK_AGAIN = timedelta(seconds=10)
TELL_AGAIN = timedelta(minutes=1)
GONE_AFTER = 3
"""Refusals in a row: an API server that has just started may refuse for a moment what it grants."""


class Reads(Protocol):
    """What is asked of the client."""

    async def may_list(self, kind: Kind, namespace: str) -> bool | None:
        """Whether we may; None while the API server does not say."""


class Namespaces:
    """The namespaces by the settings, and which of them are missing: the right to list models is what tells."""

    def __init__(
        self,
        client: Reads,
        wanted: Sequence[str],
        *,
        look_again: timedelta = LOOK_AGAIN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._wanted = wanted
        self._look_again = look_again.total_seconds()
        self._clock = clock
        self._told: dict[str, float] = {}

    async def present(self) -> tuple[str, ...]:
        """Those that can be watched, in their order; waits until there is one, and until the API server says so."""
        while not (found := await self._found()):  # noqa: ASYNC110 - there is nobody to set an event
            await asyncio.sleep(self._look_again)
        return found

    async def wait_for_change(self, watched: Sequence[str]) -> str:
        """Waits until one that is not watched can be, or the other way round, and names it."""
        refused = dict.fromkeys(watched, 0)
        while True:
            await asyncio.sleep(self._look_again)
            for name in self._wanted:
                answer = await self._is_there(name)
                if name in refused:
                    refused[name] = refused[name] + 1 if answer is False else 0
                if answer if name not in refused else refused[name] >= GONE_AFTER:
                    return name

    async def _found(self) -> tuple[str, ...]:
        there = [(name, await self._is_there(name)) for name in self._wanted]
        if any(answer is None for _, answer in there):
            return ()  # who is watched is decided only once, so it is waited for an answer about each
        return tuple(name for name, answer in there if answer)

    async def _is_there(self, name: str) -> bool | None:
        answer = await self._client.may_list(MODEL_DEPLOYMENT, name)
        if answer is False:
            self._tell(name)
        return answer

    def _tell(self, name: str) -> None:
        now = self._clock()
        if now - self._told.get(name, float("-inf")) < TELL_AGAIN.total_seconds():
            return
        self._told[name] = now
        log.warning(
            "namespace %s is watched, but it does not exist or its Role is missing; create it, or remove it from "
            "watchNamespaces",
            name,
        )

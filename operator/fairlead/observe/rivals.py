"""Autoscalers that are not Fairlead's, and set the number of pods of a model all the same.

No label says whose they are, and there may be many of others in a cluster, whose status changes every few seconds. So
they are not watched, but listed now and then, once for all models.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from fairlead.api.kinds import DEPLOYMENT, MODEL_DEPLOYMENT, SCALED_OBJECT
from fairlead.cluster.errors import ApiError
from fairlead.cluster.store import Key, Object
from fairlead.observe.beside import Beside
from fairlead.situation import Rival

log = logging.getLogger(__name__)

PAUSE = 30.0
"""Seconds between two readings."""
TRIES, AGAIN = 3, 1.0
"""So often they are tried to be read at the start, with so many seconds between."""
_ALL: Key = ("", "all models")

ReadAll = Callable[[], Awaitable[Iterable[Object]]]
"""All autoscalers there are, each with its kind. Raises ApiError."""


class Rivals:
    """What is known of the models that are asked about. `tell` is called with a model's key when there is news."""

    def __init__(
        self, read_all: ReadAll, tell: Callable[[Key], None], pause: float = PAUSE, again: float = AGAIN
    ) -> None:
        self._read_all = read_all
        self._tell = tell
        self._pause = pause
        self._again = again
        self._running = Beside("autoscalers of others,")
        self._asked: dict[Key, frozenset[str]] = {}
        self._found: Mapping[str, tuple[Rival, ...]] = {}

    async def begin(self) -> None:
        """Reads them once, before anybody looks: what is not known yet must not pass for nothing. Then goes on.

        It does so without them, too, when they cannot be read: nothing else may wait for that for ever.
        """
        for _ in range(TRIES):
            if await self._read():
                break
            await asyncio.sleep(self._again)
        self._running.begin(_ALL, (), self._read_on)

    def of(self, key: Key, revisions: frozenset[str]) -> tuple[Rival, ...]:
        """The rivals of a model with these revisions."""
        self._asked[key] = revisions
        if not self._running.goes_on(_ALL, ()):
            self._running.begin(_ALL, (), self._read_on)
        return self._about(key, self._found)

    def end(self, key: Key) -> None:
        """Nobody wants to know about this model any more."""
        self._asked.pop(key, None)

    async def close(self) -> None:
        """Ends all readings."""
        await self._running.close()

    async def _read_on(self) -> None:
        while True:
            await asyncio.sleep(self._pause)
            await self._read()

    async def _read(self) -> bool:
        try:
            found = _by_namespace(await self._read_all())
        except ApiError as error:  # we may not, or cannot now: what was known stands
            log.info("other autoscalers than Fairlead's could not be listed: %s", error)
            return False
        before, self._found = self._found, found
        for key in tuple(self._asked):
            if self._about(key, before) != self._about(key, found):
                self._tell(key)
        return True

    def _about(self, key: Key, found: Mapping[str, tuple[Rival, ...]]) -> tuple[Rival, ...]:
        namespace, model = key
        targets = {(DEPLOYMENT.kind, name) for name in self._asked[key]} | {(MODEL_DEPLOYMENT.kind, model)}
        return tuple(each for each in found.get(namespace, ()) if (each.target_kind, each.target) in targets)


def _by_namespace(autoscalers: Iterable[Object]) -> dict[str, tuple[Rival, ...]]:
    found: dict[str, list[Rival]] = {}
    for each in autoscalers:
        if not _is_made_for_another_object(each):
            found.setdefault(each["metadata"]["namespace"], []).append(_rival(each))
    return {namespace: tuple(sorted(of_it, key=str)) for namespace, of_it in found.items()}


def _is_made_for_another_object(autoscaler: Object) -> bool:
    """One of Fairlead's, or one that KEDA made: then its ScaledObject counts. Labels may be on anything."""
    owners: Iterable[Mapping[str, Any]] = autoscaler["metadata"].get("ownerReferences") or ()
    return any(each.get("kind") in (MODEL_DEPLOYMENT.kind, SCALED_OBJECT.kind) for each in owners)


def _rival(autoscaler: Object) -> Rival:
    """A ScaledObject that names no kind means a Deployment (keda.sh/docs/latest/reference/scaledobject-spec)."""
    target = (autoscaler.get("spec") or {}).get("scaleTargetRef") or {}
    return Rival(
        kind=autoscaler["kind"],
        name=autoscaler["metadata"]["name"],
        target_kind=str(target.get("kind") or DEPLOYMENT.kind),
        target=str(target.get("name") or ""),
    )

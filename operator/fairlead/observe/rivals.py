"""Autoscalers that are not Fairlead's, and set the number of pods of a model all the same.

No label says whose they are, and there may be many of others in a cluster, whose status changes every few seconds. So
they are not watched, but listed now and then, once for all models. What they scale is not in their metadata, and
the columns of a Table are made for people, so they are read whole.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any

from fairlead.api.kinds import DEPLOYMENT, MODEL_DEPLOYMENT, SCALED_OBJECT, Kind
from fairlead.cluster.errors import ApiError, Rejected
from fairlead.cluster.store import Key, Object
from fairlead.observe.beside import Beside
from fairlead.situation import Rival

log = logging.getLogger(__name__)

PAUSE = 30.0
"""Seconds between two readings."""
TRIES, AGAIN = 3, 1.0
"""So often they are tried to be read at the start, with so many seconds between."""
_ALL: Key = ("", "all models")

Place = tuple[Kind, str | None]
"""Where they are listed: a kind of autoscalers, in one namespace or in all (None)."""
Read = Callable[[Kind, str | None], AsyncIterator[Object]]
"""All that there are in a place. Raises ApiError."""
Found = Mapping[str, tuple[Rival, ...]]
"""By the namespace that they are in."""


class Rivals:
    """What is known of the models that are asked about. `tell` is called with a model's key when there is news."""

    def __init__(
        self,
        read: Read,
        places: Callable[[], Sequence[Place]],
        tell: Callable[[Key], None],
        pause: float = PAUSE,
        again: float = AGAIN,
    ) -> None:
        self._read_place = read
        self._places = places
        self._tell = tell
        self._pause = pause
        self._again = again
        self._running = Beside("autoscalers of others,")
        self._asked: dict[Key, frozenset[str]] = {}
        self._found: dict[Place, Found] = {}
        self._silent: set[Place] = set()

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
        return self._about(key)

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
        """Whether all could be read. What was known stands where that is not so, or not allowed."""
        before = {key: self._about(key) for key in self._asked}
        answers = [await self._try(place) for place in self._places()]
        for key, known in before.items():
            if key in self._asked and self._about(key) != known:
                self._tell(key)
        return all(answers)

    async def _try(self, place: Place) -> bool:
        kind, namespace = place
        where = f"{kind.plural} in {namespace or 'all namespaces'}"
        try:
            found = _by_namespace([_seen(kind, each) async for each in self._read_place(kind, namespace)])
        except ApiError as error:
            if place not in self._silent:
                forbidden = isinstance(error, Rejected) and error.status == 403
                told = "%s could not be listed, so that somebody else's autoscalers there are not found: %s"
                log.log(logging.WARNING if forbidden else logging.INFO, told, where, error)
            self._silent.add(place)
            return False
        if place in self._silent:
            log.info("%s can be listed again", where)
        self._silent.discard(place)
        self._found[place] = found
        return True

    def _about(self, key: Key) -> tuple[Rival, ...]:
        namespace, model = key
        targets = {(DEPLOYMENT.kind, name) for name in self._asked[key]} | {(MODEL_DEPLOYMENT.kind, model)}
        there = [each for found in self._found.values() for each in found.get(namespace, ())]
        return tuple(sorted((each for each in there if (each.target_kind, each.target) in targets), key=str))


def _by_namespace(autoscalers: Iterable[tuple[str, Rival] | None]) -> Found:
    found: dict[str, list[Rival]] = {}
    for each in autoscalers:
        if each is not None:
            found.setdefault(each[0], []).append(each[1])
    return {namespace: tuple(of_it) for namespace, of_it in found.items()}


def _seen(kind: Kind, autoscaler: Object) -> tuple[str, Rival] | None:
    """The namespace, and what matters of it; None where it is made for another object."""
    if _is_made_for_another_object(autoscaler):
        return None
    return autoscaler["metadata"]["namespace"], _rival(kind, autoscaler)


def _is_made_for_another_object(autoscaler: Object) -> bool:
    """One of Fairlead's, or one that KEDA made: then its ScaledObject counts. Labels may be on anything."""
    owners: Iterable[Mapping[str, Any]] = autoscaler["metadata"].get("ownerReferences") or ()
    return any(each.get("kind") in (MODEL_DEPLOYMENT.kind, SCALED_OBJECT.kind) for each in owners)


def _rival(kind: Kind, autoscaler: Object) -> Rival:
    """A ScaledObject that names no kind means a Deployment (keda.sh/docs/latest/reference/scaledobject-spec)."""
    target = (autoscaler.get("spec") or {}).get("scaleTargetRef") or {}
    return Rival(
        kind=kind.kind,
        name=autoscaler["metadata"]["name"],
        target_kind=str(target.get("kind") or DEPLOYMENT.kind),
        target=str(target.get("name") or ""),
    )

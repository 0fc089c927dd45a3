"""What the cluster has told of pods that do not get beyond ContainerCreating: the kubelet says it in Events alone.

Events are read beside the looks, never inside one, and only for pods that hang: there are far too many to watch them.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from fairlead.cluster.errors import ApiError
from fairlead.cluster.store import Key, Object
from fairlead.observe.probe import Pods
from fairlead.situation import Hanging, revision_of

log = logging.getLogger(__name__)

AFTER = 10.0  # seconds for which every pod is patiently waited for
AGAIN = 30.0  # seconds between two readings for one model
AT_ONCE = 8
LATELY = timedelta(minutes=4)
"""The kubelet tries to mount at least every two minutes: what it has not told again since is mended."""

EventsOf = Callable[[str, str], Awaitable[list[Object]]]
"""(namespace, uid) → the Events of a pod. Raises ApiError."""


class HangingPods:
    """The pods that are followed, one for each revision. `tell` is called with the model's key when there is news."""

    def __init__(
        self,
        events_of: EventsOf,
        tell: Callable[[Key], None],
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
        again: float = AGAIN,
    ) -> None:
        self._events_of = events_of
        self._tell = tell
        self._now = now
        self._clock = clock
        self._again = again
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._told: dict[Key, dict[str, Hanging]] = {}

    def told(self, key: Key, now: tuple[Mapping[str, Any], ...], pods: Pods) -> tuple[Hanging, ...]:
        """What was told lately of those pods that hang `now`; begins to follow them when nobody does."""
        hanging = _hanging(now)
        if not hanging:
            self.end(key)
            return ()
        task = self._running.get(key)
        if task is None or task.done():
            if task is not None and not task.cancelled() and task.exception() is not None:
                log.error("%s ended, and is begun again", task.get_name(), exc_info=task.exception())
            self._running[key] = asyncio.create_task(self._follow(key, pods), name=f"hanging {'/'.join(key)}")
        return tuple(each for each in self._told.get(key, {}).values() if each.revision in hanging)

    def end(self, key: Key) -> None:
        """Nothing hangs any more, or nobody wants to know."""
        self._told.pop(key, None)
        if (task := self._running.pop(key, None)) is not None:
            task.cancel()

    def close(self) -> None:
        """Ends all reading."""
        for key in tuple(self._running):
            self.end(key)

    async def _follow(self, key: Key, pods: Pods) -> None:
        seen: dict[str, float] = {}
        while hanging := _hanging(pods()):
            ages = {revision: self._age(pod, seen) for revision, pod in hanging.items()}
            due = [revision for revision, age in ages.items() if age >= AFTER]
            before = self._told.get(key, {})
            told = {each: await self._read(each, hanging[each], before.get(each)) for each in due}
            if told != before:
                self._told[key] = told
                self._tell(key)
            await asyncio.sleep(self._again if due else AFTER - max(ages.values()))

    def _age(self, pod: Mapping[str, Any], seen: dict[str, float]) -> float:
        """Seconds since it has a node; since it was seen first, where the clocks do not agree."""
        first = seen.setdefault(pod["metadata"]["uid"], self._clock())
        found = (pod.get("status") or {}).get("conditions") or ()
        placed = next((each.get("lastTransitionTime") for each in found if each.get("type") == "PodScheduled"), None)
        by_clock = (self._now() - datetime.fromisoformat(placed)).total_seconds() if placed else 0.0
        return max(by_clock, self._clock() - first)

    async def _read(self, revision: str, pod: Mapping[str, Any], before: Hanging | None) -> Hanging:
        metadata = pod["metadata"]
        try:
            async with self._at_once:
                events = await self._events_of(metadata["namespace"], metadata["uid"])
        except ApiError as error:  # we may not, or cannot now: it is said without them that the pod hangs
            log.debug("Events of %s: %s", metadata["name"], error)
            return before or Hanging(revision=revision)
        return last_word(revision, events)


def _hanging(pods: tuple[Mapping[str, Any], ...]) -> dict[str, Mapping[str, Any]]:
    """The oldest pod of each revision that has a node, and no container that was made."""
    found: dict[str, Mapping[str, Any]] = {}
    for pod in pods:
        revision = revision_of(pod)
        if revision is not None and not pod["metadata"].get("deletionTimestamp") and hangs(pod):
            found.setdefault(revision, pod)
    return found


def hangs(pod: Mapping[str, Any]) -> bool:
    """Whether none of its containers was made so far."""
    status = pod.get("status") or {}
    containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    waiting = [((each.get("state") or {}).get("waiting") or {}).get("reason") for each in containers]
    return bool(waiting) and all(reason in ("ContainerCreating", "PodInitializing") for reason in waiting)


def last_word(revision: str, events: list[Object]) -> Hanging:
    """What a person would conclude from the Events. Volumes are mounted before an image is pulled."""
    pulling = [event for event in events if event.get("reason") in ("Pulling", "Pulled")]
    mounted = max((_at(event) for event in pulling), default=None)
    warnings = [
        event for event in events if event.get("type") == "Warning" and (mounted is None or _at(event) > mounted)
    ]
    if warnings:
        latest = max(_at(event) for event in warnings)
        lately = [str(event.get("message") or "") for event in warnings if latest - _at(event) < LATELY]
        # Of several the one that names its volume, and always the same: each is told anew at every try.
        note = min(lately, key=lambda each: (not each.startswith("MountVolume"), each))
        return Hanging(revision=revision, warning=True, note=note)
    if pulling and (last := max(pulling, key=_at)).get("reason") == "Pulling":
        return Hanging(revision=revision, note=str(last.get("message") or ""))
    return Hanging(revision=revision)


def _at(event: Object) -> datetime:
    series = event.get("series") or {}
    told = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return datetime.fromisoformat(told or event["metadata"]["creationTimestamp"])

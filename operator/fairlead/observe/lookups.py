"""What the Jobs have found that look up where a model's reference leads: their pods leave it in their status.

These pods have no label of the model, lest clients be sent to them, so no watch tells of them. They live for seconds,
and are read beside the looks while a model has such a Job.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from fairlead.api.kinds import JOB, Kind
from fairlead.cluster.errors import ApiError
from fairlead.cluster.store import Key, Object
from fairlead.observe.beside import Beside
from fairlead.observe.hanging import hangs, last_word

log = logging.getLogger(__name__)

AGAIN = 2.0  # seconds between two readings
PATIENT = 15  # times as long once the Jobs have ended: a failed one stays until the next try
AT_ONCE = 8

PodsOf = Callable[[str, str], Awaitable[list[Object]]]
"""(namespace, Job) → its pods. Raises ApiError."""
EventsOf = Callable[[str, str], Awaitable[list[Object]]]
"""(namespace, uid) → the Events of a pod. Raises ApiError."""


class Lookups:
    """The Jobs that are followed, one for each model. `tell` is called with the model's key when there is news."""

    def __init__(self, pods_of: PodsOf, events_of: EventsOf, tell: Callable[[Key], None], again: float = AGAIN) -> None:
        self._pods_of = pods_of
        self._events_of = events_of
        self._tell = tell
        self._again = again
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._running = Beside("lookup")
        self._seen: dict[Key, tuple[Object, ...]] = {}

    def pods(self, key: Key, children: Mapping[tuple[Kind, str], Object]) -> tuple[Object, ...]:
        """The pods of the model's Jobs as they were read last, oldest first; begins to read when nobody does."""
        found = {name: live for (kind, name), live in children.items() if kind == JOB}
        if not found:
            self.end(key)
            return ()
        jobs = {name: live["metadata"]["uid"] for name, live in found.items()}
        over = all(map(_has_ended, found.values()))
        about = (str(over), *sorted(jobs.values()))
        if not self._running.goes_on(key, about):  # and when they end it is read at once what they have left
            self._running.begin(key, about, lambda: self._follow(key, jobs, PATIENT if over else 1))
        return self._seen.get(key, ())

    def end(self, key: Key) -> None:
        """There is no Job any more, or nobody wants to know."""
        self._seen.pop(key, None)
        self._running.end(key)

    async def close(self) -> None:
        """Ends all reading."""
        await self._running.close()

    async def _follow(self, key: Key, jobs: Mapping[str, str], patience: int) -> None:
        while True:
            try:
                async with self._at_once:
                    found = [pod for name, uid in jobs.items() for pod in await self._of_job(key[0], name, uid)]
            except ApiError as error:
                log.debug("pods of the Jobs of %s: %s", "/".join(key), error)
            else:
                pods = tuple(
                    sorted(found, key=lambda pod: (pod["metadata"]["creationTimestamp"], pod["metadata"]["name"]))
                )
                if pods != self._seen.get(key, ()):
                    self._seen[key] = pods
                    self._tell(key)
            await asyncio.sleep(patience * self._again)

    async def _of_job(self, namespace: str, name: str, uid: str) -> list[Object]:
        """Its pods; and where it may have none, what is told of that, as if one said it."""
        pods = [await self._read(pod) for pod in await self._pods_of(namespace, name)]
        if pods:
            return pods
        said = last_word("", await self._events(namespace, uid))
        owner = {"uid": uid, "controller": True}
        nobody = {
            "metadata": {"name": "", "creationTimestamp": "", "ownerReferences": [owner]},
            "status": {"phase": None},
        }
        return [{**nobody, "note": said.note}] if said.warning else []

    async def _read(self, pod: Object) -> Object:
        """With what the kubelet tells of one that does not start, such as that its Secret is missing."""
        if not hangs(pod):
            return _kept(pod)
        said = last_word("", await self._events(pod["metadata"]["namespace"], pod["metadata"]["uid"]))
        return {**_kept(pod), **({"note": said.note} if said.warning else {})}

    async def _events(self, namespace: str, uid: str) -> list[Object]:
        """Without the right to read Events less is said."""
        try:
            return await self._events_of(namespace, uid)
        except ApiError as error:
            log.debug("Events of %s in %s: %s", uid, namespace, error)
            return []


def _has_ended(job: Object) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return any(each.get("type") in ("Failed", "Complete") and each.get("status") == "True" for each in conditions)


def _kept(pod: Object) -> Object:
    """What is read of it; a heartbeat in its status is no news."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    conditions = [
        {name: each.get(name) for name in ("type", "status", "message")}
        for each in status.get("conditions") or ()
        if each.get("type") == "PodScheduled"
    ]
    return {
        "metadata": {name: metadata.get(name) for name in ("name", "creationTimestamp", "ownerReferences")},
        "status": {
            "phase": status.get("phase"),
            "conditions": conditions,
            "containerStatuses": status.get("containerStatuses") or [],
        },
    }

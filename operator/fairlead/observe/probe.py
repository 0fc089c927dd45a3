"""Fairlead's own requests to new revisions: do they answer, and not only their readiness probe?

Requests run beside the looks, never inside one: a pod that swallows them must not hold up another model.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Literal

import aiohttp
from yarl import URL

from fairlead.api.kinds import POD
from fairlead.api.revision import Revision
from fairlead.cluster.connection import Connection
from fairlead.cluster.store import Key
from fairlead.situation import ProbeAnswer

log = logging.getLogger(__name__)

TIMEOUT = aiohttp.ClientTimeout(total=5)
FIRST_PAUSE, LAST_PAUSE = 1.0, 60.0  # seconds between two requests to a revision that does not answer; doubling
AT_ONCE = 32

Pods = Callable[[], tuple[Mapping[str, Any], ...]]
"""The revision's pods at this moment."""


class Probes:
    """The requests that are on, and what they brought. `tell` is called with the model's key when there is news.

    Pods are asked at their own address, or through the API server's pod proxy, which works from outside the pod network
    for the price of the right to `get pods/proxy`. Pods that are asked directly are asked by a session of their own:
    they must never see the API server's credentials.
    """

    def __init__(self, connection: Connection, access: Literal["Direct", "Proxy"], tell: Callable[[Key], None]) -> None:
        self._connection = connection
        self._access = access
        self._tell = tell
        self._direct: aiohttp.ClientSession | None = None
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._running: dict[Key, tuple[str, asyncio.Task[None]]] = {}
        self._answers: dict[Key, ProbeAnswer] = {}

    def answer(self, key: Key, revision: Revision, pods: Pods) -> ProbeAnswer | None:
        """What a revision answered last; begins to ask when nobody does. None: nothing yet."""
        asked, running = self._running.get(key, ("", None))
        if asked != revision.name or (running is not None and _has_failed(running)):
            self.end(key)
            task = asyncio.create_task(self._ask_until_answered(key, revision, pods), name=f"probe {'/'.join(key)}")
            self._running[key] = (revision.name, task)
        return self._answers.get(key)

    def end(self, key: Key) -> None:
        """Nobody wants to know about this model any more."""
        self._answers.pop(key, None)
        _, task = self._running.pop(key, ("", None))
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """Ends all requests."""
        for key in tuple(self._running):
            self.end(key)
        if self._direct is not None:
            await self._direct.close()

    async def _ask_until_answered(self, key: Key, revision: Revision, pods: Pods) -> None:
        pause = FIRST_PAUSE
        while True:
            async with self._at_once:
                answer = await self._ask(revision, pods())
            if answer is not None and answer != self._answers.get(key):
                self._answers[key] = answer
                self._tell(key)
            if answer is not None and answer.answered:
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, LAST_PAUSE)

    async def _ask(self, revision: Revision, pods: tuple[Mapping[str, Any], ...]) -> ProbeAnswer | None:
        """What one ready pod answers; None when there is none to ask. Never raises for what a pod does."""
        pod = next((pod for pod in pods if _is_ready(pod)), None)
        if pod is None:
            return None
        port, path = revision.snapshot.ports.http, revision.snapshot.serving_path
        asked = f"GET {path or '/'} on port {port}"
        try:
            status = await self._status(pod, port, path or "/")
        except TimeoutError:
            detail = f"{asked} was not answered within {TIMEOUT.total:g} s"
            return ProbeAnswer(revision=revision.name, answered=False, detail=detail)
        except (aiohttp.ClientError, OSError) as failure:
            return ProbeAnswer(revision=revision.name, answered=False, detail=f"{asked}: {type(failure).__name__}")
        # Without a path of its own to ask, any answer but a server's error shows that HTTP is spoken.
        good = 200 <= status < (300 if path else 500)
        return ProbeAnswer(revision=revision.name, answered=good, detail=f"{asked} answered {status}")

    async def _status(self, pod: Mapping[str, Any], port: int, path: str) -> int:
        metadata, address = pod["metadata"], str(pod["status"]["podIP"])
        if self._access == "Proxy":
            url = f"{self._connection.server}{POD.path(metadata['namespace'], metadata['name'])}:{port}/proxy{path}"
            session = self._connection.session
        else:
            url = f"http://{f'[{address}]' if ':' in address else address}:{port}{path}"
            session = self._direct = self._direct or aiohttp.ClientSession(headers={"User-Agent": "fairlead"})
        # As it is: `..` must not lead to another pod, and the path was checked for it at admission already.
        async with session.get(URL(url, encoded=True), timeout=TIMEOUT, allow_redirects=False) as response:
            return response.status


def _has_failed(task: asyncio.Task[None]) -> bool:
    """Whether it ended by an error of ours, which is told. The next look begins anew: nobody must wait for ever."""
    if not task.done() or task.cancelled() or task.exception() is None:
        return False
    log.error("%s ended, and is begun again", task.get_name(), exc_info=task.exception())
    return True


def _is_ready(pod: Mapping[str, Any]) -> bool:
    status = pod.get("status") or {}
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or ())
    return ready and bool(status.get("podIP")) and not pod["metadata"].get("deletionTimestamp")

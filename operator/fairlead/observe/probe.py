"""Fairlead's own requests to new revisions: do they answer, and not only their readiness probe?

Requests run beside the looks, never inside one: a pod that swallows them must not hold up another model.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import aiohttp
from yarl import URL

from fairlead.api import names
from fairlead.api.kinds import POD
from fairlead.api.revision import Revision
from fairlead.cluster.connection import Connection
from fairlead.cluster.store import Key
from fairlead.situation import ProbeAnswer

log = logging.getLogger(__name__)

TIMEOUT = 5.0  # seconds; longer where the readiness probe may take longer
FRESH = 30.0  # seconds for which an answer is good
FIRST_PAUSE, LAST_PAUSE = 1.0, 60.0  # seconds between two requests to a revision that does not answer; doubling
AT_ONCE = 32

Pods = Callable[[], tuple[Mapping[str, Any], ...]]
"""The revision's pods at this moment."""


@dataclass(frozen=True, kw_only=True)
class _Heard:
    """An answer, and which pod gave it when."""

    answer: ProbeAnswer
    pod: str
    at: float


class Probes:
    """The requests that are on, and what they brought. `tell` is called with the model's key when there is news.

    Pods are asked at their own address, or through the API server's pod proxy, which works from outside the pod network
    for the price of the right to `get pods/proxy`. Pods that are asked directly are asked by a session of their own:
    they must never see the API server's credentials.

    A good answer holds while that pod is ready, and for a short time: traffic may have to wait for other things long
    after it, and moves on what was heard just now.
    """

    def __init__(
        self,
        connection: Connection,
        access: Literal["Direct", "Proxy"],
        tell: Callable[[Key], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._access = access
        self._tell = tell
        self._clock = clock
        self._direct: aiohttp.ClientSession | None = None
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._running: dict[Key, tuple[str, asyncio.Task[None]]] = {}
        self._heard: dict[Key, _Heard] = {}

    def answer(self, key: Key, revision: Revision, pods: Pods) -> ProbeAnswer | None:
        """What a revision answered last; begins to ask when nobody does. None: nothing yet, or not lately."""
        asked, running = self._running.get(key, ("", None))
        if asked != revision.name or (running is not None and _has_failed(running)) or self._is_stale(key, pods):
            self.end(key)
            task = asyncio.create_task(self._ask_until_answered(key, revision, pods), name=f"probe {'/'.join(key)}")
            self._running[key] = (revision.name, task)
        heard = self._heard.get(key)
        return None if heard is None else heard.answer

    def end(self, key: Key) -> None:
        """Nobody wants to know about this model any more."""
        self._heard.pop(key, None)
        _, task = self._running.pop(key, ("", None))
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """Ends all requests."""
        for key in tuple(self._running):
            self.end(key)
        if self._direct is not None:
            await self._direct.close()

    def _is_stale(self, key: Key, pods: Pods) -> bool:
        """Whether a good answer does not hold any more. After any other, asking goes on by itself."""
        heard = self._heard.get(key)
        if heard is None or not heard.answer.answered:
            return False
        there = any(_is_ready(pod) and pod["metadata"]["uid"] == heard.pod for pod in pods())
        return not there or self._clock() - heard.at > FRESH

    async def _ask_until_answered(self, key: Key, revision: Revision, pods: Pods) -> None:
        pause = FIRST_PAUSE
        while True:
            heard = await self._ask(revision, pods)
            before = self._heard.get(key)
            if heard is not None and (before is None or heard.answer != before.answer):
                self._heard[key] = heard
                self._tell(key)
            if heard is not None and heard.answer.answered:
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, LAST_PAUSE)

    async def _ask(self, revision: Revision, pods: Pods) -> _Heard | None:
        """What one ready pod answers; None when there is none to ask."""
        async with self._at_once:
            pod = next((pod for pod in pods() if _is_ready(pod)), None)
            if pod is None:
                return None
            asking = asyncio.create_task(self._answer_of(pod, revision))
            try:
                await asyncio.wait((asking,), timeout=TIMEOUT)  # a slower one makes room for others
            except asyncio.CancelledError:
                asking.cancel()
                raise
        return _Heard(answer=await asking, pod=pod["metadata"]["uid"], at=self._clock())

    async def _answer_of(self, pod: Mapping[str, Any], revision: Revision) -> ProbeAnswer:
        """Never raises for what a pod does."""
        port, path = revision.snapshot.ports.http, revision.snapshot.serving_path
        readiness = _readiness(revision)
        seconds = max(TIMEOUT, float(readiness.get("timeoutSeconds") or 0))
        asked = f"GET {path or '/'} on port {port}"
        try:
            status = await self._status(pod, port, path or "/", seconds)
        except TimeoutError:
            detail = f"{asked} was not answered within {seconds:g} s"
            return ProbeAnswer(revision=revision.name, answered=False, detail=detail)
        except (aiohttp.ClientError, OSError) as failure:
            return ProbeAnswer(
                revision=revision.name, answered=False, detail=f"{asked} failed: {type(failure).__name__}"
            )
        good = 200 <= status < _good_below(path, readiness)
        must = "" if good else f"; it must answer {_must(path, readiness)}"
        return ProbeAnswer(revision=revision.name, answered=good, detail=f"{asked} answered {status}{must}")

    async def _status(self, pod: Mapping[str, Any], port: int, path: str, seconds: float) -> int:
        metadata, address = pod["metadata"], str(pod["status"]["podIP"])
        if self._access == "Proxy":
            url = f"{self._connection.server}{POD.path(metadata['namespace'], metadata['name'])}:{port}/proxy{path}"
            session = self._connection.session
        else:
            url = f"http://{f'[{address}]' if ':' in address else address}:{port}{path}"
            session = self._direct = self._direct or aiohttp.ClientSession(headers={"User-Agent": "fairlead"})
        # As it is: `..` must not lead to another pod, and the path was checked for it at admission already.
        limit = aiohttp.ClientTimeout(total=seconds)
        async with session.get(URL(url, encoded=True), timeout=limit, allow_redirects=False) as response:
            return response.status


def _readiness(revision: Revision) -> Mapping[str, Any]:
    """The readiness probe of the revision's server, as the kubelet carries it out."""
    containers = (revision.snapshot.template.get("spec") or {}).get("containers") or ()
    server: Mapping[str, Any] = next((each for each in containers if each.get("name") == names.CONTAINER), {})
    return server.get("readinessProbe") or {}


def _good_below(path: str | None, readiness: Mapping[str, Any]) -> int:
    """The status from which on it is no good answer."""
    if path is None:
        return 500  # nothing to ask for: that HTTP is spoken is all that can be known
    # Where the kubelet asks the same, its rule holds. What it lets serve as the first revision may also follow one.
    return 400 if (readiness.get("httpGet") or {}).get("path") == path else 300


def _must(path: str | None, readiness: Mapping[str, Any]) -> str:
    """What the rule of `_good_below` is to a user, with the field that says what is asked."""
    if path is None:
        return "with a status below 500"
    return "2xx (probes.serving)" if _good_below(path, readiness) == 300 else "2xx or 3xx (probes.readiness)"


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

"""Fairlead's own requests to new revisions: do they answer, and not only their readiness probe?

Requests run beside the looks, never inside one: a pod that swallows them must not hold up another model.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.api import names
from fairlead.api.revision import Revision
from fairlead.cluster.store import Key
from fairlead.observe.asking import Asking, NoAnswer, is_ready
from fairlead.observe.beside import Beside
from fairlead.situation import ProbeAnswer

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

    A good answer holds while that pod is ready, and for a short time: traffic may have to wait for other things long
    after it, and moves on what was heard just now.
    """

    def __init__(
        self,
        asking: Asking,
        tell: Callable[[Key], None],
        clock: Callable[[], float] = time.monotonic,
        within: float = TIMEOUT,
    ) -> None:
        self._asking = asking
        self._tell = tell
        self._clock = clock
        self._within = within
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._running = Beside("probe")
        self._heard: dict[Key, _Heard] = {}

    def answer(self, key: Key, revision: Revision, pods: Pods) -> ProbeAnswer | None:
        """What a revision answered last; begins to ask when nobody does. None: nothing yet, or not lately."""
        if not self._running.goes_on(key, (revision.name,)) or self._is_stale(key, pods):
            self.end(key)
            self._running.begin(key, (revision.name,), lambda: self._ask_until_answered(key, revision, pods))
        heard = self._heard.get(key)
        return None if heard is None else heard.answer

    def end(self, key: Key) -> None:
        """Nobody wants to know about this model any more."""
        self._heard.pop(key, None)
        self._running.end(key)

    async def close(self) -> None:
        """Ends all requests."""
        await self._running.close()

    def _is_stale(self, key: Key, pods: Pods) -> bool:
        """Whether a good answer does not hold any more. After any other, asking goes on by itself."""
        heard = self._heard.get(key)
        if heard is None or not heard.answer.answered:
            return False
        there = any(is_ready(pod) and pod["metadata"]["uid"] == heard.pod for pod in pods())
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
            pod = next((pod for pod in pods() if is_ready(pod)), None)
            if pod is None:
                return None
            asking = asyncio.create_task(self._answer_of(pod, revision))
            try:
                await asyncio.wait((asking,), timeout=self._within)  # a slower one makes room for others
            except asyncio.CancelledError:
                asking.cancel()
                raise
        return _Heard(answer=await asking, pod=pod["metadata"]["uid"], at=self._clock())

    async def _answer_of(self, pod: Mapping[str, Any], revision: Revision) -> ProbeAnswer:
        """Never raises for what a pod does."""
        port, path = revision.snapshot.ports.http, revision.snapshot.serving_path
        readiness = _readiness(revision)
        seconds = max(self._within, float(readiness.get("timeoutSeconds") or 0))
        asked = f"GET {path or '/'} on port {port}"
        try:
            async with self._asking.get(pod, port, path or "/", within=seconds) as response:
                status = response.status
        except NoAnswer as failure:
            return ProbeAnswer(revision=revision.name, answered=False, detail=f"{asked}{failure}")
        good = 200 <= status < _good_below(path, readiness)
        must = "" if good else f"; it must answer {_must(path, readiness)}"
        return ProbeAnswer(revision=revision.name, answered=good, detail=f"{asked} answered {status}{must}")


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

"""How far pods are with fetching their models: asked of the program that fetches, beside the looks."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from fairlead.cluster.store import Key
from fairlead.observe.asking import Asking, NoAnswer
from fairlead.observe.beside import Beside
from fairlead.observe.probe import Pods
from fairlead.situation import Progress, revision_of
from fairlead.sources.fetched import FETCH_PORT, is_fetching

AGAIN = 5.0  # seconds between two questions
WITHIN = 3.0  # seconds
STEP = 5  # percent: more often there is nothing to tell
LONGEST = 1000  # bytes of an answer


class Fetches:
    """The pods that are asked, one for each model. `tell` is called with the model's key when there is news."""

    def __init__(
        self, asking: Asking, tell: Callable[[Key], None], again: float = AGAIN, port: int = FETCH_PORT
    ) -> None:
        self._asking = asking
        self._tell = tell
        self._again = again
        self._port = port
        self._running = Beside("fetch")
        self._told: dict[Key, Progress] = {}

    def progress(self, key: Key, pods: Pods) -> tuple[Progress, ...]:
        """What was told last; begins to ask while a pod fetches, and nobody does."""
        pod = _fetching(pods)
        if pod is None:
            self.end(key)
            return ()
        about = (pod["metadata"]["uid"],)
        if not self._running.goes_on(key, about):
            self._told.pop(key, None)
            self._running.begin(key, about, lambda: self._follow(key, pods))
        told = self._told.get(key)
        return (told,) if told is not None else ()

    def end(self, key: Key) -> None:
        """No pod fetches any more, or nobody wants to know."""
        self._told.pop(key, None)
        self._running.end(key)

    async def close(self) -> None:
        """Ends all questions."""
        await self._running.close()

    async def _follow(self, key: Key, pods: Pods) -> None:
        while (pod := _fetching(pods)) is not None:
            told = await self._ask(pod)
            if told is not None and told != self._told.get(key):
                self._told[key] = told
                self._tell(key)
            await asyncio.sleep(self._again)

    async def _ask(self, pod: dict[str, Any]) -> Progress | None:
        """None when the pod does not answer, or nobody can read what it says."""
        try:
            async with self._asking.get(pod, self._port, "/progress", within=WITHIN) as response:
                answer = json.loads(await response.content.read(LONGEST)) if response.status == 200 else {}
            done, total = int(answer["bytes"]), int(answer["total"] or 0)
        except (NoAnswer, ValueError, KeyError, TypeError):
            return None
        percent = STEP * (100 * min(done, total) // total // STEP) if total > 0 else 0
        return Progress(revision=str(revision_of(pod)), percent=percent, total=max(total, 0) or None)


def _fetching(pods: Pods) -> dict[str, Any] | None:
    """The oldest pod that fetches and has an address."""
    living = (pod for pod in pods() if not pod["metadata"].get("deletionTimestamp") and pod["status"].get("podIP"))
    return next((dict(pod) for pod in living if is_fetching(pod)), None)

"""What runs beside the looks: one task per model, for as long as the looks want it. No look ever waits for one."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from fairlead.cluster.store import Key

log = logging.getLogger(__name__)


class Beside:
    """The tasks that are on. `what` they are called in the log."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._running: dict[Key, tuple[tuple[str, ...], asyncio.Task[None]]] = {}

    def goes_on(self, key: Key, about: tuple[str, ...]) -> bool:
        """Whether a model has a task about just this. One that an error of ours has ended does not count."""
        known, task = self._running.get(key, ((), None))
        return task is not None and known == about and not _has_failed(task)

    def begin(self, key: Key, about: tuple[str, ...], work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begins a model's task in place of any other."""
        self.end(key)
        self._running[key] = (about, asyncio.create_task(work(), name=f"{self._what} {'/'.join(key)}"))

    def end(self, key: Key) -> None:
        """Ends a model's task, if there is one."""
        _, task = self._running.pop(key, ((), None))
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """Ends all tasks."""
        tasks = [task for _, task in self._running.values()]
        for key in tuple(self._running):
            self.end(key)
        await asyncio.gather(*tasks, return_exceptions=True)


def _has_failed(task: asyncio.Task[None]) -> bool:
    """Whether it ended by an error of ours, which is told. The next look begins anew: nobody must wait for ever."""
    if not task.done() or task.cancelled() or task.exception() is None:
        return False
    log.error("%s ended, and is begun again", task.get_name(), exc_info=task.exception())
    return True

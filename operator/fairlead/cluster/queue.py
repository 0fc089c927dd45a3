"""The work queue: which keys are to be looked at, each once, by one worker at a time, now or later.

The semantics are client-go's (k8s.io/client-go/util/workqueue). A key that is added while it waits is still there
once; one that is added while a worker has it comes again when the worker is done, for it may have read too early.

There are two lanes, as in controller-runtime's priority queue: what changes now is not held up by the thousands of keys
that a new leader looks at only to see whether anything was left half-done.
"""

import asyncio
import heapq
import random
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from datetime import timedelta
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

FIRST_RETRY = timedelta(seconds=0.5)
LAST_RETRY = timedelta(minutes=5)
SPREAD = 0.2
"""A retry comes between 80 % and 120 % of its delay, so that keys that failed together do not return together."""
AHEAD = 9
"""How many keys in a row may go ahead of one in the second lane: it is slower when there is much to do, never still."""


def _ignore(seconds: float) -> None:
    """The default for `waited`."""


class WorkQueue(Generic[K]):
    """Keys of each lane in the order of their arrival.

    For one event loop; the clock gives seconds, the jitter numbers in [0, 1).
    `waited` is told the seconds that each key has waited for a worker.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        waited: Callable[[float], object] = _ignore,
    ) -> None:
        self._clock, self._jitter, self._waited = clock, jitter, waited
        self._ready: deque[K] = deque()
        self._second: OrderedDict[K, None] = OrderedDict()  # the second lane; a key can leave it from the middle
        self._ahead = 0  # keys taken in a row while the second lane waited
        self._dirty: dict[K, float] = {}  # to be looked at → since when; those that wait in a lane or for a done()
        self._busy: set[K] = set()
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []  # of _due; entries that do not agree with it are void
        self._pushes = 0  # keys need not be comparable
        self._failures: dict[K, int] = {}
        self._news = asyncio.Event()

    def __len__(self) -> int:
        """How many keys wait for a worker; neither those a worker has nor those whose time has not come."""
        return len(self._ready) + len(self._second)

    def oldest(self) -> float:
        """For how many seconds the key has waited that has waited longest; 0 when none waits.

        One that waits until a worker has done with it is among them.
        """
        since = next(iter(self._dirty.values()), None)  # a key keeps its place from when it came
        return 0.0 if since is None else self._clock() - since

    def begin(self) -> None:
        """Has every key that is there wait from now on: so far nobody was to take any."""
        self._dirty = dict.fromkeys(self._dirty, self._clock())

    def add(self, key: K) -> None:
        """Has the key looked at, soon and once."""
        if key in self._second:
            del self._second[key]
            self._append(key)
        if key in self._dirty:
            return
        self._dirty[key] = self._clock()
        if key not in self._busy:
            self._append(key)

    def add_second(self, key: K) -> None:
        """Has the key looked at once, after what `add` has been told of. One that a worker has comes again like any."""
        if key in self._dirty:
            return
        if key in self._busy:
            self.add(key)
            return
        self._dirty[key] = self._clock()
        self._second[key] = None
        self._news.set()

    def add_after(self, key: K, delay: timedelta) -> None:
        """Has the key looked at after a while. Of several such wishes for a key the soonest holds."""
        due = self._clock() + delay.total_seconds()
        if due >= self._due.get(key, float("inf")):
            return
        self._due[key] = due
        self._pushes += 1
        heapq.heappush(self._heap, (due, self._pushes, key))
        if len(self._heap) > 2 * len(self._due) + 100:  # mostly void
            self._heap = [entry for entry in self._heap if self._due.get(entry[2]) == entry[0]]
            heapq.heapify(self._heap)
        self._news.set()

    def retry(self, key: K, at_least: timedelta = timedelta(0)) -> timedelta:
        """Has the key looked at after a while that doubles with each failure; returns how long."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        doubled: timedelta = FIRST_RETRY * 2 ** min(failures - 1, 30)
        delay = max(at_least, min(LAST_RETRY, doubled) * (1 - SPREAD + 2 * SPREAD * self._jitter()))
        self.add_after(key, delay)
        return delay

    def forget(self, key: K) -> None:
        """Ends the series of failures: the next retry is a first one."""
        self._failures.pop(key, None)

    async def get(self) -> K:
        """Waits for a key and takes it; `done` must follow. A cancelled call takes none."""
        while (key := self.get_nowait()) is None:
            self._news.clear()
            seconds = max(0.0, self._heap[0][0] - self._clock()) if self._heap else None
            try:
                async with asyncio.timeout(seconds):
                    await self._news.wait()
            except TimeoutError:
                continue
        return key

    def get_nowait(self) -> K | None:
        """Takes the key whose turn it is, or None."""
        self._release_due()
        if self._second and (not self._ready or self._ahead >= AHEAD):
            key, _ = self._second.popitem(last=False)
            self._ahead = 0
        elif self._ready:
            key = self._ready.popleft()
            self._ahead = self._ahead + 1 if self._second else 0
        else:
            return None
        self._waited(self._clock() - self._dirty.pop(key))
        self._busy.add(key)
        return key

    def done(self, key: K) -> None:
        """The worker has finished with the key."""
        self._busy.discard(key)
        if key in self._dirty:
            self._append(key)

    def _append(self, key: K) -> None:
        self._ready.append(key)
        self._news.set()

    def _release_due(self) -> None:
        now = self._clock()
        while self._heap and self._heap[0][0] <= now:
            due, _, key = heapq.heappop(self._heap)
            if self._due.get(key) == due:
                del self._due[key]
                self.add(key)

"""What the stable revision's pods count: is all there that objectives need, and which edges do their histograms have?

Read from their pages of metrics beside the looks, until everything has been seen once: pods of one revision are all
alike, so it is not asked again. What was seen is kept in the status of the model.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from math import inf

from fairlead.api.metrics import Counters
from fairlead.api.revision import Revision
from fairlead.api.status import Status
from fairlead.cluster.store import Key
from fairlead.observe.asking import Asking, is_ready
from fairlead.observe.beside import Beside
from fairlead.observe.probe import Pods
from fairlead.observe.processes import processes
from fairlead.observe.said import Said
from fairlead.observe.scraping import Scraping
from fairlead.situation import Exposed, revision_of

FIRST_PAUSE, LAST_PAUSE = timedelta(seconds=15), timedelta(minutes=15)
"""Between two readings while something is missing; doubling. Some servers write a series only with a first request."""
WITHIN = 5.0  # seconds
AT_ONCE = 16
PODS = 3
"""As many are read each time: not each of them need have had a request."""
MOST_EDGES = 256  # as many as the status takes


class Exposures:
    """The readings that are on, and what they brought. `tell` is called with the model's key when there is news."""

    def __init__(
        self,
        asking: Asking,
        tell: Callable[[Key], None],
        clock: Callable[[], datetime],
        first_pause: timedelta = FIRST_PAUSE,
    ) -> None:
        self._asking = asking
        self._tell = tell
        self._clock = clock
        self._first_pause = first_pause.total_seconds()
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._running = Beside("metrics of")
        self._seen: dict[Key, Exposed] = {}

    def seen(
        self,
        key: Key,
        revision: Revision,
        known: Exposed | None,
        wanted: frozenset[str],
        counters: Mapping[str, Counters],
        pods: Pods,
    ) -> Exposed | None:
        """What a revision's pods have shown so far, `known` among it; begins to read when some of `wanted` is missing.

        Until there is something of this revision, what was known of the one before is better than nothing.
        """
        before = known if known is not None and known.revision == revision.name else None
        fresh = self._seen.get(key)
        if fresh is not None and fresh.revision == revision.name:
            before = _both(before, fresh)
        if wanted <= (before.counted if before else frozenset()):
            self._running.end(key)
            return before
        about = (revision.name, *sorted(wanted))
        if not self._running.goes_on(key, about):
            self._running.begin(key, about, lambda: self._read_until_seen(key, revision, wanted, counters, pods))
        return before or known

    def end(self, key: Key) -> None:
        """Nobody wants to know about this model any more."""
        self._seen.pop(key, None)
        self._running.end(key)

    async def close(self) -> None:
        """Ends all reading."""
        await self._running.close()

    async def _read_until_seen(
        self, key: Key, revision: Revision, wanted: frozenset[str], counters: Mapping[str, Counters], pods: Pods
    ) -> None:
        scraping = Scraping(self._asking, (revision,), counters, self._at_once, WITHIN)
        pause = self._first_pause
        while True:
            before = self._seen.get(key)
            found = _both(before, await self._read(scraping, revision, pods))
            if found is not None and found != before:
                self._seen[key] = found
                self._tell(key)
            if found is not None and wanted <= found.counted:
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, LAST_PAUSE.total_seconds())

    async def _read(self, scraping: Scraping, revision: Revision, pods: Pods) -> Exposed | None:
        """What some pods show now; None when there is none to read."""
        ready = tuple(pod for pod in pods() if revision_of(pod) == revision.name and is_ready(pod))
        asked = processes(ready[:PODS])
        if not asked:
            return None
        told = await scraping.read(asked, self._clock())
        pages = [each for each in told.values() if isinstance(each, Said)]
        if not pages:
            return Exposed(revision=revision.name, silent=next(str(each) for each in told.values()))
        found: Exposed | None = None
        for page in pages:
            found = _both(found, _exposed(revision.name, page))
        return found


def remembered(status: Status | None) -> Exposed | None:
    """What was written to the status of a model."""
    written = status.monitoring if status else None
    if written is None:
        return None
    edges = {each.metric: tuple(float(edge) for edge in each.edges) for each in written.histograms}
    return Exposed(revision=written.revision, counted=frozenset(written.counted), edges=edges)


def _exposed(revision: str, page: Said) -> Exposed:
    edges = {
        str(metric): tuple(sorted(edge for edge in histogram if edge < inf))[:MOST_EDGES]
        for metric, histogram in page.histograms.items()
    }
    errors = {"Errors"} if page.errors is not None else set()
    return Exposed(revision=revision, counted=frozenset({*errors, *page.pairs, *edges}), edges=edges)


def _both(before: Exposed | None, now: Exposed | None) -> Exposed | None:
    """Both sights of a revision; whether its pods are silent, the later one says."""
    if before is None or now is None or before.revision != now.revision:
        return now or before
    return replace(now, counted=before.counted | now.counted, edges={**before.edges, **now.edges})

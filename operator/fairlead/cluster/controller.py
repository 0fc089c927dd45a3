"""The loop around the one function that knows what to do: `reconcile(key)`. It decides when, never what.

Handlers feed it with what the watches bring, on every replica, so that a standby is warm. Workers run on the leader
only, and only once the caches hold everything that existed at the start: an empty cache looks like a deleted world.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from fairlead.api.kinds import Kind
from fairlead.cluster.alone import Alone
from fairlead.cluster.errors import ApiError, Conflict, NotFound, NotLeading, Rejected, Throttled
from fairlead.cluster.lease import Lease
from fairlead.cluster.look_metrics import CANCELLED, OK
from fairlead.cluster.metrics import Metrics
from fairlead.cluster.queue import WorkQueue
from fairlead.cluster.reader import Listing, Reader
from fairlead.cluster.store import Key, Object, Store
from fairlead.logs import about

log = logging.getLogger(__name__)

Reconcile = Callable[[Key], Awaitable[timedelta | None]]
"""Brings one model to where it should be; returns after how long to look again even if nothing happens."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How much at once, and how long at most."""

    workers: int = 16
    limit: timedelta = timedelta(minutes=1)
    """Of one reconciliation: one that hangs would hold a worker for ever."""
    grace: timedelta = timedelta(seconds=10)
    """For the reconciliations under way when the process is asked to end."""
    resync: timedelta = timedelta(minutes=10)
    poll: timedelta = timedelta(seconds=0.2)
    relist: timedelta = timedelta(seconds=10)


@dataclass(kw_only=True)
class Controller:
    """Feeds `reconcile` with the keys of the models that may have changed.

    The first store is that of the models themselves. `selectors` are the label selectors of the watches, by kind;
    `namespaces` those that are watched, none meaning all, and `unserved` kinds those that the cluster does not have.
    `forgets` is called when this process begins to lead, and when it does not any more.
    """

    stores: Sequence[Store]
    reconcile: Reconcile
    client: Reader
    lease: Lease | Alone
    queue: WorkQueue[Key]
    metrics: Metrics
    selectors: Mapping[Kind, str] = field(default_factory=dict)
    namespaces: tuple[str, ...] = ()
    unserved: frozenset[Kind] = frozenset()
    forgets: Callable[[], None] = lambda: None
    pace: Pace = field(default_factory=Pace)

    def __post_init__(self) -> None:
        self._by_kind = {store.kind: store for store in self.stores}
        self._busy: set[asyncio.Task[None]] = set()
        self._leading = False
        self._stopping = False
        self.synced = False
        """Whether the caches hold everything that existed at the start; for /readyz."""

    def observe(self, kind: Kind, event: str | None, obj: Object) -> None:
        """Takes in what a watch has brought, and queues the models that it matters to."""
        self.metrics.watch_events.labels(kind.kind).inc()
        for key in self._by_kind[kind].observe(event, obj):
            self.look_at(key)

    def look_at(self, key: Key) -> None:
        """Has a model looked at soon. A standby need not remember: whoever begins to lead looks at all of them."""
        # Not `lease.held()`: while the leader looks whether the lease is still its own, it must not miss anything.
        if self._leading:
            self.queue.add(key)

    async def run(self) -> None:
        """Runs until it is cancelled; then finishes what is under way, gives the lease back, and ends."""
        for store in self.stores:
            await self._caught_up(store)
        self.synced = True
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._resync_for_ever(), name="resync")
            tasks.create_task(self.lease.run(self._work), name="lease")

    async def _caught_up(self, store: Store) -> None:
        """Waits until the store has been told of everything that exists now."""
        while (listing := await self._listing(store)) is None:  # noqa: ASYNC110 - there is nobody to set an event
            await asyncio.sleep(self.pace.relist.total_seconds())
        missing, progress = store.missing(listing.uids), time.monotonic()
        while missing:
            await asyncio.sleep(self.pace.poll.total_seconds())
            left = store.missing(missing)
            if left != missing:
                missing, progress = left, time.monotonic()
            elif time.monotonic() - progress > self.pace.relist.total_seconds():
                # Deleted after our LIST and before the watch began: of such an object no watch will ever tell.
                again = await self._listing(store)
                missing, progress = missing & again.uids.keys() if again else missing, time.monotonic()

    async def _resync_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self.pace.resync.total_seconds())
            for store in self.stores:
                if listing := await self._listing(store):
                    for key in store.prune(listing.uids, listing.version):
                        self.look_at(key)

    async def _listing(self, store: Store) -> Listing | None:
        """What exists of a store's kind, where the watches look; None if the server cannot tell at the moment."""
        if store.kind in self.unserved:
            return Listing(uids={}, versions={}, version=0)
        selector = self.selectors.get(store.kind)
        watched = self.namespaces if store.kind.namespaced and self.namespaces else (None,)
        try:
            parts = [
                await self.client.list_metadata(store.kind, namespace=namespace, label_selector=selector)
                for namespace in watched
            ]
        except NotFound:  # the kind is not served here: there are none
            return Listing(uids={}, versions={}, version=0)
        except ApiError as error:
            log.warning("listing %s: %s", store.kind.plural, error)
            return None
        uids = {key: uid for part in parts for key, uid in part.uids.items()}
        versions = {key: version for part in parts for key, version in part.versions.items()}
        return Listing(uids=uids, versions=versions, version=min(part.version for part in parts))

    async def _work(self) -> None:
        """Runs the workers, while this process leads."""
        self.queue.begin()  # what is left of an earlier time as leader would seem to have waited ever since
        self.metrics.looks.forget()
        self._leading, self._stopping = True, False
        self.forgets()
        try:
            await self._catch_up_with_models()
            # Whatever the leader before us may have left half-done: every model is looked at once.
            for key in self.stores[0]:
                self.queue.add_second(key)
            await self._run_workers()
        finally:
            self._leading = False
            self.forgets()

    async def _run_workers(self) -> None:
        workers = [asyncio.create_task(self._worker(), name=f"worker {n}") for n in range(self.pace.workers)]
        try:
            done, _ = await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
            for worker in done:
                worker.result()
        finally:
            self._stopping = True
            try:
                await self._finish(workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.wait(workers)

    async def _finish(self, workers: Collection[asyncio.Task[None]]) -> None:
        """Lets the reconciliations under way come to their end, as long as they may still write."""
        for worker in workers:
            if worker not in self._busy:
                worker.cancel()
        if self._busy and self.lease.held():
            await asyncio.wait(self._busy, timeout=self.pace.grace.total_seconds())

    async def _catch_up_with_models(self) -> None:
        """Reads the models that our watch has not told of as they are now, and lets go of those that are gone.

        A standby's watch may lag behind what the leader before us has seen and written. To act on an outdated spec
        would be to take back what users have asked for since.
        """
        models = self.stores[0]
        listing = await self._listing(models)
        if listing is None:
            return
        for key in models.drop_unlisted(listing.uids, listing.version):
            self.look_at(key)
        for key in models.outdated(listing.versions):
            try:
                models.observe("MODIFIED", await self.client.get(models.kind, *key))
            except ApiError as error:
                log.warning("reading %s again: %s", "/".join(key), error)

    async def _worker(self) -> None:
        me = asyncio.current_task()
        assert me is not None
        while not self._stopping:
            key = await self.queue.get()
            self._busy.add(me)
            try:
                await self._look(key)
            finally:
                self._busy.discard(me)
                self.queue.done(key)
            # A look at a model that is as it should be waits for nothing, and neither does the queue while it is full:
            # without a pause, thousands of looks in a row would hold up the renewal of the lease until it is lost.
            await asyncio.sleep(0)

    async def _look(self, key: Key) -> None:
        with about(namespace=key[0], name=key[1]):
            await self._look_at_one(key)

    async def _look_at_one(self, key: Key) -> None:
        started, result = time.monotonic(), OK
        try:
            async with asyncio.timeout(self.pace.limit.total_seconds()):
                again = await self.reconcile(key)
        except asyncio.CancelledError:
            result = CANCELLED
            self.queue.add(key)
            raise
        except Exception as error:  # noqa: BLE001 - what is wrong with one model must not stop the others
            result = type(error).__name__
            self._put_off(key, error)
        else:
            self.queue.forget(key)
            if again is not None:
                self.queue.add_after(key, again)
        finally:
            self.metrics.looks.over(key, result, time.monotonic() - started)

    def _put_off(self, key: Key, error: Exception) -> None:
        delay = self.queue.retry(key, error.retry_after if isinstance(error, Throttled) else timedelta(0))
        if isinstance(error, Rejected) and error.look_again is not None:
            self.queue.add_after(key, error.look_again)
        # Conflicts are part of the game, and an ApiError says itself what is wrong; anything else is a bug of ours.
        expected = isinstance(error, Conflict | NotLeading)
        log.log(
            logging.INFO if expected else logging.WARNING if isinstance(error, ApiError) else logging.ERROR,
            "%s: %s; again in %.1f s",
            type(error).__name__,
            error,
            delay.total_seconds(),
            exc_info=None if isinstance(error, ApiError) else error,
        )

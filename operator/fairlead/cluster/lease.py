"""Which of several processes is the leader: whoever holds a Lease of coordination.k8s.io.

The protocol is client-go's (k8s.io/client-go/tools/leaderelection). Times that other machines wrote are never compared
with ours: a candidate measures with its own clock how long it has seen the Lease unchanged.

Why two leaders never write at once. The leader may write until `renew_deadline` after it *sent* its last successful
renewal. A candidate takes over `duration` after it *saw* that renewal, which is later. The time between the two,
`duration - renew_deadline`, is for writes that were under way. The gate is a comparison with the clock, made before
each write, so it also stops a process that was asleep. What it cannot stop is a sleep between the comparison and the
sending; that would take a server that checks fencing tokens.

A Lease that somebody deletes ends nobody's promise. Whoever has seen it waits for `duration` after it was seen to be
gone, since every renewal came before that. The leader makes it anew at its next renewal. A process that starts within
these 2 s (`retry`) has never seen it and makes one of its own; then two may write until that renewal, which finds the
other one's Lease and stops. To rule that out, the very first process of an installation would have to wait.
"""

import asyncio
import contextlib
import logging
import math
import random
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fairlead.api.kinds import LEASE
from fairlead.cluster.connection import Connection
from fairlead.cluster.errors import ApiError, Conflict, NotFound

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How long a lease lasts. With the defaults another process takes over within 15 s of the leader's death."""

    duration: timedelta = timedelta(seconds=10)
    renew_deadline: timedelta = timedelta(seconds=7)
    retry: timedelta = timedelta(seconds=2)

    def __post_init__(self) -> None:
        if not timedelta(0) < 2 * self.retry < self.renew_deadline < self.duration:
            raise ValueError("a lease needs two tries before its renew deadline, and the deadline before its end")

    @property
    def call_timeout(self) -> timedelta:
        """So short that a hanging call leaves time for another one before the deadline."""
        return (self.renew_deadline - self.retry) / 2


@dataclass(frozen=True, kw_only=True)
class _Sight:
    """The Lease as last seen, and since when by our clock it has looked so.

    `version` None: it does not exist; `spec` is then what it said when it did.
    """

    version: str | None
    spec: Mapping[str, Any]
    since: float

    @property
    def holder(self) -> str:
        return str(self.spec.get("holderIdentity") or "")

    @property
    def ends_at(self) -> float:
        """By our clock. The duration is the one that the holder has promised, whatever ours is."""
        return self.since + float(self.spec.get("leaseDurationSeconds") or 0)


@dataclass(kw_only=True)
class Lease:
    """One candidate. `identity` must be unique for each start of a process: host name and a random part, say."""

    connection: Connection
    namespace: str
    name: str
    identity: str
    terms: Terms = field(default_factory=Terms)
    clock: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        self._sight: _Sight | None = None
        self._ours = False  # the Lease is as our own last write left it, as far as we know
        self._write_until = float("-inf")

    def held(self) -> bool:
        """Whether this process may write at this moment. Cheap: to be asked before each write."""
        return self.clock() < self._write_until

    async def run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Runs `work` whenever, and as long as, this process is the leader; until `work` ends by itself.

        `work` is cancelled when the lease cannot be renewed in time, and begun again with the next lease. When `run`
        itself is cancelled, `work` is too, the lease is kept until it has finished, and then given back.
        """
        finished = False
        while not finished:
            await self._acquire()
            log.info("leading, as %s", self.identity)
            try:
                finished = await self._lead(work)
            finally:
                await self._release()
                log.info("leading no more")

    async def _acquire(self) -> None:
        while not await self._try():
            # Not past the end of the lease that we wait for, or takeover would take up to one retry longer.
            left = self._sight.ends_at - self.clock() if self._sight else 0.0
            retry = self.terms.retry.total_seconds() * (1 + self.jitter() / 5)
            await asyncio.sleep(min(retry, left) if left > 0 else retry)

    async def _lead(self, work: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """True when the work has ended by itself, False when the lease was lost."""
        renewing = asyncio.create_task(self._renew(), name="lease renewal")
        working = asyncio.create_task(work(), name="leader's work")
        try:
            await asyncio.wait((renewing, working), return_when=asyncio.FIRST_COMPLETED)
            finished = working.done()
        finally:
            working.cancel()
            try:
                # Renewal goes on meanwhile: when it is we who stop, what is under way may be finished in peace.
                await asyncio.wait((working,))
            finally:
                renewing.cancel()
                await asyncio.wait((renewing,))
        for task in (working, renewing):
            if not task.cancelled():
                task.result()
        return finished

    async def _renew(self) -> None:
        """Returns when the lease is lost."""
        while (left := self._write_until - self.clock()) > 0:
            await asyncio.sleep(min(self.terms.retry.total_seconds(), left))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._write_until - self.clock()):
                    await self._try()

    async def _try(self) -> bool:
        """Acquires or renews. False when another holds it, when somebody was faster, or when the server fails us."""
        try:
            if self._ours:
                with contextlib.suppress(NotFound, Conflict):
                    return await self._claim()
                # Deleted, edited, or another's: until we have seen what it is, nothing may be written.
                self._write_until = float("-inf")
            await self._look()
            return await self._claim()
        except ApiError as error:
            log.log(logging.DEBUG if isinstance(error, Conflict) else logging.WARNING, "lease: %s", error)
            return False

    async def _claim(self) -> bool:
        """Makes it ours as it was last seen, if nobody else holds it. Raises ApiError."""
        started = self.clock()
        if self._sight and self._sight.holder not in ("", self.identity) and started < self._sight.ends_at:
            self._write_until = float("-inf")
            return False
        await self._put(self.identity, self.terms.duration)
        self._write_until = started + self.terms.renew_deadline.total_seconds()
        return True

    async def _release(self) -> None:
        self._write_until = float("-inf")  # first of all
        with contextlib.suppress(ApiError):
            if not self._ours:  # a renewal was cut off, and may have been carried out
                await self._look()
            if self._sight and self._sight.version and self._sight.holder == self.identity:
                await self._put("", timedelta(seconds=1))

    async def _look(self) -> None:
        try:
            found = await self._request("GET", LEASE.path(self.namespace, self.name))
        except NotFound:
            if self._sight is None or self._sight.version is not None:
                self._sight = _Sight(version=None, spec=self._sight.spec if self._sight else {}, since=self.clock())
        else:
            self._see(found)

    async def _put(self, holder: str, duration: timedelta) -> None:
        """Writes the Lease, provided that it still is as we saw it. Raises Conflict if it is not."""
        self._ours = False  # until we know better: a call that fails may have been carried out
        before = self._sight or _Sight(version=None, spec={}, since=self.clock())
        now = datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")  # for people to read
        spec = {
            "holderIdentity": holder,
            "leaseDurationSeconds": math.ceil(duration.total_seconds()),
            "renewTime": now,
        }
        if holder and (holder != before.holder or before.version is None):
            spec |= {"acquireTime": now, "leaseTransitions": int(before.spec.get("leaseTransitions") or 0) + 1}
        if before.version is None:
            manifest = {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": {"name": self.name}}
            written = await self._request("POST", LEASE.path(self.namespace), manifest | {"spec": spec})
        else:
            patch = {"metadata": {"resourceVersion": before.version}, "spec": spec}
            written = await self._request("PATCH", LEASE.path(self.namespace, self.name), patch)
        self._see(written)
        self._ours = holder == self.identity

    async def _request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        content_type = "application/merge-patch+json" if method == "PATCH" else "application/json"
        return await self.connection.request(
            method, path, body=body, content_type=content_type, timeout=self.terms.call_timeout
        )

    def _see(self, lease: Mapping[str, Any]) -> None:
        version = lease["metadata"]["resourceVersion"]
        if self._sight is None or self._sight.version != version:
            self._sight = _Sight(version=version, spec=lease.get("spec") or {}, since=self.clock())

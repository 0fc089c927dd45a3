"""The metrics of all pods of a trial, read at one time and again every few seconds.

Pods are read beside the looks, never inside one: a pod that hangs must hold up neither a look nor another model.
"""

import asyncio
import hashlib
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from fairlead.api import names
from fairlead.api.revision import Revision
from fairlead.cluster.store import Key
from fairlead.evidence.sweep import PodMetrics, Sweep
from fairlead.observe.asking import Asking, NoAnswer, Pod
from fairlead.observe.beside import Beside
from fairlead.observe.exposition import Reader
from fairlead.observe.series import Unreadable
from fairlead.situation import revision_of

TICK = timedelta(seconds=5)
AT_ONCE = 64
"""Requests at one time, over all models: each may hold a few hundred KiB."""
PIECE = 16 << 10
"""Bytes that are read in one go, before others have their turn."""
HEADERS = {"Accept": "text/plain;version=0.0.4,*/*;q=0.1", "Accept-Encoding": "identity"}

Pods = Callable[[], tuple[Mapping[str, Any], ...]]
"""The model's pods at this moment."""


class Swept(Protocol):
    """Is told of every sweep: how many pods could be read and how many could not, and how long it took."""

    def __call__(self, *, read: int, silent: int, seconds: float) -> None: ...


class Sweeps:
    """The sweeps that are on, and the latest of each. `tell` is called with the model's key after every sweep."""

    def __init__(
        self,
        asking: Asking,
        tell: Callable[[Key], None],
        clock: Callable[[], datetime],
        tick: timedelta = TICK,
        swept: Swept | None = None,
    ) -> None:
        self._asking = asking
        self._tell = tell
        self._clock = clock
        self._tick = tick.total_seconds()
        self._swept = swept
        self._within = 0.6 * self._tick
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._running = Beside("sweeps of")
        self._latest: dict[Key, Sweep] = {}

    def latest(self, key: Key, revisions: tuple[Revision, ...], pods: Pods) -> Sweep | None:
        """The last sweep over the running pods of these revisions; begins to sweep when nobody does. None: none yet."""
        about = tuple(revision.name for revision in revisions)
        if not self._running.goes_on(key, about):
            self.end(key)
            self._running.begin(key, about, lambda: self._sweep_on(key, revisions, pods))
        return self._latest.get(key)

    def end(self, key: Key) -> None:
        """Nobody wants to know about this model any more."""
        self._latest.pop(key, None)
        self._running.end(key)

    async def close(self) -> None:
        """Ends all sweeps."""
        await self._running.close()

    async def _sweep_on(self, key: Key, revisions: tuple[Revision, ...], pods: Pods) -> None:
        servers = {revision.name: _server(revision) for revision in revisions}
        time = asyncio.get_running_loop().time
        while True:
            began = time()
            self._latest[key] = sweep = await self._sweep(servers, pods)
            if self._swept is not None:
                read = sum(len(found) for found in sweep.pods.values())
                self._swept(read=read, silent=len(sweep.silent), seconds=time() - began)
            self._tell(key)
            await asyncio.sleep(max(0.0, began + self._tick - time()))

    async def _sweep(self, servers: Mapping[str, "_Server"], pods: Pods) -> Sweep:
        """All pods at one time. It counts as read when it began: what starts later is new to the next one."""
        at = self._clock()
        asked = {name: each for name, each in _processes(pods()).items() if each.revision in servers}
        async with asyncio.TaskGroup() as together:
            reading = {
                name: together.create_task(self._read(servers[process.revision], process))
                for name, process in asked.items()
            }
        there = pods()
        now = _processes(there)
        said: dict[str, dict[str, PodMetrics]] = {revision: {} for revision in servers}
        silent: dict[str, str] = {}
        for name, task in reading.items():
            metrics = task.result()
            if name in now and now[name].id != asked[name].id:
                # Whose counters these are is not known: they would be counted again as those of the new process.
                metrics = "its server was restarted while it was read"
            if not isinstance(metrics, str):
                said[asked[name].revision][name] = metrics
            elif asked[name].has_served:
                silent[name] = metrics
        silent_of = {name: asked[name].revision for name in silent}
        return Sweep(at=at, pods=said, silent=silent, silent_of=silent_of, running=_running(there, servers))

    async def _read(self, server: "_Server", process: "_Process") -> PodMetrics | str:
        """What one pod says, or why nothing. Never raises for what a pod does."""
        if server.reader is None:
            return "its runtime has no metrics profile"
        asked = f"GET {server.path} on port {server.port}"
        try:
            async with (
                self._at_once,
                self._asking.get(
                    process.pod, server.port, server.path, within=self._within, headers=HEADERS
                ) as response,
            ):
                if response.status != 200:
                    return f"{asked} answered {response.status}"
                if (packed := response.headers.get("Content-Encoding", "identity")) != "identity":
                    return f"{asked} answered in {packed[:20]}, which was not asked for"
                page = server.reader.page(response.content_type)
                async for piece in response.content.iter_chunked(PIECE):
                    page.feed(piece)
                    await asyncio.sleep(0)
                said = page.said()
        except NoAnswer as failure:
            return f"{asked}{failure}"
        except Unreadable as problem:
            return f"{asked}: {problem}"
        return PodMetrics(process=process.id, since=process.since, errors=said.errors, histograms=said.histograms)


class _Server(NamedTuple):
    """Where the metrics of a revision's pods are, and who reads them; nobody without a profile."""

    port: int
    path: str
    reader: Reader | None


class _Process(NamedTuple):
    """The server in a pod: the name of its process, and when it started.

    It `has_served` when its pod is ready, or was since it started. Before that it may not listen yet, and there is
    nothing to be known of it.
    """

    pod: Pod
    revision: str
    id: str
    since: datetime
    has_served: bool


def _server(revision: Revision) -> _Server:
    ports, profile = revision.snapshot.ports, revision.snapshot.metrics
    port = ports.http if ports.metrics is None else ports.metrics
    return _Server(port, profile.path if profile else "", Reader(profile) if profile else None)


def _processes(pods: tuple[Pod, ...]) -> dict[str, _Process]:
    """By pod, the servers that run and are not about to end. Whoever is not yet known to run counts for nobody.

    Ready or not: a server that has just failed is not ready, and what it counted is what it must be judged by.
    """
    found = {pod["metadata"]["name"]: _process(pod) for pod in pods}
    return {name: process for name, process in found.items() if process is not None}


def _process(pod: Pod) -> _Process | None:
    server = _server_of(pod)
    container, running = server.get("containerID"), ((server.get("state") or {}).get("running") or {}).get("startedAt")
    revision, address = revision_of(pod), (pod.get("status") or {}).get("podIP")
    if not (container and running and revision and address) or pod["metadata"].get("deletionTimestamp"):
        return None
    since = datetime.fromisoformat(running)
    return _Process(pod, revision, process_name(str(container)), since, _has_served(pod, since))


def _has_served(pod: Pod, since: datetime) -> bool:
    """Whether a pod is ready, or was after its server started: then it has become unready later than that."""
    conditions = pod["status"].get("conditions") or ()
    ready: Mapping[str, Any] = next((each for each in conditions if each.get("type") == "Ready"), {})
    changed = ready.get("lastTransitionTime")
    return ready.get("status") == "True" or (changed is not None and datetime.fromisoformat(changed) > since)


def _running(pods: tuple[Pod, ...], revisions: Collection[str]) -> frozenset[str]:
    """The processes of all pods of these revisions, whatever state they are in."""
    containers = (_server_of(pod).get("containerID") for pod in pods if revision_of(pod) in revisions)
    return frozenset(process_name(str(container)) for container in containers if container)


def _server_of(pod: Pod) -> Mapping[str, Any]:
    """The status of a pod's server container; empty before it has one."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return next((each for each in statuses if each.get("name") == names.CONTAINER), {})


def process_name(container: str) -> str:
    """A short name for a container's id, which has 64 digits: hundreds of them are kept in the status of a model."""
    return hashlib.sha256(container.encode()).hexdigest()[:12]

"""Puts the parts of the operator together, and runs them inside Kopf."""

import asyncio
import logging
import secrets
from datetime import UTC, datetime

import kopf

from fairlead.api.kinds import AUTOSCALERS, MODEL_DEPLOYMENT, OPTIONAL, Kind
from fairlead.apply.execute import Writer
from fairlead.cluster.access import Access
from fairlead.cluster.alone import Alone
from fairlead.cluster.client import Client
from fairlead.cluster.connection import Connection
from fairlead.cluster.controller import Controller, Pace
from fairlead.cluster.endpoints import Endpoints
from fairlead.cluster.lease import Lease
from fairlead.cluster.metrics import Metrics
from fairlead.cluster.namespaces import Namespaces
from fairlead.cluster.optional import OptionalKinds
from fairlead.cluster.queue import WorkQueue
from fairlead.cluster.store import Key
from fairlead.cluster.use import Use
from fairlead.handlers.watches import SELECTORS, WATCHED, Hooks, registry
from fairlead.observe.asking import Asking
from fairlead.observe.budget import Budgets
from fairlead.observe.caches import caches
from fairlead.observe.exposed import Exposures
from fairlead.observe.hanging import HangingPods
from fairlead.observe.look import Observer
from fairlead.observe.lookups import Lookups
from fairlead.observe.probe import Probes
from fairlead.observe.progress import Fetches
from fairlead.observe.prometheus import Prometheus
from fairlead.observe.questions import Questions
from fairlead.observe.rivals import Place, Rivals
from fairlead.observe.sweeps import Sweeps
from fairlead.settings import Settings
from fairlead.work import Worker

log = logging.getLogger(__name__)

SERVED_AGAIN = 2.0  # seconds


class Operator:
    """One process of the operator, from its first watch to its last write."""

    def __init__(self, settings: Settings, access: Access) -> None:
        self._settings = settings
        self._site = settings.site(minor=0)  # until the API server has told
        self._stores = caches()
        self._metrics = Metrics()
        self._connection = Connection(access)
        identity = f"{settings.pod_name}-{secrets.token_hex(4)}"
        self._lease = self._leadership(identity)
        self._client = client = Client(self._connection, may_write=self._lease.held, metrics=self._metrics)
        queue: WorkQueue[Key] = WorkQueue(waited=self._metrics.looks.waited)
        self._asking = Asking(self._connection, settings.pod_access)
        self._prometheus = Prometheus(settings.prometheus) if settings.prometheus else None
        self._questions = self._ask_beside()
        observer = self._observer()
        self._controller = Controller(
            stores=tuple(self._stores.values()),
            reconcile=Worker(observer, Writer(client, self._stores, identity), self._metrics.rollouts),
            client=client,
            lease=self._lease,
            queue=queue,
            metrics=self._metrics,
            selectors=SELECTORS,
            namespaces=settings.namespaces,
            forgets=observer.forget,
            pace=Pace(workers=settings.workers),
        )
        named = {kind.kind: store for kind, store in self._stores.items()}
        self._metrics.follow(queue=queue, stores=named, leading=self._lease.held)
        self._metrics.rollouts.follow(models=self._stores[MODEL_DEPLOYMENT], leading=self._lease.held, clock=_now)
        self._endpoints = Endpoints(settings.http_port, self._metrics, ready=lambda: self._controller.synced)
        self._namespaces = Namespaces(client, settings.namespaces)
        self._optional = OptionalKinds(client, OPTIONAL)
        self._found: dict[Kind, Use] = {}
        self._watched = list(settings.namespaces)  # Kopf reads it once it has started, when those missing are out
        self._stop = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._waiting: list[asyncio.Task[None]] = []

    def _ask_beside(self) -> Questions:
        """All that is asked beside the looks. Whatever has news has the model looked at."""
        client, asking, news = self._client, self._asking, self._look_at
        return Questions(
            probes=Probes(asking, news),
            sweeps=Sweeps(
                asking,
                news,
                _now,
                swept=self._metrics.rollouts.swept,
                prometheus=self._prometheus,
                gateway=self._settings.gateway_metrics,
            ),
            hanging=HangingPods(client.events_of, news, _now),
            exposures=Exposures(asking, news, _now),
            budgets=Budgets(self._prometheus, news),
            rivals=Rivals(client.every, self._other_autoscalers, news),
            lookups=Lookups(client.pods_of_job, client.events_of, news),
            fetches=Fetches(asking, news),
        )

    def _observer(self) -> Observer:
        return Observer(self._stores, self._questions, lambda: self._site, _now, self._served, self._forbidden)

    def _leadership(self, identity: str) -> Lease | Alone:
        if not self._settings.leader_election:
            return Alone()
        namespace, name = self._settings.operator_namespace, self._settings.lease_name
        return Lease(connection=self._connection, namespace=namespace, name=name, identity=identity)

    async def run(self) -> None:
        """Runs until the process is asked to end. Raises what ended the controller, if anything did."""
        hooks = Hooks(start=self._started, stop=self._stopped, login=self._login, observe=self._controller.observe)
        await kopf.operator(
            registry=registry(hooks),
            clusterwide=not self._settings.namespaces,
            namespaces=self._watched,
            stop_flag=self._stop,
            # Else Kopf asks the system who we are, which a container need not know. Kopf does not export the type.
            identity=self._settings.pod_name,  # type: ignore[arg-type]
            memo=object(),  # one for all: Kopf would keep a dictionary for each object
        )
        if self._running is not None and self._running.done() and not self._running.cancelled():
            self._running.result()

    async def _started(self) -> frozenset[Kind]:
        await self._endpoints.start()
        log.info("serving /healthz, /readyz and /metrics on port %d", self._endpoints.port)
        await self._narrow()
        await self._all_served()
        self._site = self._settings.site(await self._client.minor_version())
        await self._find_optional()
        await self._questions.rivals.begin()
        self._running = asyncio.create_task(self._controller.run(), name="controller")
        # Without its controller the process only looks alive: it ends, and the kubelet starts another.
        self._running.add_done_callback(lambda _: self._stop.set())
        return self._served()

    def _served(self) -> frozenset[Kind]:
        """The optional kinds that can be used."""
        return frozenset(kind for kind, use in self._found.items() if use == Use.USABLE)

    def _forbidden(self) -> frozenset[Kind]:
        """Those that are there and may not be read."""
        return frozenset(kind for kind, use in self._found.items() if use == Use.FORBIDDEN)

    async def _find_optional(self) -> None:
        """Leaves out the add-ons that are missing, and has the process started anew when that changes."""
        self._found = await self._optional.found(self._watched)
        for kind, use in self._found.items():
            log.info("optional kind %s (%s) %s", kind.kind, kind.api_version, use)
        self._controller.unserved = frozenset(OPTIONAL) - self._served()
        self._waiting.append(asyncio.create_task(self._end_for_add_ons(), name="optional kinds"))

    async def _end_for_add_ons(self) -> None:
        kind = await self._optional.wait_for_change(self._found, self._watched)
        change = f"was found to be so: it {self._found[kind]}, and that has changed"
        log.warning("%s (%s) %s: ending, to be started again", kind.kind, kind.api_version, change)
        self._stop.set()

    async def _narrow(self) -> None:
        """Leaves out the namespaces that are missing, and has the process started anew when that changes."""
        if not self._settings.namespaces:
            return
        self._watched[:] = await self._namespaces.present()
        self._controller.namespaces = tuple(self._watched)
        self._waiting.append(asyncio.create_task(self._end_for_others(), name="namespaces"))

    async def _end_for_others(self) -> None:
        name = await self._namespaces.wait_for_change(self._watched)
        change = "cannot be watched any more" if name in self._watched else "can be watched now"
        log.warning("namespace %s %s: ending, to be started again with the right ones", name, change)
        self._stop.set()

    async def _all_served(self) -> None:
        """Waits for the CRDs, and for an API server that is still starting: Kopf looks for its kinds only once."""
        for kind in WATCHED:
            told = False
            while not await self._client.is_served(kind, self._watched):
                if not told:
                    log.warning("waiting until the API server serves %s (%s)", kind.plural, kind.api_version)
                told = True
                await asyncio.sleep(SERVED_AGAIN)

    async def _stopped(self) -> None:
        for task in self._waiting:
            task.cancel()
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait((self._running,))
        await self._endpoints.stop()
        await self._questions.close()
        await self._asking.close()
        if self._prometheus is not None:
            await self._prometheus.close()
        await self._connection.close()

    def _other_autoscalers(self) -> list[Place]:
        kinds = [kind for kind in AUTOSCALERS if kind not in OPTIONAL or kind in self._served()]
        return [(kind, namespace) for kind in kinds for namespace in (self._watched or (None,))]

    def _look_at(self, key: Key) -> None:
        self._controller.look_at(key)

    def _login(self) -> kopf.AiohttpSession:
        return kopf.AiohttpSession(server=self._connection.server, aiohttp_session=self._connection.session)


def _now() -> datetime:
    return datetime.now(UTC)

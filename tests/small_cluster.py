"""A namespace with one model and an operator, in memory: the real looks, decisions, caches, queue and writes of
Fairlead, against an API server, controllers, a kubelet and people that are played, one move at a time.

Nothing happens by itself: time, watches, pods and the operator move when they are told to.
"""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from fairlead.api import names
from fairlead.api.kinds import (
    AUTOSCALERS,
    CHILDREN,
    DEPLOYMENT,
    MODEL_DEPLOYMENT,
    MODEL_RUNTIME,
    POD,
    SCALED_OBJECT,
    SERVICE,
    Kind,
)
from fairlead.api.metrics import Counters
from fairlead.api.revision import Revision
from fairlead.apply.execute import Writer
from fairlead.cluster.client import Client
from fairlead.cluster.errors import ApiError, error_from
from fairlead.cluster.metrics import Metrics
from fairlead.cluster.queue import WorkQueue
from fairlead.cluster.store import Key
from fairlead.observe.budget import Budgets
from fairlead.observe.caches import caches
from fairlead.observe.exposed import Exposures
from fairlead.observe.hanging import HangingPods
from fairlead.observe.look import Observer
from fairlead.observe.lookups import Lookups
from fairlead.observe.probe import Pods, Probes
from fairlead.observe.progress import Fetches
from fairlead.observe.questions import Questions
from fairlead.observe.rivals import Rivals
from fairlead.observe.sweeps import Sweeps
from fairlead.site import Site
from fairlead.situation import Exposed, Hanging, ProbeAnswer, Progress, Rival, Situation
from fairlead.work import Worker
from memory_api import MemoryApi, Object, Write
from world import RUNTIME, START, a_model

T = TypeVar("T")
NAME = "fraud"
KEY = ("risk", NAME)
WATCHED = (MODEL_DEPLOYMENT, MODEL_RUNTIME, POD, *CHILDREN)


class Killed(BaseException):
    """The operator's process ends here."""


class Requests(Probes):
    """The requests to a candidate's pods: sent, and answered, when the test says so."""

    def __init__(self) -> None:
        self.asked: tuple[Revision, Pods] | None = None
        self.given: ProbeAnswer | None = None

    def answer(self, key: Key, revision: Revision, pods: Pods) -> ProbeAnswer | None:
        """What was answered last; asks from now on."""
        if self.asked is None or self.asked[0].name != revision.name:
            self.end(key)
            self.asked = (revision, pods)
        return self.given

    def end(self, key: Key) -> None:
        """Nobody wants to know any more."""
        self.asked = self.given = None


class NothingHangs(HangingPods):
    """No pod is long in ContainerCreating here."""

    def __init__(self) -> None:
        """It follows nothing."""

    def told(self, key: Key, now: tuple[Mapping[str, Any], ...], pods: Pods) -> tuple[Hanging, ...]:
        """Of no pod."""
        return ()

    def end(self, key: Key) -> None:
        """Nothing was begun."""


class NoSweeps(Sweeps):
    """Nothing here is a canary, so no metrics are read."""

    def __init__(self) -> None:
        """It reads nothing."""

    def end(self, key: Key) -> None:
        """Nothing was begun."""


class NoPages(Exposures):
    """No page of metrics is read."""

    def __init__(self) -> None:
        """It reads nothing."""

    def seen(
        self,
        key: Key,
        revision: Revision,
        known: Exposed | None,
        wanted: frozenset[str],
        counters: Mapping[str, Counters],
        pods: Pods,
    ) -> Exposed | None:
        """What was known before."""
        return known

    def end(self, key: Key) -> None:
        """Nothing was begun."""


class NoRivals(Rivals):
    """Nobody else scales anything."""

    def __init__(self) -> None:
        """It reads nothing."""

    def of(self, key: Key, deployments: frozenset[str]) -> tuple[Rival, ...]:
        """Nothing."""
        return ()

    def end(self, key: Key) -> None:
        """Nothing was begun."""


class NoLookups(Lookups):
    """No reference floats."""

    def __init__(self) -> None:
        """It reads nothing."""

    def pods(self, key: Key, children: Mapping[tuple[Kind, str], Object]) -> tuple[Object, ...]:
        """Nothing."""
        return ()

    def end(self, key: Key) -> None:
        """Nothing was begun."""


class NoFetches(Fetches):
    """No pod fetches anything."""

    def __init__(self) -> None:
        """It asks nobody."""

    def progress(self, key: Key, pods: Pods) -> tuple[Progress, ...]:
        """Nothing."""
        return ()

    def end(self, key: Key) -> None:
        """Nothing was begun."""


class Process:
    """One life of the operator: what it remembers is gone with it."""

    def __init__(self, cluster: "SmallCluster") -> None:
        self.stores = caches()
        self.requests = Requests()
        self.queue: WorkQueue[Key] = WorkQueue(clock=cluster.seconds, jitter=lambda: 0.5)
        client = Client(cluster.api, may_write=lambda: True, metrics=Metrics())
        questions = Questions(
            probes=self.requests,
            sweeps=NoSweeps(),
            hanging=NothingHangs(),
            exposures=NoPages(),
            budgets=Budgets(None, self.queue.add),
            rivals=NoRivals(),
            lookups=NoLookups(),
            fetches=NoFetches(),
        )
        site = Site(keda_prometheus="http://prometheus")
        self.observer = Observer(self.stores, questions, lambda: site, lambda: cluster.now)
        self.work = Worker(self.observer, Writer(client, self.stores, "fairlead-0"), Metrics().rollouts)


@dataclass
class Refusing:
    """Writes to a kind, as far as they carry out this verb, are answered with an error; so many of them."""

    kind: Kind
    verb: str
    status: int
    times: int


def bounds_of(autoscaler: Object) -> tuple[int, int]:
    """The fewest and the most pods that an autoscaler of either kind allows."""
    spec = autoscaler["spec"]
    least, most = ("minReplicas", "maxReplicas") if "maxReplicas" in spec else ("minReplicaCount", "maxReplicaCount")
    return spec[least], spec[most]


class SmallCluster:
    """The cluster, and the operator that was started in it."""

    def __init__(self, model: Object | None = None) -> None:
        self.api = MemoryApi()
        self.now: datetime = START
        self.lagging: set[Kind] = set()
        """Kinds whose watches tell nothing at the moment."""
        self.broken: set[str] = set()
        """Revisions whose pods never become ready."""
        self.silent: set[str] = set()
        """Revisions that do not answer a request."""
        self.refusing: list[Refusing] = []
        self.kill: tuple[str, int] | None = None
        """The operator is killed "before" or "after" so many writes from now."""
        self.writes: list[Write] = []
        """What the last look has written."""
        self.inspect: Callable[[Write], None] = lambda write: None
        """Is shown every write when it has been carried out."""
        self.last_error: ApiError | None = None
        self.api.asked, self.api.done = self._asked, self._done
        self.api.put(MODEL_RUNTIME, dict(RUNTIME))
        self.api.put(MODEL_DEPLOYMENT, model or a_model())
        self.process = Process(self)
        self.start()

    # The operator.

    def start(self) -> None:
        """The operator begins a new life: it reads everything, and looks at the model once."""
        self.process = Process(self)
        self.lagging.clear()
        for kind in WATCHED:
            self.api.told[kind].clear()
            for _, live in self.api.list(kind):
                self.process.stores[kind].observe(None, live)
        self.process.queue.add(KEY)

    def look(self) -> bool:
        """One pass over the model, if there is a reason for one; tells whether there was."""
        if self.process.queue.get_nowait() is None:
            return False
        self.last_error = None
        self.writes.clear()
        process = self.process
        try:
            again = finished(process.work(KEY))
        except Killed:
            self.start()
            return True
        except ApiError as error:
            self.last_error = error
            process.queue.retry(KEY)
        else:
            process.queue.forget(KEY)
            if again is not None:
                process.queue.add_after(KEY, again)
        process.queue.done(KEY)
        return True

    def looked_at_anyway(self) -> None:
        """Something else, a stranger's annotation say, has the operator look now."""
        self.process.queue.add(KEY)
        self.look()

    def situation(self) -> Situation:
        """What the operator sees at this moment."""
        found = self.process.observer.look(KEY)
        assert found is not None
        return found

    def seconds(self) -> float:
        """The clock of the queue."""
        return (self.now - START).total_seconds()

    def watches_tell(self) -> None:
        """What has happened is told to the operator, but for the kinds that lag behind."""
        for kind in WATCHED:
            if kind in self.lagging:
                continue
            store = self.process.stores[kind]
            for event, obj in self.api.told[kind]:
                for key in store.observe(event, obj):
                    self.process.queue.add(key)
            self.api.told[kind].clear()

    def requests_are_answered(self) -> None:
        """Fairlead's own request comes to a ready pod, and its answer back."""
        requests = self.process.requests
        if requests.asked is None or (requests.given and requests.given.answered):
            return
        revision, pods = requests.asked
        if any(_is_ready(pod) for pod in pods()):
            answered = revision.name not in self.silent
            given = ProbeAnswer(revision=revision.name, answered=answered, detail="200" if answered else "503")
            if given != requests.given:
                requests.given = given
                self.process.queue.add(KEY)

    # Controllers and the kubelet.

    def controllers_act(self) -> None:
        """Autoscalers keep within their bounds; Deployments get the pods that they ask for; orphans have to go."""
        self._keda_acts()
        for kind in AUTOSCALERS:
            for name, _ in self.api.list(kind):
                self.autoscale(name, self.asked(name))
        for name, pod in list(self.api.list(POD)):
            number = int(name.rpartition("-")[2])
            deployment = self.api.get(DEPLOYMENT, _revision(pod))
            if deployment is None or _goes(deployment) or number >= deployment["spec"]["replicas"]:
                self.api.doom(POD, name)
        for name, live in list(self.api.list(DEPLOYMENT)):
            if _goes(live) and not self.pods(name):
                self.api.remove(DEPLOYMENT, name)
            for number in range(0 if _goes(live) else live["spec"]["replicas"]):
                if self.api.get(POD, f"{name}-{number}") is None:
                    self.api.put(POD, _new_pod(live, number))
        self._count_pods()

    def kubelet_acts(self) -> None:
        """Pods that have to go are gone, the others become ready, unless they are broken."""
        for name, pod in list(self.api.list(POD)):
            if _goes(pod):
                self.api.remove(POD, name)
            else:
                ready = _revision(pod) not in self.broken
                conditions = [{"type": "Ready", "status": str(ready)}]
                self.api.put(POD, {**pod, "status": {"podIP": "10.0.0.1", "conditions": conditions}})
        self._count_pods()

    def _keda_acts(self) -> None:
        """KEDA holds what it looks after by a finalizer, and lets go of what is deleted."""
        for name, live in list(self.api.list(SCALED_OBJECT)):
            if _goes(live):
                self.api.remove(SCALED_OBJECT, name)
            else:
                self.api.put(SCALED_OBJECT, {**live, "metadata": {**live["metadata"], "finalizers": ["keda"]}})

    def autoscale(self, name: str, replicas: int) -> None:
        """An autoscaler wants so many pods, and gets as many as its bounds allow. Zero it leaves alone."""
        live = self.api.get(DEPLOYMENT, name)
        for scaler in (self.api.get(kind, name) for kind in AUTOSCALERS):
            if scaler and live and live["spec"]["replicas"]:
                least, most = bounds_of(scaler)
                within = min(max(replicas, least), most)
                self.api.put(DEPLOYMENT, {**live, "spec": {**live["spec"], "replicas": within}})

    def scale(self, name: str, replicas: int) -> None:
        """Somebody else's autoscaler sets the number."""
        live = self.api.get(DEPLOYMENT, name)
        if live is not None:
            self.api.put(DEPLOYMENT, {**live, "spec": {**live["spec"], "replicas": replicas}})

    def _count_pods(self) -> None:
        for name, live in list(self.api.list(DEPLOYMENT)):
            pods = [pod for pod in self.pods(name) if not _goes(pod)]
            ready = sum(map(_is_ready, pods))
            status = {
                "observedGeneration": live["metadata"]["generation"],
                "replicas": len(pods),
                "updatedReplicas": len(pods),
                "readyReplicas": ready,
                "availableReplicas": ready,
            }
            self.api.put(DEPLOYMENT, {**live, "status": status})

    # People.

    def change(self, **spec: Any) -> None:
        """The user edits the spec; None takes a field away."""
        live = self.model()
        wanted = {key: value for key, value in {**live["spec"], **spec}.items() if value is not None}
        self.api.put(MODEL_DEPLOYMENT, {**live, "spec": wanted})

    def lose_status(self) -> None:
        """Somebody removes the status."""
        self.api.put(MODEL_DEPLOYMENT, {key: value for key, value in self.model().items() if key != "status"})

    # What is to be seen.

    def model(self) -> Object:
        """The ModelDeployment."""
        found = self.api.get(MODEL_DEPLOYMENT, NAME)
        assert found is not None
        return found

    def serving(self) -> str | None:
        """The revision that the Service selects."""
        service = self.api.get(SERVICE, NAME)
        return str(service["spec"]["selector"][names.REVISION]) if service else None

    def deployments(self) -> set[str]:
        """Revisions with a Deployment."""
        return {name for name, _ in self.api.list(DEPLOYMENT)}

    def asked(self, revision: str) -> int:
        """How many pods a revision's Deployment asks for."""
        live = self.api.get(DEPLOYMENT, revision)
        return int(live["spec"]["replicas"]) if live else 0

    def pods(self, revision: str | None = None) -> list[Object]:
        """Pods of a revision, or all; those that have to go are among them."""
        return [pod for _, pod in self.api.list(POD) if revision in (None, _revision(pod))]

    def ready(self, revision: str | None) -> int:
        """How many pods of a revision are ready, in truth."""
        return sum(map(_is_ready, self.pods(revision))) if revision else 0

    def condition(self, kind: str) -> Object | None:
        """A condition of the status."""
        conditions = (self.model().get("status") or {}).get("conditions", ())
        return next((found for found in conditions if found["type"] == kind), None)

    # Time.

    def settle(self, rounds: int = 120, patience: timedelta = timedelta(minutes=12)) -> None:
        """Lets everything happen that happens by itself, until nothing does for a while. The operator only looks when
        it has a reason of its own.
        """
        self.lagging.clear()
        for _ in range(rounds):
            self.watches_tell()
            self.controllers_act()
            self.kubelet_acts()
            self.watches_tell()
            self.requests_are_answered()
            waited = timedelta(0)
            while not self.look():
                if waited > patience:
                    return
                waited += timedelta(seconds=1)
                self.now += timedelta(seconds=1)
        raise AssertionError(f"it does not come to rest: {self.last_error!r}, {self.model().get('status')}")

    def _asked(self, write: Write) -> None:
        self._maybe_killed("before")
        for refusing in self.refusing:
            if (refusing.kind, refusing.verb) == (write.kind, write.verb) and refusing.times:
                refusing.times -= 1
                raise error_from(refusing.status, {"message": "refused by the test"})

    def _done(self, write: Write) -> None:
        self.writes.append(write)
        self.inspect(write)
        self._maybe_killed("after")

    def _maybe_killed(self, when: str) -> None:
        if self.kill is None or self.kill[0] != when:
            return
        left = self.kill[1] - 1
        self.kill = (when, left) if left else None
        if not left:
            raise Killed


def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("it waits, and nothing here takes time")


def _revision(pod: Object) -> str:
    return str(pod["metadata"]["labels"][names.REVISION])


def _goes(obj: Mapping[str, Any]) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def _is_ready(pod: Mapping[str, Any]) -> bool:
    return not _goes(pod) and {"type": "Ready", "status": "True"} in pod["status"].get("conditions", ())


def _new_pod(deployment: Object, number: int) -> Object:
    name = deployment["metadata"]["name"]
    return {
        "apiVersion": POD.api_version,
        "kind": POD.kind,
        "metadata": {
            "name": f"{name}-{number}",
            "namespace": KEY[0],
            "labels": deployment["spec"]["template"]["metadata"]["labels"],
            "ownerReferences": [{"kind": "ReplicaSet", "name": f"{name}-a", "uid": "uid", "controller": True}],
        },
        "status": {},
    }

"""What the operator measures of itself, for `/metrics`. Names: https://prometheus.io/docs/practices/naming/."""

from collections.abc import Callable, Mapping, Sized

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from fairlead.cluster.look_metrics import LookMetrics, Queue
from fairlead.cluster.rollout_metrics import RolloutMetrics

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series beside each counter, that nobody asks for


class Metrics:
    """The metrics of one operator, in a registry of their own: two operators in a process (a test) do not mix."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.looks = LookMetrics(registry)
        self.writes = Counter(
            "fairlead_writes_total",
            "Write requests by kind, verb and result.",
            ["kind", "verb", "result"],
            registry=registry,
        )
        self.noop_writes = Counter(
            "fairlead_noop_writes_total", "Writes that changed nothing; each is a bug.", registry=registry
        )
        self.cached_objects = Gauge(
            "fairlead_cached_objects", "Objects in the cache by kind.", ["kind"], registry=registry
        )
        self.leader = Gauge("fairlead_leader", "1 while this process may write.", registry=registry)
        self.watch_events = Counter(
            "fairlead_watch_events_total",
            "Events and listed objects that the watches brought.",
            ["kind"],
            registry=registry,
        )
        self.rollouts = RolloutMetrics(registry)

    def follow(self, *, queue: Queue, stores: Mapping[str, Sized], leading: Callable[[], bool]) -> None:
        """Has the gauges read at every scrape."""
        self.looks.follow(queue=queue, leading=leading)
        self.leader.set_function(lambda: float(leading()))
        for kind, store in stores.items():
            self.cached_objects.labels(kind).set_function(store.__len__)

    def text(self) -> bytes:
        """The metrics in the Prometheus text format."""
        return generate_latest(self.registry)

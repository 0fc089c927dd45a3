"""What the operator measures of itself, for `/metrics`. Names: https://prometheus.io/docs/practices/naming/."""

from collections.abc import Callable, Mapping, Sized

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from fairlead.cluster.rollout_metrics import RolloutMetrics

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series beside each counter, that nobody asks for

QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Bucket edges in seconds: a look at an unchanged model takes a millisecond, one with writes up to seconds."""


class Metrics:
    """The metrics of one operator, in a registry of their own: two operators in a process (a test) do not mix."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.reconciles = Counter(
            "fairlead_reconciles_total", "Reconciliations by result.", ["result"], registry=registry
        )
        self.reconcile_seconds = Histogram(
            "fairlead_reconcile_duration_seconds", "Duration of one reconciliation.", buckets=QUICK, registry=registry
        )
        self.queue_depth = Gauge("fairlead_queue_depth", "Models that wait for a worker.", registry=registry)
        self.queue_seconds = Histogram(
            "fairlead_queue_wait_seconds", "Time a model waited for a worker.", buckets=QUICK, registry=registry
        )
        self.retries = Counter("fairlead_retries_total", "Reconciliations put off after a failure.", registry=registry)
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

    def follow(self, *, queue: Sized, stores: Mapping[str, Sized], leading: Callable[[], bool]) -> None:
        """Has the gauges read at every scrape."""
        self.queue_depth.set_function(lambda: len(queue))
        self.leader.set_function(lambda: float(leading()))
        for kind, store in stores.items():
            self.cached_objects.labels(kind).set_function(store.__len__)

    def text(self) -> bytes:
        """The metrics in the Prometheus text format."""
        return generate_latest(self.registry)

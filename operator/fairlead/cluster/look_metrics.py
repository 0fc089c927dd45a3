"""What `/metrics` tells of looks at models: how they end, how long they wait, and for how long one has failed.

No label names a model, as in rollout_metrics.py; the log names those that fail. The gauges are those of the replica
that leads: nobody else looks.
"""

import time
from collections import Counter as Count
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from fairlead.cluster.store import Key

QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Bucket edges in seconds: a look at an unchanged model takes a millisecond, one with writes up to seconds."""

OK, CANCELLED = "ok", "cancelled"
"""Results of looks that have not failed; a failure is called after its exception."""


class Queue(Protocol):
    """What is to be known of the work queue."""

    def __len__(self) -> int:
        """How many keys wait for a worker."""

    def oldest(self) -> float:
        """For how many seconds the first of them has waited."""


@dataclass(frozen=True)
class _Failing:
    """Since when no look at a model has succeeded, and how the last one failed."""

    since: float
    result: str


class LookMetrics(Collector):
    """Looks at models, in the registry of the operator. The clock gives seconds."""

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._queue: Queue | None = None
        self._leading: Callable[[], bool] = lambda: False
        self._failing: dict[Key, _Failing] = {}
        self._looks = Counter("fairlead_reconciles_total", "Reconciliations by result.", ["result"], registry=registry)
        self._seconds = Histogram(
            "fairlead_reconcile_duration_seconds", "Duration of one reconciliation.", buckets=QUICK, registry=registry
        )
        self._retries = Counter("fairlead_retries_total", "Reconciliations put off after a failure.", registry=registry)
        self._waits = Histogram(
            "fairlead_queue_wait_seconds", "Time a model waited for a worker.", buckets=QUICK, registry=registry
        )
        registry.register(self)

    def follow(self, *, queue: Queue, leading: Callable[[], bool]) -> None:
        """What the gauges are read from at every scrape."""
        self._queue, self._leading = queue, leading

    def waited(self, seconds: float) -> None:
        """A model has got its worker after so long."""
        self._waits.observe(seconds)

    def over(self, key: Key, result: str, seconds: float) -> None:
        """A look at a model is over."""
        self._looks.labels(result).inc()
        self._seconds.observe(seconds)
        if result == OK:
            self._failing.pop(key, None)
        elif result != CANCELLED:
            self._retries.inc()
            before = self._failing.get(key)
            self._failing[key] = _Failing(before.since if before else self._clock(), result)

    def forget(self) -> None:
        """Nothing is known of any model: another replica may have led meanwhile."""
        self._failing.clear()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges."""
        queue = self._queue if self._leading() else None
        failing = tuple(self._failing.values()) if self._leading() else ()
        yield GaugeMetricFamily(
            "fairlead_queue_depth", "Models that wait for a worker.", value=len(queue) if queue is not None else 0
        )
        yield GaugeMetricFamily(
            "fairlead_queue_oldest_seconds",
            "How long the model has waited for a worker that has waited longest; 0 when none waits.",
            value=queue.oldest() if queue is not None else 0.0,
        )
        models = GaugeMetricFamily(
            "fairlead_failing_models", "Models whose last reconciliation failed, by its result.", labels=["result"]
        )
        for result, count in Count(each.result for each in failing).items():
            models.add_metric([result], count)
        yield models
        oldest = GaugeMetricFamily(
            "fairlead_failing_seconds",
            "How long no reconciliation of a model has succeeded: of the one that fails longest, by the last result.",
            labels=["result"],
        )
        now = self._clock()
        # The newest first, so that of each result the oldest stays.
        first = {each.result: each.since for each in sorted(failing, key=lambda each: -each.since)}
        for result, since in first.items():
            oldest.add_metric([result], now - since)
        yield oldest

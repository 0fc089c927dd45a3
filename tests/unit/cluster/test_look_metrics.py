"""cluster/look_metrics.py: what the operator tells of its looks at models."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from clock import Clock
from fairlead.cluster.look_metrics import CANCELLED, OK, LookMetrics
from fairlead.cluster.queue import WorkQueue
from fairlead.cluster.store import Key

ONE, OTHER = ("risk", "fraud"), ("risk", "spam")


class Told:
    """The metrics of a replica, its queue, and its time."""

    def __init__(self, *, leading: bool = True) -> None:
        self.clock = Clock()
        self.registry = CollectorRegistry()
        self.looks = LookMetrics(self.registry, self.clock)
        self.queue = WorkQueue[Key](clock=self.clock, waited=self.looks.waited)
        self.looks.follow(queue=self.queue, leading=lambda: leading)

    def over(self, key: Key, results: Sequence[str], *, at: float) -> None:
        self.clock.now = at
        for result in results:
            self.looks.over(key, result, 0.01)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


def test_a_model_fails_from_its_first_failure_to_its_next_success():
    told = Told()
    told.over(ONE, [OK], at=0)
    told.over(ONE, ["ServerFault"], at=10)
    told.over(OTHER, ["ServerFault"], at=30)
    told.over(ONE, ["ServerFault", CANCELLED], at=50)
    assert told.value("fairlead_failing_models", result="ServerFault") == 2
    assert told.value("fairlead_failing_seconds", result="ServerFault") == 40
    told.over(ONE, [OK], at=60)
    assert told.value("fairlead_failing_models", result="ServerFault") == 1
    assert told.value("fairlead_failing_seconds", result="ServerFault") == 30
    told.over(OTHER, [OK], at=60)
    assert told.value("fairlead_failing_models", result="ServerFault") is None


def test_a_failure_that_changes_its_name_goes_on():
    told = Told()
    told.over(ONE, ["ServerFault"], at=10)
    told.over(ONE, ["KeyError"], at=50)
    assert told.value("fairlead_failing_seconds", result="KeyError") == 40
    assert told.value("fairlead_failing_models", result="ServerFault") is None


def test_looks_are_counted_by_their_end_and_failures_are_put_off():
    told = Told()
    told.over(ONE, [OK, OK, "Conflict", CANCELLED], at=0)
    results = {result: told.value("fairlead_reconciles_total", result=result) for result in (OK, "Conflict", CANCELLED)}
    assert results == {OK: 2, "Conflict": 1, CANCELLED: 1}
    assert told.value("fairlead_retries_total") == 1
    assert told.value("fairlead_reconcile_duration_seconds_sum") == pytest.approx(0.04)


def test_the_queue_is_read_at_every_scrape():
    told = Told()
    told.queue.add(ONE)
    told.queue.add(OTHER)
    told.queue.add_after(("risk", "later"), timedelta(minutes=1))
    told.clock.now = 7
    assert told.value("fairlead_queue_depth") == 2
    assert told.value("fairlead_queue_oldest_seconds") == 7
    told.queue.get_nowait()
    told.queue.get_nowait()
    assert told.value("fairlead_queue_oldest_seconds") == 0
    assert told.value("fairlead_queue_wait_seconds_sum") == 14


def test_who_does_not_lead_tells_nothing():
    told = Told(leading=False)
    told.queue.add(ONE)
    told.over(ONE, ["ServerFault"], at=100)
    assert told.value("fairlead_queue_depth") == 0
    assert told.value("fairlead_queue_oldest_seconds") == 0
    assert told.value("fairlead_failing_models", result="ServerFault") is None


def test_a_new_leader_knows_of_no_failure():
    told = Told()
    told.over(ONE, ["ServerFault"], at=10)
    told.looks.forget()
    told.over(ONE, ["ServerFault"], at=100)
    assert told.value("fairlead_failing_seconds", result="ServerFault") == 0

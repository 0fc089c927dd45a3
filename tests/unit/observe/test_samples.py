"""observe/samples.py: recorded answers of a Prometheus 2.42 → counters by pod."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fairlead.observe.processes import Process
from fairlead.observe.prometheus import Row, rows_in
from fairlead.observe.samples import newest, per_pod
from fairlead.observe.series import Unreadable
from fairlead.settings import PrometheusSettings

ANSWERS = Path(__file__).parent / "answers"
POD = "fraud-1-x"
BY = PrometheusSettings(url="http://prometheus")


def rows(name: str) -> tuple[Row, ...]:
    answer = json.loads((ANSWERS / f"{name}.json").read_text())
    return rows_in(answer, answer["data"]["resultType"])


def sample(name: str, time: float, value: float, **labels: str) -> Row:
    """A row with one sample, as PodMonitors label it."""
    scraped = {"job": "pods", "instance": "10.0.0.7:8080", "namespace": "risk", "pod": POD, "container": "server"}
    return Row({"__name__": name, **scraped, **labels}, time, value)


LAST = max(row.time for row in rows("samples"))


def process(since: float = LAST - 3600) -> dict[str, Process]:
    return {POD: Process({}, "fraud-1", "abc", datetime.fromtimestamp(since, UTC), True)}


def told(found: tuple[Row, ...], since: float = LAST - 3600, port: int = 8080) -> dict[str, Any]:
    return dict(newest(found, process(since), BY, {"fraud-1": port}))


def test_the_newest_sample_of_each_series_with_the_labels_that_the_server_wrote():
    found = told(rows("samples"))[POD]
    assert found.time == LAST
    assert [(name, dict(labels), value) for name, labels, value in found.series] == [
        ("requests_total", {"code": "200", "job": "batch"}, 130),
        ("requests_total", {"code": "500", "job": "batch"}, 3),
        ("seconds_bucket", {"le": "+Inf"}, 133),
        ("seconds_bucket", {"le": "1"}, 40),
    ]


@pytest.mark.parametrize(("after", "counts"), [(-3600.0, True), (-2.1, True), (-1.9, False), (+5.0, False)])
def test_a_sample_from_before_the_process_started_is_that_of_another_process(after: float, counts: bool):
    assert (POD in told(rows("samples"), since=LAST + after)) is counts


def test_a_series_that_the_last_scrape_has_not_brought_is_gone():
    old, new = sample("requests_total", 5, 1, code="200"), sample("requests_total", 10, 2, code="500")
    assert [value for _, _, value in told((old, new), since=0)[POD].series] == [2]


def test_a_pod_that_is_scraped_more_than_once_counts_once():
    again = {"job": "again"}
    both = (sample("requests_total", 10, 7), sample("requests_total", 12, 9, **again))
    assert [value for _, _, value in told(both, since=0)[POD].series] == [9], "the same one every time: by its name"
    assert told(tuple(reversed(both)), since=0) == told(both, since=0)
    replica = sample("requests_total", 13, 8, prometheus_replica="b")
    assert len(told((both[0], replica), since=0)[POD].series) == 1


def test_the_scrape_of_the_port_of_the_metrics_goes_before_others():
    other = sample("requests_total", 10, 7, instance="10.0.0.7:9000", job="a")
    more = sample("other_total", 10, 7, instance="10.0.0.7:9000", job="a")
    right = sample("requests_total", 9, 5)
    assert [value for _, _, value in told((other, more, right), since=0)[POD].series] == [5]


def test_what_another_container_of_the_pod_counts_is_not_the_servers():
    assert told((sample("requests_total", 10, 7, container="proxy"),), since=0) == {}
    nameless = Row({"__name__": "requests_total", "pod": POD}, 10, 7)
    assert POD in told((nameless,), since=0), "a static configuration has no such label"


def test_pods_that_were_not_asked_for_are_left_out():
    assert told((sample("requests_total", 10, 7, pod="fraud-1-y"),), since=0) == {}


def test_the_rows_of_a_query_are_summed_by_pod():
    twice = (*rows("by-pod"), Row({"pod": POD}, 0, 7), Row({"pod": "y"}, 0, 1))
    assert per_pod(twice, "risk", "pod", "namespace") == {POD: 140, "y": 1}
    assert per_pod(rows("by-pod"), "other", "pod", "namespace") == {}, "of a pod of that name in another namespace"
    assert per_pod((), "risk", "pod", "namespace") == {}


def test_a_query_that_keeps_no_pod_is_told_how_to():
    with pytest.raises(Unreadable, match=r"keeps no label k8s_pod: write sum by \(ns, k8s_pod\) \(…\)"):
        per_pod(rows("without-pod"), "risk", "k8s_pod", "ns")


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-1"])
def test_a_query_that_counts_nothing_is_told(value: str):
    row = Row({"pod": POD}, 0, float(value))
    with pytest.raises(Unreadable, match="negative or not finite"):
        per_pod((row,), "risk", "pod", "namespace")

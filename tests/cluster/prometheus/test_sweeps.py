"""observe/querying.py against a real Prometheus, which scrapes small servers on this machine: what it tells of pods."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from fairlead.api import names
from fairlead.api.metrics import Counters, Histogram, MetricsProfile, Series
from fairlead.api.revision import Revision, Snapshot
from fairlead.api.server import Ports
from fairlead.api.slo import Objective
from fairlead.cluster.access import Access
from fairlead.cluster.connection import Connection
from fairlead.evidence.sweep import PodMetrics, Sweep
from fairlead.observe.asking import Asking
from fairlead.observe.processes import process_name
from fairlead.observe.prometheus import Prometheus
from fairlead.observe.source import Asked
from fairlead.observe.sweeps import Sweeps
from fairlead.settings import PrometheusSettings
from prometheus_process import PrometheusProcess, scraping
from serving import serving

KEY = ("risk", "fraud")
ARMS = {"s1": "fraud-1", "s2": "fraud-1", "c1": "fraud-2"}
PROFILE = MetricsProfile(
    errors=Counters(
        bad=(Series(series="requests_total", labels={"code": "5.."}),), total=(Series(series="requests_total"),)
    ),
    latency=Histogram(series="seconds"),
)
GUARDRAIL = Objective.model_validate(
    {
        "name": "guardrail",
        "target": "95",
        "counters": {
            "bad": [{"series": "checks_total", "labels": {"verdict": "blocked"}}],
            "total": [{"series": "checks_total"}],
        },
    }
)
QUALITY = Objective.model_validate(
    {
        "name": "quality",
        "target": "95",
        "queries": {
            "bad": 'sum by (namespace, pod) (checks_total{job="pods",verdict="blocked"})',
            "total": 'sum by (namespace, pod) (checks_total{job="pods"})',
        },
    }
)
TICK = timedelta(seconds=0.5)


class Pods:
    """Pods of two revisions, each with a page of metrics at an address of the loopback."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(ARMS, (0, 0))
        self.silent: set[str] = set()
        self.started = dict.fromkeys(ARMS, datetime.now(UTC) - timedelta(hours=1))
        self.containers = {pod: f"containerd://{pod}" for pod in ARMS}
        self.addresses = {f"127.0.0.{n}": pod for n, pod in enumerate(ARMS, start=2)}
        self.scraped = asyncio.Condition()
        self.port = 0

    def __call__(self) -> tuple[dict[str, Any], ...]:
        return tuple(self._manifest(address, pod) for address, pod in self.addresses.items())

    def restart(self, pod: str) -> None:
        """Its server ends, and starts again at nothing."""
        self.containers[pod] += "x"
        self.started[pod] = datetime.now(UTC).replace(microsecond=0)
        self.counts[pod] = (0, 0)

    async def page(self, request: web.Request) -> web.StreamResponse:
        pod = self.addresses[request.get_extra_info("sockname")[0]]
        if pod in self.silent:
            return web.Response(status=503)
        requests, bad = self.counts[pod]
        text = (
            f'requests_total{{code="200",pod="of the server itself"}} {requests - bad}\n'
            f'requests_total{{code="500",pod="of the server itself"}} {bad}\n'
            f'seconds_bucket{{le="0.5"}} {requests - 1}\nseconds_bucket{{le="1"}} {requests}\n'
            f'seconds_bucket{{le="+Inf"}} {requests}\n'
            f'checks_total{{verdict="blocked"}} {2 * bad}\nchecks_total{{verdict="passed"}} {requests}\n'
        )
        return web.Response(text=text, headers={"Content-Type": "text/plain; version=0.0.4"})

    def _manifest(self, address: str, pod: str) -> dict[str, Any]:
        running = {"running": {"startedAt": self.started[pod].isoformat().replace("+00:00", "Z")}}
        server = {"name": names.CONTAINER, "containerID": self.containers[pod], "state": running}
        return {
            "metadata": {"name": pod, "namespace": "risk", "labels": {names.REVISION: ARMS[pod]}},
            "status": {
                "podIP": address,
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [server],
            },
        }


@pytest.fixture
async def pods() -> AsyncIterator[Pods]:
    pods = Pods()
    async with serving(pods.page, "0.0.0.0", patience=0.1) as pods.port:
        yield pods


@pytest.fixture
def prometheus(pods: Pods, tmp_path: Path) -> Iterator[PrometheusProcess]:
    """Scrapes every pod twice, by two jobs, as happens where two teams have set it up."""
    targets = [
        {"targets": [f"{address}:{pods.port}"], "labels": {"namespace": "risk", "pod": pod}}
        for address, pod in pods.addresses.items()
    ]
    jobs = [{"job_name": name, "static_configs": targets} for name in ("pods", "again")]
    with scraping(tmp_path / "prometheus", *jobs) as process:
        yield process


class Reading:
    """Sweeps over the pods, and their news."""

    def __init__(self, pods: Pods, url: str, asked: Asked) -> None:
        self._news: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._connection = Connection(Access(server="http://127.0.0.1:1", authorization=lambda: None))
        self._asking = Asking(self._connection, "Direct")
        self._prometheus = Prometheus(PrometheusSettings(url=url))
        self._sweeps = Sweeps(
            self._asking, self._news.put_nowait, lambda: datetime.now(UTC), TICK, prometheus=self._prometheus
        )
        self._pods = pods
        self._asked = asked

    async def next(self) -> Sweep:
        """The next sweep."""
        self._latest()
        assert await asyncio.wait_for(self._news.get(), 60) == KEY
        sweep = self._latest()
        assert sweep is not None
        return sweep

    async def after(self, pod: str, requests: int) -> Sweep:
        """The first sweep that tells so many requests of a pod."""
        while True:
            sweep = await self.next()
            metrics = sweep.pods[ARMS[pod]].get(pod)
            if metrics is not None and metrics.errors is not None and metrics.errors[0] == requests:
                return sweep

    async def close(self) -> None:
        await self._sweeps.close()
        await self._asking.close()
        await self._prometheus.close()
        await self._connection.close()

    def _latest(self) -> Sweep | None:
        port = self._pods.port
        revisions = tuple(
            Revision(
                name=name,
                number=1,
                wish="",
                snapshot=Snapshot(inputs={}, template={}, ports=Ports(http=port), metrics=PROFILE),
                data={},
            )
            for name in ("fraud-1", "fraud-2")
        )
        return self._sweeps.latest(KEY, revisions, self._pods, self._asked)


@pytest.fixture
async def reading(pods: Pods, prometheus: PrometheusProcess) -> AsyncIterator[Reading]:
    reading = Reading(pods, prometheus.url, Asked(source="Prometheus", objectives=(GUARDRAIL, QUALITY)))
    yield reading
    await reading.close()


async def test_what_the_pods_count_is_told_once_for_each_pod(pods: Pods, reading: Reading):
    pods.counts |= {"s1": (1000, 3), "s2": (900, 2), "c1": (100, 9)}
    sweep = await reading.after("c1", 100)
    assert sweep.source == "Prometheus"
    assert sweep.silent == {}
    assert sweep.pods["fraud-2"] == {
        "c1": PodMetrics(
            process=process_name("containerd://c1"),
            since=pods.started["c1"],
            errors=(100, 9),
            pairs={str(GUARDRAIL.pair): (118, 18), str(QUALITY.pair): (118, 18)},
            histograms={"Latency": {0.5: 99, 1: 100, inf: 100}},
        )
    }
    assert {pod: metrics.errors for pod, metrics in sweep.pods["fraud-1"].items()} == {"s1": (1000, 3), "s2": (900, 2)}


async def test_a_server_that_starts_again_is_told_of_only_when_it_was_scraped_anew(pods: Pods, reading: Reading):
    pods.counts |= {"s1": (1000, 3), "s2": (900, 2), "c1": (100, 9)}
    await reading.after("c1", 100)
    pods.restart("c1")
    pods.counts["c1"] = (7, 1)
    sweep = await reading.after("c1", 7)
    told = sweep.pods["fraud-2"]["c1"]
    assert (told.process, told.errors) == (process_name("containerd://c1x"), (7, 1))
    assert str(QUALITY.pair) not in told.pairs, "a query may still answer for the process before"


async def test_a_pod_that_cannot_be_scraped_holds_up_the_others_only_until_its_samples_are_old(
    pods: Pods, reading: Reading
):
    pods.counts |= {"s1": (1000, 3), "s2": (900, 2), "c1": (100, 9)}
    await reading.after("c1", 100)
    pods.silent.add("s2")
    pods.counts["c1"] = (200, 9)
    first = await reading.after("c1", 200)
    while "s2" in first.pods["fraud-1"]:  # it may have been scraped once more before it fell silent
        first = await reading.next()
    assert set(first.pods["fraud-1"]) == {"s1"}
    assert first.silent == {"s2": "Prometheus has no samples of its metrics in the last 9s: is it scraped?"}
    pods.silent.clear()
    assert set((await reading.after("s2", 900)).pods["fraud-1"]) == {"s1", "s2"}


async def test_counters_go_on_where_they_were_when_prometheus_was_away(
    pods: Pods, prometheus: PrometheusProcess, reading: Reading
):
    pods.counts |= {"s1": (1000, 3), "s2": (900, 2), "c1": (100, 9)}
    await reading.after("c1", 100)
    prometheus.stop()
    refused = f"Prometheus cannot be reached at {prometheus.url}: the connection is refused"
    sweep = await reading.next()
    while set(sweep.silent.values()) != {refused}:  # at first it may break off a connection that is open
        sweep = await reading.next()
    assert sweep.pods == {"fraud-1": {}, "fraud-2": {}}
    pods.counts["c1"] = (150, 10)
    prometheus.start()
    sweep = await reading.after("c1", 150)
    while sweep.silent:  # the pods are scraped one after the other
        sweep = await reading.next()

"""observe/sweeps.py, against real HTTP servers: what pods say, and that no pod holds anybody up."""

import asyncio
import gzip
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

import pytest
from aiohttp import web

from fairlead.api import names
from fairlead.api.gatewaymetrics import TRAEFIK
from fairlead.api.metrics import Counters, Histogram, MetricsProfile, Series
from fairlead.api.revision import Revision, Snapshot
from fairlead.api.server import Ports
from fairlead.api.traffic import Gateway
from fairlead.cluster.access import Access
from fairlead.cluster.connection import Connection
from fairlead.evidence.sweep import PodMetrics, Sweep
from fairlead.observe.asking import Asking
from fairlead.observe.gateways import UNKNOWN
from fairlead.observe.processes import process_name
from fairlead.observe.prometheus import Prometheus
from fairlead.observe.source import Asked
from fairlead.observe.sweeps import AT_ONCE, Sweeps
from fairlead.settings import PrometheusSettings
from serving import serving

KEY = ("risk", "fraud")
START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
PROFILE = MetricsProfile(
    path="/own/metrics",
    errors=Counters(
        bad=(Series(series="requests_total", labels={"code": "5.."}),), total=(Series(series="requests_total"),)
    ),
    latency=Histogram(series="seconds"),
)
COUNTED = "traefik_service_requests_total"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def page(requests: int, bad: int = 0) -> str:
    return (
        f'requests_total{{code="200"}} {requests - bad}\nrequests_total{{code="500"}} {bad}\n'
        f'seconds_bucket{{le="0.5"}} {requests - 1}\nseconds_bucket{{le="+Inf"}} {requests}\n'
    )


def says(text: str, status: int = 200, **headers: str) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(text=text, status=status, headers=headers)

    return answer


async def hangs(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError("the client goes first")


async def drips(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"requests_total 1\n")
    return await hangs(request)


async def floods(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(50):
        await response.write(b"# nothing in particular\n" * ((1 << 20) // 24))
    return response


PACKED = gzip.compress(b"\n" * (50 << 20))


async def packed(request: web.Request) -> web.StreamResponse:
    return web.Response(body=PACKED, headers={"Content-Encoding": "gzip"})


class Pods:
    """The pods of a model: an address of the loopback each, all served by one server, which is the API server too."""

    def __init__(self) -> None:
        self.manifests: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, Answer] = {}
        self.asked: list[web.Request] = []
        self.port = 0

    def __call__(self) -> tuple[dict[str, Any], ...]:
        return tuple(self.manifests.values())

    def add(self, name: str, revision: str, answer: Answer) -> None:
        """A pod that is ready."""
        number = len(self.manifests) + 2
        self.answers[name] = self.answers[address := f"127.0.0.{number}"] = answer
        self.manifests[name] = {
            "metadata": {"name": name, "namespace": "risk", "labels": {names.REVISION: revision}},
            "status": {"podIP": address, "conditions": [{"type": "Ready", "status": "True"}]},
        }
        self.starts(name, f"containerd://{name}", START)

    def starts(self, name: str, container: str, since: datetime) -> None:
        """Its server is another process."""
        running = {"running": {"startedAt": since.isoformat().replace("+00:00", "Z")}}
        sidecar = {"name": "proxy", "containerID": "containerd://sidecar", "state": running}
        server = {"name": names.CONTAINER, "containerID": container, "state": running}
        self.manifests[name] = {
            **self.manifests[name],
            "status": {**self.manifests[name]["status"], "containerStatuses": [sidecar, server]},
        }

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        address = request.get_extra_info("sockname")[0]
        name = request.path.split("/")[6].split(":")[0] if request.path.startswith("/api/v1/") else address
        return await self.answers[name](request)


class Told:
    """Counts the news."""

    def __init__(self) -> None:
        self.news: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    def __call__(self, key: tuple[str, str]) -> None:
        self.news.put_nowait(key)

    async def wait(self) -> None:
        """Until the next sweep is over."""
        assert await asyncio.wait_for(self.news.get(), 20) == KEY


class Clock:
    """A second goes by whenever somebody looks."""

    def __init__(self) -> None:
        self.looks = 0

    def __call__(self) -> datetime:
        self.looks += 1
        return START + timedelta(hours=1, seconds=self.looks)


@pytest.fixture
async def pods() -> AsyncIterator[Pods]:
    pods = Pods()
    async with serving(pods.handle, "0.0.0.0", patience=0.1) as pods.port:
        yield pods


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def start(pods: Pods, told: Told) -> AsyncIterator[Callable[..., Sweeps]]:
    made: list[tuple[Sweeps, Asking, Connection]] = []

    def start(access: str = "Direct", tick: float = 1.0, **more: Any) -> Sweeps:
        api = Access(server=f"http://127.0.0.1:{pods.port}", authorization=lambda: "Bearer secret")
        connection = Connection(api)
        asking = Asking(connection, access)  # type: ignore[arg-type]
        made.append((Sweeps(asking, told, Clock(), timedelta(seconds=tick), **more), asking, connection))
        return made[-1][0]

    yield start
    for sweeps, asking, connection in made:
        await sweeps.close()
        await asking.close()
        await connection.close()


@pytest.fixture
def sweeps(start: Callable[..., Sweeps]) -> Sweeps:
    return start()


def a_revision(name: str, port: int, metrics: MetricsProfile | None = PROFILE) -> Revision:
    snapshot = Snapshot(inputs={}, template={}, ports=Ports(http=port), metrics=metrics)
    return Revision(name=name, number=1, wish="", snapshot=snapshot, data={})


async def swept(sweeps: Sweeps, pods: Pods, told: Told, *revisions: Revision) -> Sweep:
    """The next sweep."""
    of = revisions or (a_revision("stable", pods.port), a_revision("canary", pods.port))
    sweeps.latest(KEY, of, pods)
    await told.wait()
    sweep = sweeps.latest(KEY, of, pods)
    assert sweep is not None
    return sweep


def metrics(pod: str, requests: int, bad: int = 0) -> PodMetrics:
    return PodMetrics(
        process=process_name(f"containerd://{pod}"),
        since=START,
        errors=(requests, bad),
        histograms={"Latency": {0.5: requests - 1, inf: requests}},
    )


def processes(*pods: str) -> frozenset[str]:
    return frozenset(process_name(f"containerd://{pod}") for pod in pods)


async def test_all_pods_of_both_revisions_are_read(sweeps: Sweeps, pods: Pods, told: Told):
    pods.add("a", "stable", says(page(10)))
    pods.add("b", "stable", says(page(20)))
    pods.add("c", "canary", says(page(5, bad=2)))
    pods.add("d", "draining", says(page(7)))
    both = a_revision("stable", pods.port), a_revision("canary", pods.port)
    assert sweeps.latest(KEY, both, pods) is None, "a look waits for nothing"
    assert await swept(sweeps, pods, told, *both) == Sweep(
        at=START + timedelta(hours=1, seconds=1),
        pods={"stable": {"a": metrics("a", 10), "b": metrics("b", 20)}, "canary": {"c": metrics("c", 5, 2)}},
        running=processes("a", "b", "c"),
    )
    assert {request.path for request in pods.asked} == {"/own/metrics"}


async def test_sweeps_go_on_and_the_latest_counts(start: Callable[..., Sweeps], pods: Pods, told: Told):
    sweeps = start(tick=1)
    pods.add("a", "stable", says(page(10)))
    first = await swept(sweeps, pods, told)
    pods.answers["127.0.0.2"] = says(page(12))
    later = first
    while later.pods["stable"]["a"].errors == (10, 0):
        later = await swept(sweeps, pods, told)
    assert later.pods["stable"]["a"].errors == (12, 0)
    assert later.at > first.at


async def test_pods_are_read_at_one_time(sweeps: Sweeps, pods: Pods, told: Told):
    all_asked = asyncio.Barrier(20)

    async def waits_for_the_others(request: web.Request) -> web.StreamResponse:
        await all_asked.wait()
        return web.Response(text=page(3))

    for number in range(20):
        pods.add(f"pod-{number}", ("stable", "canary")[number % 2], waits_for_the_others)
    sweep = await swept(sweeps, pods, told)
    assert not sweep.silent
    assert [len(found) for found in sweep.pods.values()] == [10, 10]


async def test_not_too_many_pods_are_asked_at_one_time(start: Callable[..., Sweeps], pods: Pods, told: Told):
    open_now: Counter[str] = Counter()
    most = 0

    async def counts(request: web.Request) -> web.StreamResponse:
        nonlocal most
        open_now["requests"] += 1
        most = max(most, open_now["requests"])
        response = await says(page(3))(request)
        open_now["requests"] -= 1
        return response

    for number in range(2 * AT_ONCE):
        pods.add(f"pod-{number}", "stable", counts)
    sweep = await swept(start(tick=30), pods, told)
    assert len(sweep.pods["stable"]) == 2 * AT_ONCE
    assert most <= AT_ONCE


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (hangs, "was not answered within 0.6 s"),
        (drips, "was not answered within 0.6 s"),
        (floods, "the page is longer than 4 MiB"),
        (says("", 500), "answered 500"),
        (says("", 302, Location="/elsewhere"), "answered 302"),
        (says("requests_total one\n"), "a line of requests_total cannot be read"),
        (packed, "answered in gzip, which was not asked for"),
    ],
)
async def test_a_pod_that_cannot_be_read_holds_no_other_one_up(
    answer: Answer, why: str, sweeps: Sweeps, pods: Pods, told: Told
):
    pods.add("bad", "canary", answer)
    pods.add("good", "canary", says(page(4)))
    sweep = await swept(sweeps, pods, told)
    assert list(sweep.silent) == ["bad"]
    assert sweep.silent_of == {"bad": "canary"}
    assert sweep.silent["bad"].startswith(f"GET /own/metrics on port {pods.port}")
    assert why in sweep.silent["bad"]
    assert sweep.pods["canary"] == {"good": metrics("good", 4)}
    assert {request.path for request in pods.asked} == {"/own/metrics"}


async def test_a_pod_where_nobody_listens(sweeps: Sweeps, pods: Pods, told: Told):
    pods.add("a", "stable", says(page(1)))
    free = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = free.sockets[0].getsockname()[1]
    free.close()
    sweep = await swept(sweeps, pods, told, a_revision("stable", port))
    assert sweep.silent == {"a": f"GET /own/metrics on port {port} failed: ClientConnectorError"}


async def test_whoever_does_not_run_is_left_out_but_known_to_be_there(sweeps: Sweeps, pods: Pods, told: Told):
    for name in ("ending", "waiting", "unknown", "good", "other"):
        pods.add(name, "draining" if name == "other" else "stable", says(page(1)))
    pods.manifests["ending"]["metadata"]["deletionTimestamp"] = "2026-01-05T09:00:00Z"
    pods.manifests["waiting"]["status"]["containerStatuses"][1]["state"] = {"waiting": {}}
    del pods.manifests["unknown"]["status"]["containerStatuses"]
    sweep = await swept(sweeps, pods, told)
    assert sweep.pods == {"stable": {"good": metrics("good", 1)}, "canary": {}}
    assert not sweep.silent
    assert sweep.running == processes("ending", "waiting", "good")


def unready(pods: Pods, name: str, since: datetime) -> None:
    changed = since.isoformat().replace("+00:00", "Z")
    pods.manifests[name]["status"]["conditions"] = [{"type": "Ready", "status": "False", "lastTransitionTime": changed}]


async def test_a_pod_that_is_not_ready_is_read_all_the_same(sweeps: Sweeps, pods: Pods, told: Told):
    pods.add("failing", "canary", says(page(9, bad=8)))
    unready(pods, "failing", START + timedelta(minutes=1))
    sweep = await swept(sweeps, pods, told)
    assert sweep.pods["canary"] == {"failing": metrics("failing", 9, 8)}


async def test_a_pod_that_was_never_ready_has_nothing_to_be_silent_about(sweeps: Sweeps, pods: Pods, told: Told):
    for name, since in (("starting", START), ("failing", START + timedelta(minutes=1))):
        pods.add(name, "canary", says("", 503))
        unready(pods, name, since)
    sweep = await swept(sweeps, pods, told)
    assert list(sweep.silent) == ["failing"]
    assert sweep.running == processes("starting", "failing")


async def test_a_server_that_was_restarted_is_another_process(start: Callable[..., Sweeps], pods: Pods, told: Told):
    sweeps = start(tick=0.05)
    pods.add("a", "stable", says(page(9)))
    await swept(sweeps, pods, told)
    later = START + timedelta(minutes=3)
    pods.starts("a", "containerd://second", later)
    sweep = await swept(sweeps, pods, told)
    while "a" in sweep.silent or sweep.pods["stable"]["a"].process == process_name("containerd://a"):
        sweep = await swept(sweeps, pods, told)
    assert sweep.pods["stable"]["a"].process == process_name("containerd://second")
    assert sweep.pods["stable"]["a"].since == later


async def test_nobody_knows_whose_counters_they_are_after_a_restart_in_between(sweeps: Sweeps, pods: Pods, told: Told):
    async def restarts(request: web.Request) -> web.StreamResponse:
        pods.starts("a", "containerd://second", START + timedelta(minutes=3))
        return web.Response(text=page(9))

    pods.add("a", "stable", restarts)
    sweep = await swept(sweeps, pods, told)
    assert sweep.silent == {"a": "its server was restarted while it was read"}
    assert not sweep.pods["stable"]


async def test_a_pod_goes(start: Callable[..., Sweeps], pods: Pods, told: Told):
    sweeps = start(tick=2)

    async def goes(request: web.Request) -> web.StreamResponse:
        pods.manifests.pop("a", None)
        return web.Response(text=page(9))

    pods.add("a", "stable", goes)
    pods.add("b", "stable", says(page(4)))
    first = await swept(sweeps, pods, told)
    assert first.pods["stable"]["a"] == metrics("a", 9), "what it said last is still true"
    sweep = await swept(sweeps, pods, told)
    assert sweep.pods["stable"] == {"b": metrics("b", 4)}
    assert not sweep.silent


async def test_pods_that_are_asked_directly_never_see_our_credentials(sweeps: Sweeps, pods: Pods, told: Told):
    pods.add("a", "stable", says(page(1)))
    await swept(sweeps, pods, told)
    assert all("Authorization" not in request.headers for request in pods.asked)
    assert all(request.headers["Accept"].startswith("text/plain") for request in pods.asked)


async def test_pods_are_asked_through_the_api_server(start: Callable[..., Sweeps], pods: Pods, told: Told):
    pods.add("a", "stable", says(page(8)))
    pods.add("bad", "stable", says("", 503))
    sweep = await swept(start("Proxy"), pods, told)
    assert sweep.pods["stable"] == {"a": metrics("a", 8)}
    assert sweep.silent == {"bad": f"GET /own/metrics on port {pods.port} answered 503"}
    path = f"/api/v1/namespaces/risk/pods/a:{pods.port}/proxy/own/metrics"
    assert path in {request.path for request in pods.asked}
    assert all(request.headers["Authorization"] == "Bearer secret" for request in pods.asked)


async def test_metrics_may_have_a_port_of_their_own(sweeps: Sweeps, pods: Pods, told: Told):
    snapshot = Snapshot(inputs={}, template={}, ports=Ports(http=1, metrics=pods.port), metrics=PROFILE)
    pods.add("a", "stable", says(page(8)))
    sweep = await swept(sweeps, pods, told, Revision(name="stable", number=1, wish="", snapshot=snapshot, data={}))
    assert sweep.pods["stable"] == {"a": metrics("a", 8)}


async def test_a_revision_without_a_profile_is_silent(sweeps: Sweeps, pods: Pods, told: Told):
    pods.add("a", "stable", says(page(8)))
    sweep = await swept(sweeps, pods, told, a_revision("stable", pods.port, metrics=None))
    assert sweep.silent == {"a": "its runtime has no metrics profile"}
    assert not pods.asked


async def test_other_revisions_are_swept_anew(sweeps: Sweeps, pods: Pods, told: Told):
    pods.add("a", "stable", says(page(8)))
    await swept(sweeps, pods, told)
    other = a_revision("stable", pods.port), a_revision("canary-2", pods.port)
    assert sweeps.latest(KEY, other, pods) is None
    assert set((await swept(sweeps, pods, told, *other)).pods) == {"stable", "canary-2"}


async def test_nothing_goes_on_after_the_end(sweeps: Sweeps, pods: Pods, told: Told):
    running = set(asyncio.all_tasks())
    asked = asyncio.Event()

    async def hangs_and_says_so(request: web.Request) -> web.StreamResponse:
        asked.set()
        return await hangs(request)

    pods.add("a", "stable", hangs_and_says_so)
    sweeps.latest(KEY, (a_revision("stable", pods.port),), pods)
    await asyncio.wait_for(asked.wait(), 10)
    ours = [task for task in asyncio.all_tasks() - running if "aiohttp" not in repr(task.get_coro())]
    assert ours
    sweeps.end(KEY)
    await asyncio.wait_for(asyncio.gather(*ours, return_exceptions=True), 10)
    assert told.news.empty()


async def test_an_error_of_ours_is_not_the_end(sweeps: Sweeps, pods: Pods, told: Told):
    asked = asyncio.Event()

    def broken() -> tuple[dict[str, Any], ...]:
        asked.set()
        raise KeyError("podIP")

    stable = (a_revision("stable", pods.port),)
    pods.add("a", "stable", says(page(8)))
    sweeps.latest(KEY, stable, broken)
    await asyncio.wait_for(asked.wait(), 10)
    assert (await swept(sweeps, pods, told, *stable)).pods["stable"] == {"a": metrics("a", 8)}


AT_GATEWAY = Asked(source="Gateway", gateway=Gateway(name="public"))


@pytest.fixture
async def prometheus() -> AsyncIterator[Prometheus]:
    """Scrapes a Traefik that has sent requests to the stable revision, 4 of which failed, and one more every time."""
    asked = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        service = {"__name__": COUNTED, "instance": "10.0.0.9:8082", "service": "risk-stable-80@kubernetesgateway"}
        result = [
            {"metric": {**service, "code": code}, "values": [[asked, str(value)]]}
            for code, value in (("200", 35 + asked), ("502", 4))
        ]
        return web.json_response({"status": "success", "data": {"resultType": "matrix", "result": result}})

    async with serving(answer, patience=0.1) as port:
        prometheus = Prometheus(PrometheusSettings(url=f"http://127.0.0.1:{port}"))
        yield prometheus
        await prometheus.close()


async def at_gateway(sweeps: Sweeps, pods: Pods, told: Told, profile: MetricsProfile | None) -> Sweep:
    """The first sweep of two revisions whose requests a Gateway counts."""
    of = a_revision("stable", pods.port, profile), a_revision("canary", pods.port, profile)
    sweeps.latest(KEY, of, pods, AT_GATEWAY)
    await told.wait()
    sweep = sweeps.latest(KEY, of, pods, AT_GATEWAY)
    assert sweep is not None
    return sweep


@pytest.mark.parametrize("profile", [None, PROFILE])
async def test_a_server_that_counts_no_more_than_the_gateway_is_not_asked(
    start: Callable[..., Sweeps], pods: Pods, told: Told, prometheus: Prometheus, profile: MetricsProfile | None
):
    pods.add("a", "stable", says(page(10)))
    pods.add("b", "canary", hangs)
    sweep = await at_gateway(start(tick=0.2, prometheus=prometheus, gateway=TRAEFIK), pods, told, profile)
    assert pods.asked == []
    assert (sweep.source, sweep.silent) == ("the Gateway", {})
    assert sweep.pods == {
        revision: {pod: PodMetrics(process=process_name(f"containerd://{pod}"), since=START)}
        for revision, pod in (("stable", "a"), ("canary", "b"))
    }
    (stable,), (canary,) = sweep.gateways["stable"].values(), sweep.gateways["canary"].values()
    assert (stable.errors, canary.errors) == ((41, 4), None)
    assert sweep.running == processes("a", "b") | {stable.process, canary.process}


async def test_what_the_gateway_does_not_count_the_pods_tell(
    start: Callable[..., Sweeps], pods: Pods, told: Told, prometheus: Prometheus
):
    pods.add("a", "stable", says(page(10)))
    profile = PROFILE.model_copy(update={"latency": None, "time_to_first_token": PROFILE.latency})
    sweep = await at_gateway(start(tick=0.2, prometheus=prometheus, gateway=TRAEFIK), pods, told, profile)
    assert sweep.pods["stable"]["a"].errors is None
    assert sweep.pods["stable"]["a"].histograms == {"TimeToFirstToken": {0.5: 9, inf: 10}}


async def test_pods_say_why_nothing_is_known_of_the_gateway(start: Callable[..., Sweeps], pods: Pods, told: Told):
    pods.add("a", "stable", says(page(10)))
    sweep = await at_gateway(start(gateway=TRAEFIK), pods, told, PROFILE)
    assert (sweep.silent, sweep.silent_of, sweep.gateways) == ({"a": UNKNOWN}, {"a": "stable"}, {})
    assert pods.asked == []

"""Models whose pods follow real load, by what a real metrics-server and a real KEDA say. All side by side."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from e2e.discovery import discovery, scrape
from e2e.load import load
from fairlead.api.kinds import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, MODEL_DEPLOYMENT
from kube import Kube
from models import a_canary, a_model
from operator_process import running
from prometheus_process import free_port, scraping
from side_by_side import Told, begun, by_name, named
from waiting import holds, until

RATE = 25  # requests per second
AT_ONCE = {"stabilization": "10s", "percent": 100, "period": "5s"}
"""Scales in as fast as it can, so that whoever believes that there is no load does so in time."""


@dataclass(frozen=True)
class Place:
    """Where one model is, with an operator of its own."""

    kube: Kube
    namespace: str
    folder: Path
    image: str

    def spec(self, version: str = "1", **env: str) -> dict[str, Any]:
        spec = a_canary(self.image, version, **env)
        del spec["replicas"]
        spec["rollout"] |= {"confidence": "90", "maxWeight": 50}
        return {**spec, "resources": {"requests": {"cpu": "100m"}}}

    def create(self, spec: dict[str, Any]) -> None:
        self.kube.create(MODEL_DEPLOYMENT, a_model(self.namespace, **spec))

    def patch(self, **spec: Any) -> None:
        self.kube.patch(MODEL_DEPLOYMENT, self.namespace, "fraud", {"spec": spec})

    def status(self) -> dict[str, Any]:
        return dict(self.kube.model(self.namespace, "fraud").get("status") or {})

    def asked(self) -> int:
        """How many pods the revision that serves asks for."""
        found = self.kube.get(DEPLOYMENT, self.namespace, self.status()["stable"]["revision"])
        assert found is not None
        return int(found["spec"]["replicas"])

    def last_change(self) -> str:
        """Why there are as many as there are, by status."""
        changes = self.status()["scaling"]["changes"]
        return str(changes[0]["reason"]) if changes else ""

    def scaling(self) -> dict[str, Any]:
        return {"reason": "", "message": "", **self.kube.condition(self.namespace, "fraud", "ScalingActive")}

    def until_told(self, reason: str, seconds: float) -> None:
        try:
            until(lambda: self.scaling()["reason"] == reason, seconds=seconds, every=0.5, what=reason)
        except AssertionError as late:
            raise AssertionError(f"{late}; it says {self.scaling()['message']}") from None

    def until_asked(self, enough: Callable[[int], bool], seconds: float, what: str) -> None:
        until(lambda: enough(self.asked()), seconds=seconds, every=0.5, what=f"{what}; {self.scaling()['message']}")


@contextmanager
def lossless(place: Place, rate: int = RATE) -> Iterator[None]:
    """A load of which no request is lost."""
    with load(place.kube, place.namespace, place.image, rate=rate) as traffic:
        yield
        counted = traffic.stop()
    print(f"{counted['ok']} answered, {counted['failed']} lost in {counted['seconds']:.0f} s")
    assert counted["ok"] >= 0.8 * rate * counted["seconds"], f"the load itself was too weak: {counted}"
    assert counted["failed"] == 0, counted["failures"]


def by_cpu_and_through_a_rollout(place: Place) -> None:
    """Every request takes 6 ms of the CPU, and more around it: too much for one pod of 100m, and for two."""
    bounds = {"minReplicas": 1, "maxReplicas": 4, "target": {"cpuUtilization": 100}, "behavior": {"down": AT_ONCE}}
    with running(place.kube.kubeconfig, place.folder, place.namespace):
        place.create({**place.spec(WORK="0.006"), "autoscaling": bounds})
        place.kube.wait_ready(place.namespace, "fraud")
        assert place.asked() == 1
        with lossless(place, rate=45):
            place.until_asked(lambda pods: pods >= 3, 240, "more pods, under load")
            until(lambda: "above its target of 100 %" in place.last_change(), seconds=30, what="why there are more")
            print(place.last_change())
            begin_a_trial(place)
        with lossless(place, rate=10):
            is_not_scaled_in(place)
        with lossless(place, rate=45):
            on_trial = the_trial(place)
        assert on_trial == sorted(on_trial), "the stable revision was scaled in while a canary was on trial"
        assert place.asked() >= on_trial[-1], "it took over with fewer pods"
        holders = place.kube.list(HORIZONTAL_POD_AUTOSCALER, place.namespace)
        assert place.status()["stable"]["revision"] in {each["metadata"]["name"] for each in holders}
        assert place.scaling()["reason"] == "Autoscaled"
        place.until_asked(lambda pods: pods == 1, 300, "one pod, without load")
        until(lambda: "below its target of 100 %" in place.last_change(), seconds=30, what="why it was scaled in")


def begin_a_trial(place: Place) -> None:
    """Of version 2."""
    spec = place.spec("2", WORK="0.006")
    place.patch(model=spec["model"], runtime=spec["runtime"])
    until(lambda: place.status()["rollout"]["phase"] == "Judging", seconds=90, what="a trial")


def is_not_scaled_in(place: Place) -> None:
    """What serves, while a canary is on trial: its autoscaler would, and says that only its lower bound keeps it."""
    stable, pods = place.status()["stable"]["revision"], place.asked()
    until(lambda: wants_fewer(place, stable), seconds=150, every=0.5, what="an autoscaler that wants fewer pods")
    holds(lambda: place.asked() >= pods, seconds=20, what="the number of pods")
    assert place.status()["rollout"]["phase"] == "Judging", "the trial was over before that"


def the_trial(place: Place) -> list[int]:
    """Until it is promoted; how many pods the stable one asked for meanwhile."""
    stable, on_trial = place.status()["stable"]["revision"], []

    def decided() -> list[dict[str, Any]]:
        found = place.kube.get(DEPLOYMENT, place.namespace, stable)
        assert found is not None
        if place.status()["rollout"]["phase"] == "Judging":
            on_trial.append(found["spec"]["replicas"])
        return list(place.status().get("history") or ())

    try:
        (decision, *_) = until(decided, seconds=400, every=0.5, what="a decision")
    except AssertionError as late:
        raise AssertionError(f"{late}; {json.dumps(place.status(), indent=1)}") from None
    assert decision["outcome"] == "Promoted", decision
    return on_trial


def wants_fewer(place: Place, revision: str) -> bool:
    """Whether an autoscaler says that only its lower bound keeps it from scaling in."""
    found = place.kube.get(HORIZONTAL_POD_AUTOSCALER, place.namespace, revision) or {}
    told = (found.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "ScalingLimited" and each["reason"] == "TooFewReplicas" for each in told)


def by_requests_with_a_prometheus_that_is_away(place: Place) -> None:
    bounds = {
        "minReplicas": 1,
        "maxReplicas": 4,
        "target": {"requestsPerSecond": "10"},
        "behavior": {"down": AT_ONCE},
    }
    port = free_port()
    told = {"FAIRLEAD_PROMETHEUS_URL": f"http://127.0.0.1:{port}"}
    with running(place.kube.kubeconfig, place.folder, place.namespace, settings=told), ExitStack() as stack:
        place.create({**place.spec(), "autoscaling": bounds})
        place.kube.wait_ready(place.namespace, "fraud")
        job = scrape(place.kube, place.namespace, stack.enter_context(discovery(place.kube, place.namespace)))
        prometheus = stack.enter_context(scraping(place.folder / "prometheus", job, interval="5s", port=port))
        with lossless(place):
            place.until_asked(lambda pods: pods == 3, 300, "three pods, for 25 requests per second")
            until(lambda: "requestsPerSecond was " in place.last_change(), seconds=30, what="why there are three pods")
            print(place.last_change())
            assert "per pod, above its target of 10 per pod" in place.last_change()
            prometheus.stop()
            place.until_told("AutoscalerFailing", 240)
            print(place.scaling()["message"])
            holds(lambda: place.asked() >= 3, seconds=60, what="the number of pods, without Prometheus")
            prometheus.start()
            place.until_told("Autoscaled", 180)
            assert place.asked() == 3
        place.until_asked(lambda pods: pods == 1, 300, "one pod, without load")


def asleep_and_woken(place: Place) -> None:
    with ExitStack() as stack:
        prometheus = stack.enter_context(scraping(place.folder / "prometheus"))
        told = {"FAIRLEAD_PROMETHEUS_URL": prometheus.url}
        stack.enter_context(running(place.kube.kubeconfig, place.folder, place.namespace, settings=told))
        bounds = {"minReplicas": 0, "maxReplicas": 4, "behavior": {"down": AT_ONCE}}

        def waiting(requests: int) -> dict[str, Any]:
            return {**bounds, "target": {"query": {"promql": f"vector({requests})", "perPod": "1"}}}

        place.create({**place.spec(), "autoscaling": waiting(1)})
        place.kube.wait_ready(place.namespace, "fraud")
        place.patch(autoscaling=waiting(0))
        place.until_asked(lambda pods: pods == 0, 300, "sleep")
        until(lambda: ready(place)["reason"] == "ScaledToZero", seconds=30, what="a word about it")
        assert ready(place)["status"] == "True"
        place.patch(autoscaling=waiting(2))
        place.until_asked(lambda pods: pods == 2, 120, "two pods, once there is work for them")
        place.kube.wait_ready(place.namespace, "fraud")


def ready(place: Place) -> dict[str, Any]:
    return {"reason": "", **place.kube.condition(place.namespace, "fraud", "Ready")}


STORIES = by_name(by_cpu_and_through_a_rollout, by_requests_with_a_prometheus_that_is_away, asleep_and_woken)


@pytest.fixture(scope="module")
def told(
    request: pytest.FixtureRequest,
    kube: Kube,
    server_image: str,
    metrics_server: None,
    keda: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Told]:
    """All stories, on their way: most of the time load is waited for to be seen."""

    def tell(story: Callable[[Place], None], folder: Path) -> None:
        with kube.namespace() as namespace:
            story(Place(kube, namespace, folder, server_image))

    with begun(request, tmp_path_factory.mktemp("autoscaling"), STORIES, tell, len(STORIES)) as told:
        yield told


@pytest.mark.timeout(1200)
@named(STORIES)
def test_pods_follow_the_load(told: Told, story: str):
    told[story].result()

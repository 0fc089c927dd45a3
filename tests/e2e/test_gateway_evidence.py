"""Canaries of a server that counts nothing, judged by a real Gateway's counters, which a real Prometheus scrapes."""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Any

import pytest

from e2e.gateways import gateway_in
from e2e.trials import Case, Played, playing
from kube import Kube
from localcluster.gateway import METRICS_PORT
from localcluster.network import HOST
from models import a_canary
from operator_process import running
from prometheus_process import PrometheusProcess, scraping

INTERVAL = "5s"


def a_server_that_counts(image: str, version: str = "1", **env: str) -> dict[str, Any]:
    """One with metrics, of which those are left out that the Gateway has, too."""
    spec = a_canary(image, version, **env)
    return {**spec, "rollout": {**spec["rollout"], "evidence": {"source": "Gateway"}}}


def uncounted(image: str, version: str = "1", **env: str) -> dict[str, Any]:
    """One without metrics."""
    spec = a_server_that_counts(image, version, **env)
    del spec["runtime"]["container"]["metrics"]
    return spec


@pytest.fixture(scope="module")
def prometheus(gateway_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusProcess]:
    """Scrapes the Gateway, and nothing else."""
    gateway = {"job_name": "gateway", "static_configs": [{"targets": [f"{HOST}:{METRICS_PORT}"]}]}
    with scraping(tmp_path_factory.mktemp("prometheus") / "data", gateway, interval=INTERVAL) as process:
        yield process


@pytest.fixture(scope="module")
def games(
    kube: Kube,
    server_image: str,
    gateway_address: str,
    prometheus: PrometheusProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Future[Played]]]:
    """All cases, on their way."""
    cases = (
        Case(name="good", server=uncounted),
        Case(name="errors", server=uncounted, env={"ERROR_RATE": "0.2"}),
        Case(name="hangs-up", server=a_server_that_counts, env={"HANG_UP_RATE": "0.5"}),
        Case(name="slow", server=uncounted, before={"LATENCY": "0.04"}, env={"LATENCY": "0.12"}),
    )
    told = {"FAIRLEAD_PROMETHEUS_URL": prometheus.url, "FAIRLEAD_GATEWAY_METRICS": "Traefik"}
    with ExitStack() as stack:
        namespace = stack.enter_context(kube.namespace())
        gateway_in(kube, namespace)
        stack.enter_context(running(kube.kubeconfig, tmp_path_factory.mktemp("operator"), namespace, settings=told))
        yield stack.enter_context(playing(kube, namespace, server_image, cases, gateway_address))


def cells(played: Played) -> dict[str, Any]:
    assert played.record["evidence"]["source"] == "the Gateway"
    return {cell["name"]: cell for cell in played.record["evidence"]["cells"]}


def test_a_version_with_errors_is_rolled_back(games: dict[str, Future[Played]]):
    played = games["errors"].result()
    assert (played.record["outcome"], played.record["reason"]) == ("RolledBack", "EvidenceAgainst")
    errors = cells(played)["errors"]
    assert (errors["stable"]["bad"], played.counted["reasons"].keys()) == (0, {"status 500"})
    assert 2 <= errors["canary"]["bad"] <= played.counted["failed"]


def test_a_version_that_does_not_answer_is_rolled_back_although_it_counts_no_error(games: dict[str, Future[Played]]):
    played = games["hangs-up"].result()
    assert (played.record["outcome"], played.record["reason"]) == ("RolledBack", "EvidenceAgainst")
    assert 2 <= cells(played)["errors"]["canary"]["bad"] <= played.counted["failed"]
    assert set(played.counted["reasons"]) == {"status 502"}


def test_a_version_that_takes_three_times_as_long_is_rolled_back_without_a_lost_request(
    games: dict[str, Future[Played]],
):
    played = games["slow"].result()
    assert (played.record["outcome"], played.record["reason"]) == ("RolledBack", "EvidenceAgainst")
    assert "Latency>" in played.record["message"]
    assert played.counted["failed"] == 0, played.counted["failures"]


def test_a_good_version_is_promoted_without_a_lost_request(games: dict[str, Future[Played]]):
    played = games["good"].result()
    assert (played.record["outcome"], played.record["reason"]) == ("Promoted", "EvidenceFor")
    assert played.counted["failed"] == 0, played.counted["failures"]
    canary = cells(played)["errors"]["canary"]
    assert 0 < canary["requests"] <= played.counted["ok"]

"""Canaries that are judged by a real Prometheus, which finds and scrapes their real pods in the cluster."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.discovery import discovery
from e2e.traffic import lost_while
from fairlead.api.kinds import MODEL_DEPLOYMENT
from kube import Kube
from models import SLO, a_canary, a_model
from operator_process import OperatorProcess, running
from prometheus_process import PrometheusProcess, scraping
from waiting import until

INTERVAL = "5s"


@pytest.fixture
def prometheus(kube: Kube, namespace: str, tmp_path: Path) -> Iterator[PrometheusProcess]:
    """Scrapes the pods of the model."""
    with discovery(kube, namespace) as url:
        pods = {"job_name": "pods", "http_sd_configs": [{"url": url, "refresh_interval": "2s"}]}
        with scraping(tmp_path / "prometheus", pods, interval=INTERVAL) as process:
            yield process


@pytest.fixture
def served(
    kube: Kube, prometheus: PrometheusProcess, namespace: str, server_image: str, tmp_path: Path
) -> Iterator[OperatorProcess]:
    """Version 1 serves, and its operator knows the Prometheus."""
    with running(kube.kubeconfig, tmp_path, namespace, settings={"FAIRLEAD_PROMETHEUS_URL": prometheus.url}) as process:
        kube.create(MODEL_DEPLOYMENT, a_model(namespace, **judged(server_image, "1")))
        kube.wait_ready(namespace, "fraud")
        yield process


GUARDRAIL = {
    "name": "guardrail",
    "target": "90",
    "queries": {
        "bad": 'sum by (namespace, pod) (http_requests_total{code="500"})',
        "total": "sum by (namespace, pod) (http_requests_total)",
    },
}


def judged(image: str, version: str, **env: str) -> dict[str, Any]:
    spec = a_canary(image, version, **env)
    spec["rollout"]["evidence"] = {"source": "Prometheus"}
    return spec


def rollout(kube: Kube, namespace: str) -> dict[str, Any]:
    return dict(kube.model(namespace, "fraud")["status"]["rollout"])


def decided(kube: Kube, namespace: str) -> list[dict[str, Any]]:
    return list(kube.model(namespace, "fraud")["status"].get("history") or ())


def ask(kube: Kube, namespace: str, image: str, **env: str) -> None:
    """Version 2, until it is on trial."""
    slo = kube.model(namespace, "fraud")["spec"]["slo"]
    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {**judged(image, "2", **env), "slo": slo}})
    until(lambda: rollout(kube, namespace)["phase"] == "Judging", seconds=90, what="Judging")


@pytest.mark.usefixtures("served")
def test_a_version_with_errors_is_rolled_back(kube: Kube, namespace: str, server_image: str):
    """Its trial begins two minutes after the pods of the old one did: a query is not believed before."""
    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {"slo": {"objectives": [*SLO["objectives"], GUARDRAIL]}}})

    def act() -> None:
        ask(kube, namespace, server_image, ERROR_RATE="0.2")
        until(lambda: decided(kube, namespace), seconds=300, every=0.5, what="a decision")

    lost_while(kube, namespace, server_image, act)
    (record,) = decided(kube, namespace)
    assert (record["outcome"], record["reason"]) == ("RolledBack", "EvidenceAgainst")
    assert record["evidence"]["source"] == "Prometheus"
    cells = {cell["name"]: cell for cell in record["evidence"]["cells"]}
    assert set(cells) > {"errors", "guardrail"}
    assert cells["errors"]["canary"]["bad"] >= 3
    assert cells["errors"]["stable"]["bad"] == 0


@pytest.mark.usefixtures("served")
def test_a_good_version_waits_while_prometheus_is_away_and_is_promoted_when_it_is_back(
    kube: Kube, namespace: str, server_image: str, prometheus: PrometheusProcess
):
    def missing() -> bool:
        ready = kube.condition(namespace, "fraud", "Ready")
        return ready["reason"] == "EvidenceMissing" and "the connection is refused" in ready["message"]

    def weight() -> float:
        return float(rollout(kube, namespace).get("weight") or 0)

    def act() -> None:
        ask(kube, namespace, server_image)
        until(lambda: weight() == 25, seconds=90, what="a share of the traffic")
        prometheus.stop()
        until(missing, seconds=90, what="EvidenceMissing")
        assert (weight(), decided(kube, namespace)) == (25, [])
        prometheus.start()
        until(lambda: not missing(), seconds=60, what="the end of EvidenceMissing")
        until(lambda: decided(kube, namespace), seconds=400, every=0.5, what="a decision")

    counted = lost_while(kube, namespace, server_image, act)
    (record,) = decided(kube, namespace)
    assert (record["outcome"], record["evidence"]["source"]) == ("Promoted", "Prometheus")
    assert counted["failed"] == 0, counted["failures"]

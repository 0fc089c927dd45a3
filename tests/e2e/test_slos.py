"""A real Prometheus that scrapes real pods by the PodMonitor, and evaluates the rules: it alerts when it should.

Nothing is accelerated, but that what is left of the budget is summed up every minute like all the rest, and not every
four: so it takes minutes. What the Prometheus Operator would make of a PodMonitor and a PrometheusRule, this test makes
of them by hand.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.discovery import MODEL, discovery, scrape
from e2e.load import load
from fairlead.api.kinds import DEPLOYMENT, MODEL_DEPLOYMENT, POD, PROMETHEUS_RULE
from generation.dashboards import dashboards
from kube import Kube
from models import METRICS, a_model, a_server
from operator_process import OperatorProcess, running
from prometheus_process import PrometheusProcess, scraping
from unit.slo.promtool import check
from waiting import until

SLO = {
    "objectives": [
        {"name": "availability", "metric": "Errors", "target": "99"},
        {"name": "latency", "metric": "Latency", "target": "80", "threshold": "800ms"},
    ]
}
FIRING = "ALERTS{alertstate='firing'}"


@pytest.fixture
def served(kube: Kube, operator: OperatorProcess, namespace: str, server_image: str) -> Iterator[None]:
    """A model under load."""
    spec = a_server(server_image)
    spec["runtime"]["container"]["metrics"] = METRICS
    kube.create(MODEL_DEPLOYMENT, a_model(namespace, **spec, slo=SLO, monitoring={"owner": "team-risk"}, replicas=2))
    kube.wait_ready(namespace, "fraud")
    with load(kube, namespace, server_image):
        yield


@pytest.mark.usefixtures("served")
@pytest.mark.timeout(1200)
def test_it_alerts_when_the_model_goes_bad_and_then_no_new_version_is_tried(
    kube: Kube, namespace: str, operator: OperatorProcess, tmp_path: Path
):
    until(lambda: monitoring(kube, namespace)["status"] == "True", seconds=60, what="MonitoringActive")
    assert "latency is held to 1s, the next edge of its histogram above 800ms" in monitoring(kube, namespace)["message"]

    with (
        discovery(kube, namespace) as pods,
        scraping(
            tmp_path / "prometheus",
            scrape(kube, namespace, pods),
            interval="5s",
            rules=rules(kube, namespace, tmp_path),
        ) as prometheus,
    ):
        budgets = "fairlead:error_budget_remaining:ratio"
        until(
            lambda: len(prometheus.query(f"{budgets} > 0.9")) == 2,
            seconds=400,
            every=2,
            what="budgets that are whole, or nearly so",
        )
        assert prometheus.query(FIRING) == []

        for pod in kube.list(POD, namespace, MODEL):
            kube.kubectl(
                "exec", "-n", namespace, pod["metadata"]["name"], "--", "sh", "-c", "echo 0.5 > /tmp/error-rate"
            )
        until(lambda: prometheus.query(FIRING), seconds=240, every=2, what="an alert")
        until(lambda: len(severities(prometheus)) == 2, seconds=240, every=2, what="all of them")
        assert {each["metric"]["alertname"] for each in prometheus.query(FIRING)} == {"FairleadErrorBudgetBurn"}
        assert {each["metric"]["objective"] for each in prometheus.query(FIRING)} == {"availability"}
        assert {each["metric"]["owner"] for each in prometheus.query(FIRING)} == {"team-risk"}
        (remaining,) = prometheus.query(f'{budgets}{{objective="latency"}}')
        assert float(remaining["value"][1]) > 0.9
        assert [query for query in dashboard_queries(namespace) if not prometheus.query(query)] == []
        spent = f'{budgets}{{objective="availability"}} < 0'
        until(lambda: prometheus.query(spent), seconds=120, every=2, what="a budget that is spent")
        no_new_version_is_tried_until_a_person_wants_it(kube, namespace, operator, prometheus, tmp_path / "told")


def no_new_version_is_tried_until_a_person_wants_it(
    kube: Kube, namespace: str, operator: OperatorProcess, prometheus: PrometheusProcess, folder: Path
) -> None:
    """The budget is spent, and the rules of the model say so."""
    operator.terminate()
    folder.mkdir()
    told = {"FAIRLEAD_PROMETHEUS_URL": prometheus.url, "FAIRLEAD_LEADER_ELECTION": "false"}
    with running(kube.kubeconfig, folder, namespace, settings=told):
        rollout = {"strategy": "Canary", "errorBudget": {"minRemaining": 10}}
        spec = {"model": {"version": "2"}, "rollout": rollout}
        kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": spec})
        until(lambda: ready(kube, namespace)["reason"] == "ErrorBudgetSpent", seconds=60, what="ErrorBudgetSpent")
        assert "% of availability" in ready(kube, namespace)["message"]
        rollout = kube.model(namespace, "fraud")["status"]["rollout"]
        assert kube.get(DEPLOYMENT, namespace, rollout["revision"]) is None
        order = {"fairlead.dev/start": f"{rollout['revision']} by jane"}
        kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"metadata": {"annotations": order}})
        until(lambda: kube.get(DEPLOYMENT, namespace, rollout["revision"]), seconds=60, what="a start by hand")
        started = kube.model(namespace, "fraud")["status"]["rollout"]["errorBudget"]["told"]
        assert started.endswith("; jane started it"), started


def ready(kube: Kube, namespace: str) -> dict[str, Any]:
    return {"reason": "", **kube.condition(namespace, "fraud", "Ready")}


def dashboard_queries(namespace: str) -> list[str]:
    """What Grafana would ask for this model."""
    made = [json.loads(content) for name, content in dashboards() if name != "operator"]
    asked = [target["expr"] for each in made for panel in each["panels"] for target in panel["targets"]]
    return [each.replace("$namespace", namespace).replace("$modeldeployment", "fraud") for each in asked]


def monitoring(kube: Kube, namespace: str) -> dict[str, Any]:
    return {"status": "", **kube.condition(namespace, "fraud", "MonitoringActive")}


def severities(prometheus: PrometheusProcess) -> set[str]:
    return {each["metric"]["severity"] for each in prometheus.query(FIRING)}


def rules(kube: Kube, namespace: str, folder: Path) -> list[dict[str, Any]]:
    """The groups of the PrometheusRule, which the rule file of a Prometheus has in the same words."""
    found = kube.get(PROMETHEUS_RULE, namespace, "fraud")
    assert found is not None
    file = folder / "rules.json"
    file.write_text(json.dumps(found["spec"]))
    check(file)
    return [{**group, "interval": "1m"} for group in found["spec"]["groups"]]

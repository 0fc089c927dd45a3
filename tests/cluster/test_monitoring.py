"""PodMonitors, PrometheusRules and ConfigMaps on a real API server, with the Prometheus Operator's own definitions."""

from typing import Any

import pytest
import yaml

from fairlead.api.kinds import CONFIG_MAP, MODEL_DEPLOYMENT, POD_MONITOR, PROMETHEUS_RULE
from fairlead.api.revision import Revision, Snapshot
from fairlead.api.server import Ports
from fairlead.apply.difference import difference
from fairlead.desired.monitors import monitors
from fairlead.monitoring.monitored import Monitored
from fairlead.situation import Identity
from fairlead.slo.rules import Measured, measured
from kube import Kube
from models import METRICS, a_model
from operator_process import OperatorProcess
from unit.slo.profiles import EDGES, PROFILE, SUBJECT, TERMS, availability, latency
from waiting import until

AVAILABILITY = {"name": "availability", "metric": "Errors", "target": "99.9"}
LATENCY = {"name": "latency", "metric": "Latency", "target": "95", "threshold": "300ms"}


def a_measured_model(namespace: str, **spec: Any) -> dict[str, Any]:
    container = {"image": "registry.invalid/fraud:1", "metrics": METRICS}
    return a_model(namespace, runtime={"container": container}, slo={"objectives": [AVAILABILITY]}, **spec)


def made(kube: Kube, namespace: str) -> set[tuple[str, str]]:
    kinds = {POD_MONITOR.kind, PROMETHEUS_RULE.kind, CONFIG_MAP.kind}
    return {(kind, name) for kind, name in kube.children(namespace, "fraud") if kind in kinds}


@pytest.mark.usefixtures("operator")
def test_they_come_change_and_go_with_the_spec(kube: Kube, namespace: str):
    kube.create(MODEL_DEPLOYMENT, a_measured_model(namespace, monitoring={"labels": {"release": "a", "team": "b"}}))
    both = {("PodMonitor", "fraud"), ("PrometheusRule", "fraud")}
    until(lambda: made(kube, namespace) == both, seconds=30, what="both objects")

    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {"monitoring": {"labels": {"team": None}}}})
    until(lambda: "team" not in labels(kube, namespace), seconds=30, what="one label less")
    assert labels(kube, namespace)["release"] == "a"

    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {"monitoring": {"scrape": False, "rules": "ConfigMap"}}})
    until(lambda: made(kube, namespace) == {("ConfigMap", "fraud-rules")}, seconds=30, what="a ConfigMap alone")
    (text,) = (kube.get(CONFIG_MAP, namespace, "fraud-rules") or {})["data"].values()
    assert len(yaml.safe_load(text)["groups"]) == 2


def labels(kube: Kube, namespace: str) -> dict[str, str]:
    return dict((kube.get(POD_MONITOR, namespace, "fraud") or {})["metadata"]["labels"])


def test_another_period_is_another_rule_and_nothing_else(kube: Kube, namespace: str, operator: OperatorProcess):
    kube.create(MODEL_DEPLOYMENT, a_measured_model(namespace))
    until(lambda: len(made(kube, namespace)) == 2, seconds=30, what="both objects")
    before = versions(kube, namespace)
    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {"slo": {"period": "7d"}}})
    until(lambda: windows(kube, namespace) == {"14m", "84m", "336m", "1008m"}, seconds=30, what="other windows")
    after = versions(kube, namespace)
    assert {name for name in before if before[name] != after[name]} == {("PrometheusRule", "fraud")}
    assert operator.metric("fairlead_noop_writes_total") == 0


def versions(kube: Kube, namespace: str) -> dict[tuple[str, str], str]:
    """Of all objects but Deployments, whose status changes by itself."""
    found = kube.children(namespace, "fraud")
    return {key: each["metadata"]["resourceVersion"] for key, each in found.items() if key[0] != "Deployment"}


def windows(kube: Kube, namespace: str) -> set[str]:
    groups = (kube.get(PROMETHEUS_RULE, namespace, "fraud") or {})["spec"]["groups"]
    found = [rule for group in groups for rule in group["rules"]]
    return {rule["labels"]["long_window"] for rule in found if "long_window" in rule.get("labels", {})}


@pytest.mark.parametrize("kind", [PROMETHEUS_RULE, CONFIG_MAP])
def test_what_is_stored_is_what_was_wanted(kube: Kube, namespace: str, kind: Any):
    """Else it would be written again and again."""
    identity = Identity(name="fraud", namespace=namespace, uid="00000000-0000-0000-0000-000000000000", generation=1)
    for manifest in monitors(identity, {"release": "a"}, everything(kind)):
        wanted = {**manifest, "metadata": {**manifest["metadata"], "ownerReferences": []}}
        of = {each.kind: each for each in (POD_MONITOR, PROMETHEUS_RULE, CONFIG_MAP)}[manifest["kind"]]
        stored = kube.apply(of, wanted, manager="fairlead")
        assert difference(wanted, stored) is None


def everything(kind: Any) -> Monitored:
    found = [measured(each, ((PROFILE, ()),), EDGES, SUBJECT) for each in (availability(), latency())]
    revisions = tuple(
        Revision(
            name=f"fraud-{n}",
            number=n,
            wish="",
            snapshot=Snapshot(inputs={}, template={}, ports=Ports(http=8080, metrics=metrics), metrics=PROFILE),
            data={},
        )
        for n, metrics in ((1, None), (2, 8082))
    )
    return Monitored(
        subject=SUBJECT,
        terms=TERMS,
        revisions=revisions,
        scrape="PodMonitor",
        rules=kind,
        served=True,
        measured=tuple(each for each in found if isinstance(each, Measured)),
        unmeasured=(),
    )

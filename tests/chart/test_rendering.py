"""What the chart renders, for each way of installing it."""

import json
from collections.abc import Mapping
from datetime import timedelta
from importlib.metadata import version
from typing import Any

import pytest

from chart.value_sets import ALL_OPTIONS, VALUE_SETS
from fairlead.api.gatewaymetrics import ISTIO, TRAEFIK, GatewayMetrics
from fairlead.cluster.lease import Terms
from fairlead.desired.network_policy import OPERATOR_LABELS
from fairlead.settings import Settings, settings_from
from fairlead.slo.events import PodLabels
from generation.alerts import operator_alerts
from installation.helm import API, Helm, Object

MONITORING = tuple(f"monitoring.coreos.com/v1/{kind}" for kind in ("ServiceMonitor", "PrometheusRule"))


@pytest.mark.parametrize("name", VALUE_SETS)
def test_helm_lint_has_no_objection(helm: Helm, name: str) -> None:
    # lint sees no cluster that serves them
    values = {**VALUE_SETS[name], "serviceMonitor": {"enabled": False}, "monitoring": {}}
    helm.run("lint", "--strict", str(helm.chart), values=values)


@pytest.mark.parametrize("name", VALUE_SETS)
def test_no_object_comes_twice(helm: Helm, name: str) -> None:
    names = [_identity(found) for found in _render(helm, VALUE_SETS[name])]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", VALUE_SETS)
def test_pods_pass_the_restricted_level(helm: Helm, name: str) -> None:
    for found in [*_render(helm, VALUE_SETS[name]), *_render(helm, VALUE_SETS[name], apis=MONITORING)]:
        if found["kind"] not in ("Deployment", "Job"):
            continue
        pod = found["spec"]["template"]["spec"]
        assert pod["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
        assert all(set(volume) == {"name", "secret"} for volume in pod.get("volumes", ())), "as that level allows"


@pytest.mark.parametrize("name", VALUE_SETS)
def test_network_policies_of_models_let_the_operator_in(helm: Helm, name: str) -> None:
    labels = _operator(helm, VALUE_SETS[name])["spec"]["template"]["metadata"]["labels"]
    assert OPERATOR_LABELS.items() <= labels.items()


CERTIFICATE = "-----BEGIN CERTIFICATE-----"


def test_what_identifies_the_operator_cannot_be_changed_by_values(helm: Helm) -> None:
    taken = dict.fromkeys(OPERATOR_LABELS, "mine")
    operator = _operator(helm, {"labels": taken, "podLabels": taken})
    labels = operator["spec"]["template"]["metadata"]["labels"]
    assert OPERATOR_LABELS.items() <= labels.items()
    assert operator["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_the_operator_gets_the_settings_that_the_values_say(helm: Helm) -> None:
    settings = _settings(helm, ALL_OPTIONS)
    assert settings == Settings(
        namespaces=("risk", "search"),
        operator_namespace="fairlead-system",
        pod_name="a-pod",
        lease_name="models-leader",
        workers=4,
        pod_access="Proxy",
        prometheus_url="https://prometheus.example",
        prometheus_token_file="/etc/fairlead/prometheus/token",
        prometheus_ca_file="/etc/fairlead/prometheus/ca.crt",
        prometheus_pod_label="k8s_pod",
        prometheus_namespace_label="ns",
        prometheus_queries=False,
        gateway_metrics=TRAEFIK.model_copy(update={"labels": {**TRAEFIK.labels, "cluster": "eu"}}),
        keda_prometheus_url="https://thanos.example",
        keda_authentication="thanos",
        keda_auth_modes="tls,basic",
        fetch_image=f"registry.example/fetcher@sha256:{'1' * 64}",
        fetch_env=(("HF_ENDPOINT", "https://hub.example"), ("HTTPS_PROXY", "http://proxy.example:3128")),
        fetch_ca_bundle=CERTIFICATE,
        fetch_recheck=timedelta(hours=1, minutes=30),
        image_volumes="Never",
        runbooks_url="https://wiki.example/fairlead",
        dashboards_url="https://grafana.example/team",
        log_level="DEBUG",
        log_format="text",
    )


def test_the_defaults_are_the_operators_own(helm: Helm) -> None:
    fetcher = f"ghcr.io/fairlead/fetcher:{version('fairlead')}"  # which is where the chart's images are
    assert _settings(helm, {}) == Settings(pod_name="a-pod", fetch_image=fetcher)


def test_there_need_not_be_a_fetcher(helm: Helm) -> None:
    assert _settings(helm, {"sources": {"image": {"repository": ""}}}).fetch_image == ""


def test_queries_are_forbidden_where_the_operator_knows_no_prometheus_too(helm: Helm) -> None:
    """Rules have them asked by a Prometheus that the operator need not know."""
    assert not _settings(helm, {"prometheus": {"queries": False}}).prometheus_queries


def test_pods_are_called_so_in_rules_where_the_operator_knows_no_prometheus_too(helm: Helm) -> None:
    found = _settings(helm, {"prometheus": {"podLabel": "k8s_pod", "namespaceLabel": "ns"}})
    assert found.site(minor=37).pod_labels == PodLabels(namespace="ns", pod="k8s_pod")


def test_a_gateway_that_is_not_known_by_its_name_is_described_as_a_model_server_is(helm: Helm) -> None:
    counted = {
        "labels": {"upstream": "{namespace}/{service}"},
        "errors": {
            "bad": [{"series": "answers_total", "labels": {"code": "5.."}}],
            "total": [{"series": "answers_total"}],
        },
        "latency": {"series": "answer_seconds"},
    }
    found = _settings(helm, {"prometheus": {"gateway": counted}}).gateway_metrics
    assert found == GatewayMetrics.model_validate(counted)
    assert _settings(helm, {"prometheus": {"gateway": {"like": "Istio"}}}).gateway_metrics == ISTIO
    assert _settings(helm, {}).gateway_metrics is None


def test_the_secret_for_prometheus_is_mounted_where_the_values_say(helm: Helm) -> None:
    (mounted,) = _container(helm, ALL_OPTIONS)["volumeMounts"]
    assert mounted == {"name": "prometheus", "mountPath": "/etc/fairlead/prometheus", "readOnly": True}
    (volume,) = _operator(helm, ALL_OPTIONS)["spec"]["template"]["spec"]["volumes"]
    assert volume == {"name": "prometheus", "secret": {"secretName": "prometheus"}}
    assert "volumes" not in _operator(helm, {"prometheus": {"url": "http://p"}})["spec"]["template"]["spec"]


def test_probes_ask_the_port_that_the_operator_listens_on(helm: Helm) -> None:
    container = _container(helm, {})
    assert container["ports"] == [{"name": "http", "containerPort": Settings().http_port}]
    asked = {name: container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert asked == {
        "startupProbe": {"path": "/healthz", "port": "http"},
        "livenessProbe": {"path": "/healthz", "port": "http"},
        "readinessProbe": {"path": "/readyz", "port": "http"},
    }


def test_an_ending_leader_has_time_for_a_request_and_for_its_lease(helm: Helm) -> None:
    grace = timedelta(seconds=_operator(helm, {})["spec"]["template"]["spec"]["terminationGracePeriodSeconds"])
    a_request = timedelta(seconds=10)
    assert grace >= a_request + Terms().duration


def test_an_image_with_a_digest_is_not_named_by_its_tag(helm: Helm) -> None:
    images = [
        _container(helm, {"image": image})["image"]
        for image in ({}, {"tag": "9.9"}, {"tag": "9.9", "digest": f"sha256:{'0' * 64}"})
    ]
    assert images == [
        "ghcr.io/fairlead/fairlead:0.1.0",
        "ghcr.io/fairlead/fairlead:9.9",
        f"ghcr.io/fairlead/fairlead@sha256:{'0' * 64}",
    ]


def test_a_single_replica_can_be_drained(helm: Helm) -> None:
    assert "PodDisruptionBudget" in _kinds(helm, {})
    assert "PodDisruptionBudget" not in _kinds(helm, {"replicas": 1})


def test_a_second_release_leaves_alone_what_all_share(helm: Helm) -> None:
    kinds = _kinds(helm, VALUE_SETS["second"])
    assert kinds.isdisjoint({"CustomResourceDefinition", "ModelRuntime"})
    first, second = (
        {_identity(found) for found in helm.render(VALUE_SETS["second"], release=name, namespace=name)}
        for name in ("fairlead-a", "fairlead-b")
    )
    assert first.isdisjoint(second)


def test_extra_labels_and_annotations_are_on_every_object(helm: Helm) -> None:
    for found in _render(helm, ALL_OPTIONS):
        assert found["metadata"]["labels"]["team"] == "platform", _identity(found)
        assert found["metadata"]["annotations"]["contact"] == "platform@example.com", _identity(found)


def test_crds_survive_their_release(helm: Helm) -> None:
    crds = [found for found in helm.render() if found["kind"] == "CustomResourceDefinition"]
    assert len(crds) == 2
    for crd in crds:
        annotations = crd["metadata"]["annotations"]
        assert annotations["helm.sh/resource-policy"] == "keep"
        assert "Prune=false,Delete=false" in annotations["argocd.argoproj.io/sync-options"]
        assert not any(name.startswith("helm.sh/hook") for name in annotations), "a hook may be deleted"


def test_runtimes_are_ordinary_objects_where_their_kind_is_known(helm: Helm) -> None:
    assert not [found for found in helm.render() if _is_hook(found)]


def test_runtimes_come_after_their_kind_where_it_is_not_known(helm: Helm) -> None:
    hooks = [found for found in helm.render(apis=()) if _is_hook(found)]
    weights = {found["kind"]: int(found["metadata"]["annotations"].get("helm.sh/hook-weight", 0)) for found in hooks}
    assert weights == {"Job": -1, "ModelRuntime": 0}
    for found in hooks:
        if found["kind"] == "ModelRuntime":  # so that the next upgrade may take it over
            assert found["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
            assert found["metadata"]["annotations"]["meta.helm.sh/release-name"] == "fairlead"
            assert found["metadata"]["annotations"]["meta.helm.sh/release-namespace"] == "fairlead-system"


def test_a_runtime_can_be_left_out(helm: Helm) -> None:
    def runtimes(values: Mapping[str, Any]) -> set[str]:
        return {found["metadata"]["name"] for found in helm.render(values) if found["kind"] == "ModelRuntime"}

    assert runtimes({}) - runtimes({"runtimes": {"exclude": ["http"]}}) == {"http"}
    assert runtimes({"runtimes": {"install": False}}) == set()


def test_notes_say_what_to_do_next(helm: Helm) -> None:
    for name in ("default", "namespaced"):
        where = ("--namespace=fairlead-system", "--dry-run=client")
        said = helm.run("install", "fairlead", str(helm.chart), *where, values=VALUE_SETS[name])
        assert "kubectl -n fairlead-system rollout status deployment/fairlead" in said.partition("NOTES:")[2]


def _render(helm: Helm, values: Mapping[str, Any], apis: tuple[str, ...] = (API, *MONITORING)) -> list[Object]:
    return helm.render(values, apis=apis)


def _kinds(helm: Helm, values: Mapping[str, Any]) -> set[str]:
    return {found["kind"] for found in _render(helm, values)}


def _operator(helm: Helm, values: Mapping[str, Any]) -> Object:
    [found] = [found for found in _render(helm, values) if found["kind"] == "Deployment"]
    return found


def _container(helm: Helm, values: Mapping[str, Any]) -> Object:
    [found] = _operator(helm, values)["spec"]["template"]["spec"]["containers"]
    return dict(found)


def _settings(helm: Helm, values: Mapping[str, Any]) -> Settings:
    """As the operator reads them, with the pod's own fields filled in as the kubelet does."""
    fields = {"metadata.name": "a-pod", "metadata.namespace": "fairlead-system"}
    environment = {}
    for variable in _container(helm, values)["env"]:
        source = variable.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath")
        mapped = variable.get("valueFrom", {}).get("configMapKeyRef")
        if mapped:
            assert mapped == {"name": "authorities", "key": "ca.crt"}
        environment[variable["name"]] = fields[source] if source else CERTIFICATE if mapped else variable["value"]
    return settings_from(environment)


def _is_hook(found: Object) -> bool:
    return "helm.sh/hook" in found["metadata"].get("annotations", {})


def _identity(found: Object) -> tuple[str, str, str]:
    return found["kind"], found["metadata"].get("namespace", ""), found["metadata"]["name"]


def test_alerts_are_those_of_the_release(helm: Helm) -> None:
    values = {"monitoring": {"runbooksUrl": "https://wiki.example", "alerts": {"enabled": True, "labels": {"a": "b"}}}}
    rendered = helm.render(values, release="search", namespace="ml", apis=(API, *MONITORING))
    (rules,) = (each for each in rendered if each["kind"] == "PrometheusRule")
    (service,) = (each["metadata"]["name"] for each in rendered if each["kind"] == "Service")
    assert rules["spec"]["groups"] == operator_alerts("ml", service, "https://wiki.example")
    assert (rules["metadata"]["name"], rules["metadata"]["namespace"]) == (service, "ml")
    assert rules["metadata"]["labels"]["a"] == "b"


def test_without_replicas_or_without_being_asked_for_there_are_no_alerts(helm: Helm) -> None:
    assert "PrometheusRule" not in _kinds(helm, {})
    assert "PrometheusRule" not in _kinds(helm, {"replicas": 0, "monitoring": {"alerts": {"enabled": True}}})


def test_dashboards_are_found_by_their_label(helm: Helm) -> None:
    rendered = helm.render({"dashboards": {"enabled": True}})
    found = {each["metadata"]["name"]: each for each in rendered if each["kind"] == "ConfigMap"}
    assert set(found) == {f"fairlead-dashboard-{name}" for name in ("model", "models", "operator")}
    for name, made in found.items():
        assert made["metadata"]["labels"]["grafana_dashboard"] == "1"
        ((file, content),) = made["data"].items()
        assert file == name.replace("-dashboard", "") + ".json"
        assert json.loads(content)["tags"] == ["fairlead"]

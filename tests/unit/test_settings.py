"""settings.py: what the operator is told about Prometheus."""

import json

import pytest

from fairlead.api.gatewaymetrics import TRAEFIK
from fairlead.api.traffic import Gateway
from fairlead.settings import InvalidSetting, PrometheusSettings, settings_from


def test_without_an_address_there_is_no_prometheus():
    assert settings_from({"FAIRLEAD_PROMETHEUS_URL": "", "FAIRLEAD_PROMETHEUS_POD_LABEL": "k8s_pod"}).prometheus is None


def test_the_address_is_all_it_takes():
    found = settings_from({"FAIRLEAD_PROMETHEUS_URL": "https://metrics.example/team/"}).prometheus
    assert found == PrometheusSettings(url="https://metrics.example/team")


def test_everything_can_be_said():
    found = settings_from(
        {
            "FAIRLEAD_PROMETHEUS_URL": "http://thanos-query.monitoring:9090",
            "FAIRLEAD_PROMETHEUS_TOKEN_FILE": "/run/token",
            "FAIRLEAD_PROMETHEUS_CA_FILE": "/run/ca.crt",
            "FAIRLEAD_PROMETHEUS_POD_LABEL": "k8s_pod",
            "FAIRLEAD_PROMETHEUS_NAMESPACE_LABEL": "ns",
            "FAIRLEAD_PROMETHEUS_QUERIES": "false",
        }
    )
    assert found.prometheus == PrometheusSettings(
        url="http://thanos-query.monitoring:9090",
        token_file="/run/token",
        ca_file="/run/ca.crt",
        pod_label="k8s_pod",
        namespace_label="ns",
        queries=False,
    )


def test_keda_asks_the_prometheus_that_the_operator_asks_unless_another_is_named():
    url = {"FAIRLEAD_PROMETHEUS_URL": "http://prometheus"}
    assert settings_from(url).site(minor=37).keda_prometheus == "http://prometheus"
    other = {**url, "FAIRLEAD_KEDA_PROMETHEUS_URL": "https://thanos.example/"}
    assert settings_from(other).site(minor=37).keda_prometheus == "https://thanos.example"
    assert settings_from({}).site(minor=37).keda_prometheus == ""


@pytest.mark.parametrize(
    ("said", "minor", "mounted"), [("Auto", 34, False), ("Auto", 35, True), ("Always", 33, True), ("Never", 37, False)]
)
def test_images_are_mounted_where_the_cluster_does_it_by_itself_or_as_it_is_said(said: str, minor: int, mounted: bool):
    assert settings_from({"FAIRLEAD_IMAGE_VOLUMES": said}).site(minor).fetching.image_volumes is mounted


def a_gateway(service: str) -> str:
    answers = {"series": "answers_total", "labels": {"status": "5.."}}
    return json.dumps(
        {"labels": {"service": service}, "errors": {"bad": [answers], "total": [{"series": "answers_total"}]}}
    )


def test_a_gateway_is_known_by_its_name_or_described():
    assert settings_from({}).gateway_metrics is None
    assert settings_from({"FAIRLEAD_GATEWAY_METRICS": "Traefik"}).site(minor=37).gateway == TRAEFIK
    found = settings_from({"FAIRLEAD_GATEWAY_METRICS": a_gateway("{gateway}/{namespace}/{service}")}).gateway_metrics
    assert found is not None
    assert found.metrics == ("Errors",)
    assert found.matchers("risk", "fraud-1", Gateway(name="public.a")) == {"service": r"public\.a/risk/fraud-1"}


def test_a_gateway_may_be_like_one_that_is_known_in_one_cluster_of_several():
    found = settings_from({"FAIRLEAD_GATEWAY_METRICS": '{"like": "Traefik", "labels": {"cluster": "eu"}}'})
    assert found.gateway_metrics is not None
    assert found.gateway_metrics.labels == {**TRAEFIK.labels, "cluster": "eu"}
    assert found.gateway_metrics.errors == TRAEFIK.errors
    assert found.gateway_metrics.naming == "service"


@pytest.mark.parametrize(
    ("name", "value", "takes"),
    [
        ("PROMETHEUS_URL", "prometheus:9090", "takes an address such as http://"),
        ("PROMETHEUS_URL", "http://admin:secret@prometheus", "without user and query"),
        ("PROMETHEUS_URL", "http://prometheus/?tenant=a", "without user and query"),
        ("PROMETHEUS_TOKEN_FILE", "token", "takes the full path of a file"),
        ("PROMETHEUS_CA_FILE", "./ca.crt", "takes the full path of a file"),
        ("PROMETHEUS_POD_LABEL", "pod-name", "takes the name of a label"),
        ("PROMETHEUS_NAMESPACE_LABEL", "", "takes the name of a label"),
        ("PROMETHEUS_QUERIES", "no", "takes one of true, false"),
        ("GATEWAY_METRICS", "Envoy", "takes Traefik, Istio, or a JSON object with like and labels"),
        ("GATEWAY_METRICS", '{"labels": {"service": "{service}"}}', "errors: Field required"),
        ("GATEWAY_METRICS", '{"like": ["Traefik"]}', "like: takes one of Traefik, Istio"),
        ("GATEWAY_METRICS", '{"labels": {"cluster": "eu"}}', "errors: Field required"),
        ("GATEWAY_METRICS", '{"like": "Envoy"}', "like: takes one of Traefik, Istio"),
        ("GATEWAY_METRICS", '{"lables": {}}', "labels: Field required"),
        ("GATEWAY_METRICS", a_gateway("{service}"), r"labels must hold \{namespace\}"),
        (
            "GATEWAY_METRICS",
            a_gateway("{namespace}-{service}-(a+)+"),
            "label service must be a simple regular expression",
        ),
        ("KEDA_PROMETHEUS_URL", "prometheus:9090", "takes an address such as http://"),
        ("KEDA_AUTHENTICATION", "Thanos", "takes the name of an object"),
        ("KEDA_AUTH_MODES", "password", "takes bearer, basic, tls or custom"),
        ("KEDA_AUTH_MODES", "", "takes bearer, basic, tls or custom"),
        ("FETCH_IMAGE", "https://registry.example/fetcher", "takes an image such as"),
        ("FETCH_ENV", "HTTPS_PROXY=http://proxy:3128", "takes a JSON object of texts"),
        ("FETCH_ENV", '{"MLFLOW_PORT": 5000}', "takes a JSON object of texts"),
        ("FETCH_CA_BUNDLE", "/etc/ca.crt", "takes certificates in PEM"),
        ("FETCH_CA_BUNDLE", "-----BEGIN CERTIFICATE-----" + 100_000 * "A", "only the authorities that are yours"),
        ("FETCH_RECHECK", "sometimes", "must be hours, minutes and whole seconds"),
        ("IMAGE_VOLUMES", "Maybe", "takes one of Auto, Always, Never"),
    ],
)
def test_what_cannot_be_used_is_told(name: str, value: str, takes: str):
    with pytest.raises(InvalidSetting, match=takes) as told:
        settings_from({f"FAIRLEAD_{name}": value})
    assert f"FAIRLEAD_{name}" in str(told.value)

"""Environment variables → one frozen value. Reads nothing by itself: the caller hands the environment in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from fairlead import variables
from fairlead.api.gatewaymetrics import GatewayMetrics
from fairlead.site import Fetching, Site
from fairlead.slo.alerts import RUNBOOKS
from fairlead.slo.events import PodLabels

PREFIX = "FAIRLEAD_"
IMAGE_VOLUMES_SINCE = 35
"""Of Kubernetes 1: the feature gate ImageVolume is on by default (pkg/features/kube_features.go)."""


class InvalidSetting(ValueError):
    """A variable has a value that cannot be used; the text says which, and what it takes."""


@dataclass(frozen=True, kw_only=True)
class PrometheusSettings:
    """Where a Prometheus is, and how it calls the pods and namespaces of the series that it has scraped from them."""

    url: str
    token_file: str = ""
    ca_file: str = ""
    pod_label: str = "pod"
    namespace_label: str = "namespace"
    queries: bool = True


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the operator runs. Every field is the variable FAIRLEAD_<FIELD>."""

    namespaces: tuple[str, ...] = ()
    """Namespaces to watch, separated by commas; empty: all of them."""
    operator_namespace: str = "fairlead-system"
    """Where the operator itself runs, and keeps its Lease."""
    pod_name: str = "fairlead"
    """Who this process is among the replicas of the operator."""
    lease_name: str = "fairlead"
    """Lease that decides who writes. Operators that watch different namespaces need different ones."""
    leader_election: bool = True
    """False only where there is never a second process."""
    workers: int = 16
    """How many models are reconciled at once."""
    pod_access: Literal["Direct", "Proxy"] = "Direct"
    """How new pods are asked: at their own address, or through the API server (operator outside the pod network)."""
    http_port: int = 8080
    """Port of /healthz, /readyz and /metrics; 0 takes a free one."""
    prometheus_url: str = ""
    """Address of the Prometheus for models whose canaries are judged by it, such as http://prometheus.monitoring:9090."""
    prometheus_token_file: str = ""
    """File with the bearer token for it; read anew for every query."""
    prometheus_ca_file: str = ""
    """File with the certificates of the authorities that it is trusted by; empty: the system's."""
    prometheus_pod_label: str = "pod"
    """Label that its series have the pod's name in."""
    prometheus_namespace_label: str = "namespace"
    """Label that its series have the pod's namespace in."""
    prometheus_queries: bool = True
    """Whether objectives may have queries of their own: whoever writes one may read every series of that Prometheus."""
    gateway_metrics: GatewayMetrics | None = None
    """What the Gateways of the cluster count for each Service, by that Prometheus: Traefik, Istio, or a JSON object as
    the value prometheus.gateway of the chart."""
    keda_prometheus_url: str = ""
    """Address of that Prometheus as KEDA reaches it, where that is another one than prometheus_url."""
    keda_authentication: str = ""
    """Name of a ClusterTriggerAuthentication that KEDA shows it; empty: none."""
    keda_auth_modes: str = "bearer"
    """What is in it, as the `authModes` of KEDA's trigger for Prometheus: bearer, basic, tls, custom, or several."""
    fetch_image: str = ""
    """Image with the program that fetches models; empty: only what can be mounted can be used."""
    fetch_env: tuple[tuple[str, str], ...] = ()
    """Environment variables of that program, as a JSON object: proxies, mirrors, endpoints."""
    fetch_ca_bundle: str = ""
    """Certificates in PEM that it trusts beside the public ones."""
    fetch_recheck: timedelta = timedelta(hours=6)
    """After how long it is looked up again what a model's reference means; 0s: never."""
    image_volumes: Literal["Auto", "Always", "Never"] = "Auto"
    """Whether models from oci:// are mounted. Auto: from Kubernetes 1.35 on, where that is on by default."""
    runbooks_url: str = RUNBOOKS
    """Where the pages of docs/runbooks can be read: alerts lead there."""
    dashboards_url: str = ""
    """Where Grafana is that has the dashboards of the chart: alerts lead to that of their model; empty: to none."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "text"] = "json"

    @property
    def prometheus(self) -> PrometheusSettings | None:
        """Where Prometheus is, None when the operator was told of none."""
        if not self.prometheus_url:
            return None
        return PrometheusSettings(
            url=self.prometheus_url,
            token_file=self.prometheus_token_file,
            ca_file=self.prometheus_ca_file,
            pod_label=self.prometheus_pod_label,
            namespace_label=self.prometheus_namespace_label,
            queries=self.prometheus_queries,
        )

    def site(self, minor: int) -> Site:
        """What is of importance to models, in a cluster of Kubernetes 1.`minor`."""
        volumes = self.image_volumes == "Always" or (self.image_volumes == "Auto" and minor >= IMAGE_VOLUMES_SINCE)
        return Site(
            namespace=self.operator_namespace,
            queries=self.prometheus_queries,
            pod_labels=PodLabels(namespace=self.prometheus_namespace_label, pod=self.prometheus_pod_label),
            gateway=self.gateway_metrics,
            runbooks=self.runbooks_url,
            dashboards=self.dashboards_url,
            keda_prometheus=self.keda_prometheus_url or self.prometheus_url,
            keda_authentication=self.keda_authentication,
            keda_auth_modes=self.keda_auth_modes,
            fetching=Fetching(
                image=self.fetch_image,
                env=self.fetch_env,
                ca_bundle=self.fetch_ca_bundle,
                image_volumes=volumes,
                recheck=self.fetch_recheck,
            ),
        )


def settings_from(environment: Mapping[str, str]) -> Settings:
    """The settings. Raises InvalidSetting for a value that cannot be used, and for a name that does not exist."""
    values = {key.removeprefix(PREFIX).lower(): value for key, value in environment.items() if key.startswith(PREFIX)}
    unknown = sorted(set(values) - set(_PARSERS) - _IGNORED)
    if unknown:
        known = ", ".join(PREFIX + name.upper() for name in _PARSERS)
        raise InvalidSetting(f"{PREFIX}{unknown[0].upper()} is no setting; there are {known}")
    parsed = {name: _parse(name, value) for name, value in values.items() if name in _PARSERS}
    return Settings(**parsed)  # type: ignore[arg-type]  # each parser returns its field's type


def _parse(name: str, value: str) -> object:
    try:
        return _PARSERS[name](value.strip())
    except ValueError as wrong:
        raise InvalidSetting(f"{PREFIX}{name.upper()}={value[:200]!r}: {wrong}") from wrong


_PARSERS: dict[str, Callable[[str], object]] = {
    "namespaces": variables.names,
    "operator_namespace": variables.name,
    "pod_name": variables.name,
    "lease_name": variables.name,
    "leader_election": variables.flag,
    "workers": variables.number(1, 256),
    "pod_access": variables.one_of("Direct", "Proxy"),
    "http_port": variables.number(0, 65535),
    "prometheus_url": variables.address,
    "prometheus_token_file": variables.file,
    "prometheus_ca_file": variables.file,
    "prometheus_pod_label": variables.label,
    "prometheus_namespace_label": variables.label,
    "prometheus_queries": variables.flag,
    "gateway_metrics": variables.gateway_metrics,
    "keda_prometheus_url": variables.address,
    "keda_authentication": variables.object_name,
    "keda_auth_modes": variables.auth_modes,
    "fetch_image": variables.image,
    "fetch_env": variables.variables,
    "fetch_ca_bundle": variables.certificates,
    "fetch_recheck": variables.duration,
    "image_volumes": variables.one_of("Auto", "Always", "Never"),
    "runbooks_url": variables.address,
    "dashboards_url": variables.address,
    "log_level": variables.one_of("DEBUG", "INFO", "WARNING", "ERROR"),
    "log_format": variables.one_of("json", "text"),
}
_IGNORED = {"test_kubeconfig", "python"}
"""Variables of the scripts in hack/, which may be set beside an operator that runs on a developer's machine."""

"""What the administrator of Fairlead has said once for all models."""

from dataclasses import dataclass, field
from datetime import timedelta

from fairlead.api.gatewaymetrics import GatewayMetrics
from fairlead.slo.alerts import RUNBOOKS
from fairlead.slo.events import USUAL, PodLabels


@dataclass(frozen=True, kw_only=True)
class Fetching:
    """How models are fetched that cannot be mounted.

    `image` is the one with the program for it; empty: there is none. `env` are variables that it always gets, such as
    those for a proxy or a mirror, and `ca_bundle` certificates in PEM that it trusts beside the public ones.
    `image_volumes` says whether the cluster mounts images as volumes. `recheck` is after how long it is looked up again
    what a reference means; zero: never.
    """

    image: str = ""
    env: tuple[tuple[str, str], ...] = ()
    ca_bundle: str = ""
    image_volumes: bool = True
    recheck: timedelta = timedelta(hours=6)


@dataclass(frozen=True, kw_only=True)
class Site:
    """`namespace` is where the operator runs.

    `queries` says whether objectives may have queries of their own, and `pod_labels` how pods are called in what these
    answer. `gateway` is what the Gateways of the cluster count, if that is known. `runbooks` is where the pages of
    alerts are, and `dashboards` where Grafana is, if it is known. `keda_prometheus` is the address of Prometheus as
    KEDA reaches it, empty without one. `keda_authentication` is the ClusterTriggerAuthentication that KEDA shows it, if
    any, and `keda_auth_modes` what that is made of. `fetching` is how models are fetched.
    """

    namespace: str = "fairlead-system"
    queries: bool = True
    pod_labels: PodLabels = USUAL
    gateway: GatewayMetrics | None = None
    runbooks: str = RUNBOOKS
    dashboards: str = ""
    keda_prometheus: str = ""
    keda_authentication: str = ""
    keda_auth_modes: str = "bearer"
    fetching: Fetching = field(default_factory=Fetching)

"""What the administrator of Fairlead has said once for all models."""

from dataclasses import dataclass

from fairlead.slo.alerts import RUNBOOKS
from fairlead.slo.events import USUAL, PodLabels


@dataclass(frozen=True, kw_only=True)
class Site:
    """`namespace` is where the operator runs.

    `queries` says whether objectives may have queries of their own, and `pod_labels` how pods are called in what these
    answer. `runbooks` is where the pages of alerts are, and `dashboards` where Grafana is, if it is known.
    `keda_prometheus` is the address of Prometheus as KEDA reaches it, empty without one. `keda_authentication` is the
    ClusterTriggerAuthentication that KEDA shows it, if any, and `keda_auth_modes` what that is made of.
    """

    namespace: str = "fairlead-system"
    queries: bool = True
    pod_labels: PodLabels = USUAL
    runbooks: str = RUNBOOKS
    dashboards: str = ""
    keda_prometheus: str = ""
    keda_authentication: str = ""
    keda_auth_modes: str = "bearer"

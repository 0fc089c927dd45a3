"""The kinds of objects that Fairlead reads and writes, and their addresses in the Kubernetes API."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Kind:
    """A kind of object as the API server serves it."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """The value of `apiVersion` in a manifest: `apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """URL path below the server: of one object, or of the collection when `name` is None.

        `namespace=None` addresses a cluster-scoped kind, or all namespaces of a namespaced one.
        """
        parts = [f"/apis/{self.group}" if self.group else "/api", self.version]
        if namespace is not None:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name is not None:
            parts.append(name)
        return "/".join(parts)


MODEL_DEPLOYMENT = Kind("fairlead.dev", "v1alpha1", "ModelDeployment", "modeldeployments")
MODEL_RUNTIME = Kind("fairlead.dev", "v1alpha1", "ModelRuntime", "modelruntimes", namespaced=False)

CONTROLLER_REVISION = Kind("apps", "v1", "ControllerRevision", "controllerrevisions")
DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments")
SERVICE = Kind("", "v1", "Service", "services")
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts")
HORIZONTAL_POD_AUTOSCALER = Kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
JOB = Kind("batch", "v1", "Job", "jobs")
POD_DISRUPTION_BUDGET = Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
NETWORK_POLICY = Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies")
SCALED_OBJECT = Kind("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects")
HTTP_ROUTE = Kind("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes")
POD_MONITOR = Kind("monitoring.coreos.com", "v1", "PodMonitor", "podmonitors")
PROMETHEUS_RULE = Kind("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules")
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps")
POD = Kind("", "v1", "Pod", "pods")
EVENT = Kind("events.k8s.io", "v1", "Event", "events")
CORE_EVENT = Kind("", "v1", "Event", "events")
"""The same Events by the API in which they can be selected by the object that they are about."""
LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases")

CHILDREN = (
    CONTROLLER_REVISION,
    SERVICE_ACCOUNT,
    NETWORK_POLICY,
    JOB,
    SERVICE,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    SCALED_OBJECT,
    POD_DISRUPTION_BUDGET,
    HTTP_ROUTE,
    POD_MONITOR,
    PROMETHEUS_RULE,
    CONFIG_MAP,
)
"""Kinds that one ModelDeployment owns, in the order in which they are created."""

MONITORS = (POD_MONITOR, PROMETHEUS_RULE, CONFIG_MAP)
"""Kinds that tell Prometheus of a model. No traffic rests on them."""

AUTOSCALERS = (HORIZONTAL_POD_AUTOSCALER, SCALED_OBJECT)
"""Kinds that set the number of pods of a Deployment."""

OPTIONAL = (HTTP_ROUTE, SCALED_OBJECT, *MONITORS)
"""Kinds of add-ons, which a cluster need not serve; and those that Fairlead need not have a right to."""

BY_KIND = {(kind.api_version, kind.kind): kind for kind in (MODEL_DEPLOYMENT, MODEL_RUNTIME, *CHILDREN)}


def kind_of(manifest: Mapping[str, Any]) -> Kind:
    """The Kind of a manifest. Raises KeyError for one that Fairlead does not handle."""
    return BY_KIND[(manifest["apiVersion"], manifest["kind"])]

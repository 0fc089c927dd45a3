"""The autoscaler of a revision: a HorizontalPodAutoscaler, or a ScaledObject of KEDA, which makes one of its own."""

from typing import Any

from fairlead.api.autoscaling import Autoscaling, ScalingDownPace, ScalingUpPace
from fairlead.api.kinds import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, SCALED_OBJECT, Kind
from fairlead.api.revision import Revision
from fairlead.metadata import manifest
from fairlead.scaling.choice import Chosen
from fairlead.scaling.demand import Demand
from fairlead.site import Site
from fairlead.situation import Identity, Manifest

ASKED_EVERY = 15
"""Seconds between two questions of KEDA to Prometheus; as often as the HorizontalPodAutoscaler decides."""
SILENT = 3
"""KEDA takes Prometheus for silent when it has failed to answer more often than that, one time after the other."""


_BOUNDS = {
    HORIZONTAL_POD_AUTOSCALER: ("minReplicas", "maxReplicas"),
    SCALED_OBJECT: ("minReplicaCount", "maxReplicaCount"),
}


def autoscaler(
    identity: Identity, revision: Revision, scaling: Autoscaling, chosen: Chosen, floor: int, site: Site
) -> dict[str, Any] | None:
    """The autoscaler, which never goes below `floor` replicas (rollout/size.py); None where none is chosen."""
    if chosen.kind is not None and chosen.kept is not None:
        return _kept(identity, revision, scaling, chosen.kind, chosen.kept, floor)
    if chosen.kind == HORIZONTAL_POD_AUTOSCALER:
        return _horizontal(identity, revision, scaling, floor)
    return _scaled_object(identity, revision, scaling, chosen, floor, site) if chosen.kind == SCALED_OBJECT else None


def _kept(
    identity: Identity, revision: Revision, scaling: Autoscaling, kind: Kind, live: Manifest, floor: int
) -> dict[str, Any]:
    """As it is, with the bounds of now."""
    least, most = _BOUNDS[kind]
    bounds = {least: max(1, floor), most: scaling.max_replicas}
    return {**manifest(kind, identity, revision.name, revision), "spec": {**live["spec"], **bounds}}


def _horizontal(identity: Identity, revision: Revision, scaling: Autoscaling, floor: int) -> dict[str, Any]:
    return {
        **manifest(HORIZONTAL_POD_AUTOSCALER, identity, revision.name, revision),
        "spec": {
            "scaleTargetRef": _target(revision),
            "minReplicas": max(1, floor),
            "maxReplicas": scaling.max_replicas,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": name, "target": {"type": "Utilization", "averageUtilization": share}},
                }
                for name, share in _resources(scaling)
            ],
            "behavior": _behavior(scaling),
        },
    }


def _scaled_object(
    identity: Identity, revision: Revision, scaling: Autoscaling, chosen: Chosen, floor: int, site: Site
) -> dict[str, Any]:
    """KEDA's (keda.sh/docs/latest/reference/scaledobject-spec).

    With `ignoreNullValues: "false"` no answer is an error and not zero. After some of them the fallback takes the
    number of pods that there are for what is needed, or the floor if that is more: nothing is scaled in, and what was
    at zero is woken. `fallback.behavior` takes KEDA 2.17.
    """
    by_prometheus = [_by_prometheus(each, site) for each in chosen.demands]
    by_resources = [
        {"type": name, "name": name, "metricType": "Utilization", "metadata": {"value": str(share)}}
        for name, share in _resources(scaling)
    ]
    return {
        **manifest(SCALED_OBJECT, identity, revision.name, revision),
        "spec": {
            "scaleTargetRef": _target(revision),
            "pollingInterval": ASKED_EVERY,
            "cooldownPeriod": int(scaling.pace.down.stabilization.total_seconds()),
            "minReplicaCount": floor,
            "maxReplicaCount": scaling.max_replicas,
            "fallback": {
                "failureThreshold": SILENT,
                "replicas": max(1, floor),
                "behavior": "currentReplicasIfHigher",
            },
            "advanced": {
                "restoreToOriginalReplicaCount": False,
                "horizontalPodAutoscalerConfig": {"behavior": _behavior(scaling)},
            },
            "triggers": [*by_prometheus, *by_resources],
        },
    }


def _by_prometheus(demand: Demand, site: Site) -> dict[str, Any]:
    metadata = {
        "serverAddress": site.keda_prometheus,
        "query": demand.query,
        "threshold": demand.per_pod,
        "ignoreNullValues": "false",
    }
    trigger = {"type": "prometheus", "name": demand.target, "metricType": "AverageValue"}
    if not site.keda_authentication:
        return {**trigger, "metadata": metadata}
    shown = {"kind": "ClusterTriggerAuthentication", "name": site.keda_authentication}
    return {**trigger, "metadata": {**metadata, "authModes": site.keda_auth_modes}, "authenticationRef": shown}


def _target(revision: Revision) -> dict[str, str]:
    return {"apiVersion": DEPLOYMENT.api_version, "kind": DEPLOYMENT.kind, "name": revision.name}


def _resources(scaling: Autoscaling) -> list[tuple[str, int]]:
    """What is asked of CPU and memory, in percent of the requests."""
    target = scaling.target
    shares = {"cpu": target.cpu_utilization, "memory": target.memory_utilization} if target else {}
    return [(name, share) for name, share in shares.items() if share is not None]


def _behavior(scaling: Autoscaling) -> dict[str, Any]:
    return {"scaleUp": _pace(scaling.pace.up), "scaleDown": _pace(scaling.pace.down)}


def _pace(pace: ScalingUpPace | ScalingDownPace) -> dict[str, Any]:
    """At least one pod in a period: Kubernetes rounds in the direction of the change."""
    period = int(pace.period.total_seconds())
    return {
        "stabilizationWindowSeconds": int(pace.stabilization.total_seconds()),
        "selectPolicy": "Max",
        "policies": [{"type": "Percent", "value": pace.percent, "periodSeconds": period}],
    }

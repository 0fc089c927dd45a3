"""Every option at once, with ready pods: whatever the API server makes of a field, nothing is written again."""

from typing import Any

import pytest

from api_proxy import ApiProxy
from fairlead.api.kinds import HORIZONTAL_POD_AUTOSCALER, MODEL_DEPLOYMENT, Kind
from kube import Kube
from models import a_model, a_server
from operator_process import OperatorProcess
from waiting import same, until

PRIORITY_CLASS = Kind("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", namespaced=False)
PRIORITY = "fairlead-tests"

LINUX = {"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]}
APART = {"labelSelector": {"matchLabels": {"team": "risk"}}, "topologyKey": "kubernetes.io/hostname"}

CONTAINER: dict[str, Any] = {
    "command": ["python3", "/app/server.py"],
    "args": ["--name={model.name}", "{model.path}"],
    "env": [{"name": "LATENCY", "value": "0"}],
    "ports": {"http": 8080, "grpc": 9000, "metrics": 9001},
    "probes": {
        "startup": {"path": "/healthz", "deadline": "2m"},
        "readiness": {"path": "/readyz", "period": "1s", "timeout": "2s", "failureThreshold": 5},
        "liveness": {"path": "/healthz", "period": "1m"},
        "serving": "/v1/predict",
    },
    "drain": {"preStop": "0s", "gracePeriod": "2s"},
    "modelPath": "/opt/model",
    "scratch": ["/tmp", "/var/scratch"],
    "securityContext": {"runAsUser": 1000},
}

ENV = [
    {"name": "VERSION", "value": "{model.version}"},
    {"name": "EMPTY", "value": ""},
    {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "none", "key": "a", "optional": True}}},
    {"name": "CONFIG", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "a", "optional": True}}},
    {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
]

POD: dict[str, Any] = {
    "serviceAccountName": "default",
    "automountServiceAccountToken": True,
    "securityContext": {
        "runAsUser": 1001,
        "runAsGroup": 1001,
        "fsGroup": 2000,
        "runAsNonRoot": True,
        "readOnlyRootFilesystem": False,
    },
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [
        {"operator": "Exists", "effect": "NoSchedule", "key": "gpu"},
        {"key": "spot", "value": "", "effect": "NoExecute", "tolerationSeconds": 30},
        {"key": "team", "operator": "Equal", "value": "risk"},
    ],
    "affinity": {
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [LINUX]}},
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": APART}]
        },
    },
    "priorityClassName": PRIORITY,
    "schedulerName": "default-scheduler",
    "imagePullSecrets": [{"name": "registry"}],
    "annotations": {"example.com/empty": ""},
    "labels": {"team": "risk"},
    "volumes": [
        {"name": "secret", "secret": {"secretName": "none", "optional": True}},
        {"name": "config", "configMap": {"name": "none", "optional": True}},
        {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "1024Ki"}},
        {"name": "disk", "emptyDir": {}},
    ],
    "volumeMounts": [
        {"name": "secret", "mountPath": "/secret", "readOnly": True},
        {"name": "config", "mountPath": "/config"},
        {"name": "memory", "mountPath": "/dev/shm"},
        {"name": "disk", "mountPath": "/disk", "subPath": "below"},
    ],
}

SCALINGS: dict[str, dict[str, Any]] = {
    "fixed": {"replicas": 2},
    "scaled": {
        "autoscaling": {
            "minReplicas": 2,
            "maxReplicas": 4,
            "target": {"cpuUtilization": 70, "memoryUtilization": 80},
        }
    },
}


def everything(image: str) -> dict[str, Any]:
    """All that can be set and lets a pod become ready here: no claims, and no other container runtime."""
    return {
        **a_server(image),
        "model": {"version": "1"},
        "runtime": {"container": {**CONTAINER, "image": image}, "args": ["--more"], "env": ENV},
        # Not as the server writes them: 50m, 64Mi, 256Mi.
        "resources": {
            "requests": {"cpu": "0.05", "memory": "65536Ki", "ephemeral-storage": "1e6"},
            "limits": {"memory": "0.25Gi", "cpu": "1000m"},
        },
        "rollout": {"strategy": "BlueGreen", "drain": "1s", "progressDeadline": "5m"},
        "network": {"isolation": "Namespace", "allowedNamespaces": ["monitoring", "ingress"]},
        "pod": POD,
    }


@pytest.fixture
def priority(kube: Kube) -> None:
    """A PriorityClass, which stays: another test may use it at the same time."""
    api_version = PRIORITY_CLASS.api_version
    metadata = {"name": PRIORITY}
    kube.apply(
        PRIORITY_CLASS, {"apiVersion": api_version, "kind": PRIORITY_CLASS.kind, "metadata": metadata, "value": 1}
    )


def is_measured(kube: Kube, namespace: str, model: str) -> bool:
    """Whether its autoscaler knows what its pods use, and status says so: before that it complains."""
    (found,) = kube.list(HORIZONTAL_POD_AUTOSCALER, namespace, f"fairlead.dev/model={model}")
    measured = len(found.get("status", {}).get("currentMetrics") or ()) == 2
    return measured and kube.condition(namespace, model, "ScalingActive").get("reason") == "Autoscaled"


@pytest.mark.usefixtures("priority", "metrics_server")
def test_a_minute_with_everything_set_is_quiet_and_so_is_a_restart(
    kube: Kube, operator: OperatorProcess, proxy: ApiProxy, namespace: str, server_image: str
):
    for name, scaling in SCALINGS.items():
        kube.create(MODEL_DEPLOYMENT, a_model(namespace, name, **everything(server_image), **scaling))
    for name in SCALINGS:
        model = kube.wait_ready(namespace, name, seconds=120)
        assert model["status"]["readyReplicas"] == 2
    until(lambda: is_measured(kube, namespace, "scaled"), seconds=120, every=1, what="what the pods use")
    before = len(proxy.writes)
    same(lambda: proxy.writes[before:], seconds=60, what="what is written")
    assert operator.metric("fairlead_noop_writes_total") == 0

    # A write that brought nothing is not tried again by the same process, but would be by the next one.
    assert operator.terminate() == 0
    before = len(proxy.writes)
    operator.start()
    until(lambda: operator.metric("fairlead_reconciles_total") >= len(SCALINGS), what="a look at each model")
    same(lambda: proxy.writes[before:], seconds=5, what="what is written after a restart")

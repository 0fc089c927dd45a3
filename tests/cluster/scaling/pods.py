"""Deployments whose pods only wait, or only work."""

from typing import Any

from fairlead.api.kinds import DEPLOYMENT, POD
from kube import Kube

WAITING = "import time\nwhile True: time.sleep(60)"
WORKING = "while True: pass"
LIMIT = 200
"""Thousandths of a core that a pod may use, and all that a working one gets."""


def a_deployment(namespace: str, image: str, program: str) -> dict[str, Any]:
    """Of one pod, until somebody scales it."""
    labels = {"app": "fraud"}
    container = {
        "name": "server",
        "image": image,
        "command": ["python3", "-c", program],
        "resources": {"requests": {"cpu": "100m", "memory": "32Mi"}, "limits": {"cpu": f"{LIMIT}m"}},
    }
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
    }
    return {
        "apiVersion": DEPLOYMENT.api_version,
        "kind": DEPLOYMENT.kind,
        "metadata": {"namespace": namespace, "name": "fraud"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def ready(kube: Kube, namespace: str) -> int:
    """How many pods of the Deployment are ready."""
    found = kube.get(DEPLOYMENT, namespace, "fraud") or {}
    return int(found.get("status", {}).get("readyReplicas", 0))


def pods(kube: Kube, namespace: str) -> set[str]:
    """Their names."""
    return {pod["metadata"]["name"] for pod in kube.list(POD, namespace)}

"""Steady traffic from inside the cluster: a pod that asks a Service, and counts what was not answered."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fairlead.api.kinds import POD, SERVICE
from kube import Kube
from waiting import until

LONGEST = "600"  # seconds
PATIENCE = "20"  # seconds for a first answer, before anything is counted
RATE = 60  # requests per second
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
TELL = "import os, signal; os.kill(1, signal.SIGTERM)"


@dataclass(frozen=True)
class Load:
    """A load that is on."""

    kube: Kube
    namespace: str
    pod: str

    def stop(self) -> dict[str, Any]:
        """Ends it; returns what it counted. Fails if it had ended by itself."""
        assert self.phase() == "Running", self._log()
        told = self.kube.kubectl("exec", "-n", self.namespace, self.pod, "--", "python3", "-c", TELL)
        assert told.returncode == 0, told.stderr
        until(lambda: self.phase() in ("Succeeded", "Failed"), seconds=60, what="the end of the load")
        counted: dict[str, Any] = json.loads(self._log().strip().splitlines()[-1])
        return counted

    def phase(self) -> str:
        pod = self.kube.get(POD, self.namespace, self.pod)
        return str((pod or {}).get("status", {}).get("phase"))

    def _log(self) -> str:
        return self.kube.text("GET", f"{POD.path(self.namespace, self.pod)}/log")


@contextmanager
def load(
    kube: Kube,
    namespace: str,
    image: str,
    *,
    node: str = "",
    path: str = "/v1/predict",
    body: str = "",
    connections: str = "fresh",
    service: str = "fraud",
    url: str = "",
    rate: int = RATE,
) -> Iterator[Load]:
    """Asks a Service, or what is at `url`, until it is stopped; `node` is where the load comes from."""
    if not url:
        found = kube.get(SERVICE, namespace, service)
        assert found is not None
        url = f"http://{found['spec']['clusterIP']}"
    command = ["python3", "/app/load.py", "--url", f"{url}{path}"]
    command += ["--rate", str(rate), "--seconds", LONGEST, "--connections", connections]
    command += ["--patience", PATIENCE]
    command += ["--body", body] if body else []
    name = f"load-{uuid.uuid4().hex[:6]}"
    container = {"name": "load", "image": image, "command": command, "securityContext": RESTRICTED}
    spec = {"restartPolicy": "Never", "containers": [container], "terminationGracePeriodSeconds": 1}
    if node:
        spec["nodeName"] = node
    metadata = {"name": name, "namespace": namespace}
    kube.create(POD, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    running = Load(kube, namespace, name)
    try:
        until(lambda: running.phase() == "Running", seconds=60, what="the load")
        yield running
    finally:
        kube.delete(POD, namespace, name)

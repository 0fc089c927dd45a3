"""Tells a Prometheus which pods there are: Debian's is built without its discovery of Kubernetes."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from fairlead.api.kinds import POD, POD_MONITOR
from kube import Kube

MODEL = "fairlead.dev/model=fraud"


@contextmanager
def discovery(kube: Kube, namespace: str) -> Iterator[str]:
    """An address at which a Prometheus is told of the pods of the model `fraud`."""

    class Pods(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = json.dumps([_target(pod) for pod in kube.list(POD, namespace, MODEL) if pod["status"].get("podIP")])
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(found.encode())

        def log_message(self, *told: object) -> None:
            """Not into the report of the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pods)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def scrape(kube: Kube, namespace: str, pods: str) -> dict[str, Any]:
    """The job that the Prometheus Operator makes of the PodMonitor of `fraud`, but for the discovery of pods."""
    found = kube.get(POD_MONITOR, namespace, "fraud")
    assert found is not None
    (endpoint,) = found["spec"]["podMetricsEndpoints"]
    relabelings = [
        {"action": each["action"], "source_labels": each["sourceLabels"], "target_label": each["targetLabel"]}
        for each in endpoint["relabelings"]
    ]
    return {
        "job_name": f"{namespace}/fraud",
        "metrics_path": endpoint["path"],
        "http_sd_configs": [{"url": pods, "refresh_interval": "2s"}],
        "relabel_configs": relabelings,
    }


def _target(pod: dict[str, Any]) -> dict[str, Any]:
    """With the labels that the Prometheus Operator gives, and those of the pod for the relabelling of a PodMonitor."""
    metadata = pod["metadata"]
    labels = {"namespace": metadata["namespace"], "pod": metadata["name"], "container": "server"}
    for name, value in metadata["labels"].items():
        labels[f"__meta_kubernetes_pod_label_{re.sub('[^a-zA-Z0-9_]', '_', name)}"] = value
    return {"targets": [f"{pod['status']['podIP']}:8080"], "labels": labels}

"""KEDA as processes: its operator, and what serves its metrics to HorizontalPodAutoscalers.

Without its webhooks: what they would refuse is stored, and its operator then says so in the object's status.
"""

from pathlib import Path

from localcluster import aggregation, api, processes
from localcluster.aggregation import Extension
from localcluster.binaries import binaries
from localcluster.network import HOST
from localcluster.places import SOURCES, Progress
from localcluster.processes import Process
from localcluster.toolchain import module_folder
from localcluster.waiting import until

OPERATOR, ADAPTER = PROCESSES = ("keda-operator", "keda-adapter")
MODULE = "github.com/kedacore/keda/v2"
NAMESPACE = "keda"
ACCOUNT = "keda-operator"  # of both, as in KEDA's manifests
EXTENSION = Extension(
    name="v1beta1.external.metrics.k8s.io", namespace=NAMESPACE, service="keda-metrics-apiserver", port=4444
)
VALUES = f"{HOST}:9666"  # the operator reads them from their sources, and the adapter from here
HEALTH, METRICS = f"{HOST}:9667", f"{HOST}:9668"


def ensure(progress: Progress) -> None:
    folder = module_folder(SOURCES / "keda", MODULE, progress) / "config" / "minimal"
    for manifest in aggregation.manifests(folder, progress):
        api.apply(api.path_of(manifest), manifest)
    until(_known, "the API server knows ScaledObjects", seconds=30)
    running = {name: process for name, process in processes.recorded().items() if name in PROCESSES}
    if len(running) < len(PROCESSES) or not all(map(processes.alive, running.values())):
        running = _start(running, progress)
    aggregation.publish(EXTENSION)
    processes.wait_for(running[ADAPTER], EXTENSION.available, running[OPERATOR])


def _known() -> bool:
    """Without all of its kinds the operator ends."""
    return all(api.find(f"/apis/{group}/v1alpha1") is not None for group in ("keda.sh", "eventing.keda.sh"))


def _start(old: dict[str, Process], progress: Progress) -> dict[str, Process]:
    """Both, since they believe each other by one certificate, which is new."""
    for process in old.values():
        processes.kill(process)
    programs = binaries(PROCESSES, progress)
    progress("starting KEDA")
    kubeconfig = aggregation.account(NAMESPACE, ACCOUNT)
    keys = aggregation.serving_certificate(EXTENSION)
    arguments = {OPERATOR: _operator(kubeconfig, keys), ADAPTER: _adapter(kubeconfig, keys)}
    return {name: processes.start(name, *_environment(), str(programs[name]), *arguments[name]) for name in PROCESSES}


def _environment() -> tuple[str, ...]:
    everywhere = "WATCH_NAMESPACE="
    return ("/usr/bin/env", everywhere, f"POD_NAMESPACE={NAMESPACE}", f"KEDA_CLUSTER_OBJECT_NAMESPACE={NAMESPACE}")


def _operator(kubeconfig: Path, keys: Path) -> list[str]:
    return [
        f"--kubeconfig={kubeconfig}",
        f"--cert-dir={keys}",
        f"--metrics-service-bind-address={VALUES}",
        f"--health-probe-bind-address={HEALTH}",
        f"--metrics-bind-address={METRICS}",
        f"--ca-dir={keys}",
        "--zap-encoder=console",
        "--zap-time-encoding=rfc3339",
    ]


def _adapter(kubeconfig: Path, keys: Path) -> list[str]:
    return [
        *aggregation.arguments(EXTENSION, kubeconfig, keys),
        f"--lister-kubeconfig={kubeconfig}",
        f"--cert-dir={keys}",
        f"--metrics-service-address={VALUES}",
        "--port=0",  # for metrics of its own, at every address of the machine: any port that is free
        "--zap-encoder=console",
        "--zap-time-encoding=rfc3339",
    ]

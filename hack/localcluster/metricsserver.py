"""metrics-server as a process: it asks the kubelets what pods use, for HorizontalPodAutoscalers and `kubectl top`."""

import json
from http import HTTPStatus

from localcluster import aggregation, api, kwok, machine, processes
from localcluster.aggregation import Extension
from localcluster.binaries import binary
from localcluster.places import SOURCES, Progress
from localcluster.toolchain import module_folder

PROCESS = "metrics-server"
MODULE = "sigs.k8s.io/metrics-server"
EXTENSION = Extension(name="v1beta1.metrics.k8s.io", namespace="kube-system", service=PROCESS, port=4443)
NODES = "/apis/metrics.k8s.io/v1beta1/nodes"
SECONDS = 90  # until the kubelets have been asked twice: what is told is the difference


def ensure(progress: Progress) -> None:
    folder = module_folder(SOURCES / PROCESS, MODULE, progress) / "manifests" / "base"
    for manifest in aggregation.manifests(folder, progress):
        api.apply(api.path_of(manifest), manifest)
    process = processes.recorded().get(PROCESS)
    if not process or not processes.alive(process):
        program = binary(PROCESS, progress)
        progress("starting metrics-server")
        process = processes.start(PROCESS, str(program), *_arguments())
    aggregation.publish(EXTENSION)
    processes.wait_for(process, _measures, seconds=SECONDS)


def _measures() -> bool:
    """It counts as available before it has an answer."""
    if not EXTENSION.available():
        return False
    status, answer = api.request("GET", NODES)
    return status == HTTPStatus.OK and len(json.loads(answer)["items"]) >= len(machine.numbers())


def _arguments() -> list[str]:
    kubeconfig = aggregation.account(EXTENSION.namespace, PROCESS)
    keys = aggregation.serving_certificate(EXTENSION)
    return [
        *aggregation.arguments(EXTENSION, kubeconfig, keys),
        "--kubelet-preferred-address-types=InternalIP",  # the names of the nodes are in no DNS
        "--kubelet-use-node-status-port",
        f"--node-selector={'!='.join(kwok.LABEL)}",  # those have no kubelet
        # As often as it can be asked for, so that nobody waits long for the first answer.
        "--metric-resolution=10s",
        "--kubelet-request-timeout=5s",
    ]

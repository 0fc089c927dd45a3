"""Nodes that only pretend to run their pods: for many nodes, and for accelerators that this machine does not have."""

from pathlib import Path

import yaml

from localcluster import api, processes
from localcluster.binaries import binary
from localcluster.network import PRETENDED_PODS
from localcluster.places import CLUSTER, KUBECONFIG, NAME, SOURCES, Progress
from localcluster.toolchain import module_folder

PROCESS = "kwok"
LABEL = ("type", "kwok")
MODULE = "sigs.k8s.io/kwok"
STAGES = ("node/fast", "node/heartbeat-with-lease", "pod/fast")  # of the life of a node or pod; without any, kwok exits

# Without it, pods that have to answer somebody would be scheduled here, and never answer.
TAINT = {"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}


def ensure(count: int, gpus: int, progress: Progress) -> None:
    """At least `count` such nodes, each with that many GPUs."""
    process = processes.recorded().get(PROCESS)
    if not process or not processes.alive(process):
        process = processes.start(PROCESS, str(binary("kwok", progress)), *_arguments(progress))
    progress(f"making {count} nodes that only pretend" + (f", with {gpus} GPUs each" if gpus else ""))
    names = [f"{NAME}-kwok-{number}" for number in range(1, count + 1)]
    for name in names:
        api.apply(f"/api/v1/nodes/{name}", node(name))
        api.apply(f"/api/v1/nodes/{name}/status", {**node(name), "status": resources(gpus)})
    processes.wait_for(process, lambda: all(api.condition(f"/api/v1/nodes/{name}", "Ready") for name in names))


def node(name: str) -> api.Object:
    key, value = LABEL
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {key: value, "kubernetes.io/hostname": name}},
        "spec": {"taints": [TAINT]},
    }


def resources(gpus: int) -> api.Object:
    amounts = {"cpu": "32", "memory": "256Gi", "pods": "110", **({"nvidia.com/gpu": str(gpus)} if gpus else {})}
    return {"capacity": amounts, "allocatable": amounts}


def _arguments(progress: Progress) -> list[str]:
    return [
        f"--kubeconfig={KUBECONFIG}",
        f"--config={_stages(progress)}",
        "--manage-all-nodes=false",
        f"--manage-nodes-with-label-selector={'='.join(LABEL)}",
        "--node-lease-duration-seconds=40",
        f"--cidr={PRETENDED_PODS}",
    ]


def _stages(progress: Progress) -> Path:
    """The module's own, in one file."""
    folder = module_folder(SOURCES / "kwok", MODULE, progress) / "kustomize" / "stage"
    files = [file for stage in STAGES for file in sorted((folder / stage).glob("*.yaml"))]
    documents = [document for file in files for document in yaml.safe_load_all(file.read_text())]
    joined = CLUSTER / "kwok.yaml"
    joined.write_text(yaml.safe_dump_all(document for document in documents if document["kind"] == "Stage"))
    return joined

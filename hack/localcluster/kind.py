"""The cluster where there is a Docker engine: kind, through pytest-kind."""

import contextlib
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, Literal

import yaml

from localcluster.binaries import binary
from localcluster.cluster import State
from localcluster.commands import run
from localcluster.places import CLUSTER, KUBECONFIG, NAME, ClusterError, Progress
from localcluster.waiting import until

CONTROL_PLANE = f"{NAME}-control-plane"


def up(nodes: int, progress: Progress) -> None:
    progress("asking kind for a cluster (a minute or two if there is none yet)")
    configuration = CLUSTER / "kind.yaml"
    configuration.parent.mkdir(parents=True, exist_ok=True)
    configuration.write_text(yaml.safe_dump(kind_configuration(nodes)))
    _delegate(progress).create(configuration)


def kind_configuration(nodes: int) -> dict[str, Any]:
    """As many nodes for pods as the other kind of cluster has; here the control plane is one more."""
    roles = ["control-plane", *["worker"] * nodes]
    return {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [{"role": role} for role in roles]}


@dataclass(frozen=True, kw_only=True)
class DockerCluster:
    progress: Progress = print
    name: str = NAME
    kubeconfig: Path = KUBECONFIG
    kind: Literal["kind"] = "kind"
    host_reaches_pods: bool = False

    def load(self, image: Path | str) -> None:
        if Path(image).exists():
            run(str(binary("kind", self.progress)), "load", "image-archive", str(image), f"--name={self.name}")
        else:
            _delegate(self.progress).load_docker_image(str(image))

    def node_exec(self, node: str, command: Sequence[str]) -> CompletedProcess[str]:
        return subprocess.run(["docker", "exec", node, *command], capture_output=True, text=True, check=False)

    def restart(self, component: str) -> None:
        """The kubelet starts it again: here components are pods of the control plane."""
        before = self._process_of(component)
        if not before:
            raise ClusterError(f"no '{component}' runs in {CONTROL_PLANE}")
        self.node_exec(CONTROL_PLANE, ["kill", "-KILL", before])
        until(lambda: self._process_of(component) not in ("", before), f"{component} runs again", seconds=120)
        until(self._ready, "the API server is ready", seconds=120)

    def status(self) -> list[State]:
        nodes = run(str(binary("kind", self.progress)), "get", "nodes", f"--name={self.name}").split()
        return [self._state(node) for node in sorted(nodes)]

    def down(self) -> None:
        _delegate(self.progress).delete()

    def _state(self, node: str) -> State:
        said = run("docker", "inspect", "--format={{.State.Status}}", node).strip()
        return State(part=node, healthy=said == "running", detail=f"container {said}")

    def _process_of(self, component: str) -> str:
        return self.node_exec(CONTROL_PLANE, ["pgrep", "--oldest", "--full", f"^{component}( |$)"]).stdout.strip()

    def _ready(self) -> bool:
        kubectl = [str(binary("kubectl", self.progress)), f"--kubeconfig={self.kubeconfig}", "get", "--raw=/readyz"]
        return subprocess.run(kubectl, capture_output=True, check=False).returncode == 0


def _delegate(progress: Progress) -> Any:
    # Late, because it takes longer to import than everything else here,.
    from pytest_kind import KindCluster  # type: ignore[import-untyped]

    CLUSTER.mkdir(parents=True, exist_ok=True)
    with contextlib.chdir(CLUSTER):  # it makes a folder in the current one, whether or not it will use it
        kind, kubectl = binary("kind", progress), binary("kubectl", progress)
        return KindCluster(NAME, KUBECONFIG, kind_path=kind, kubectl_path=kubectl)

"""A control plane for one measurement: etcd, the API server, the controllers that a model needs, KWOK. Loopback only.

Not hack/cluster, which is one for each machine and may be in use: this one has its own folder, its own ports and its
own processes, and needs no root. What the operator asks of it is counted by the API server, in its audit log.
"""

import json
import os
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bench.kernel import cpu_seconds
from localcluster import kwok
from localcluster.binaries import binaries
from localcluster.certificates import Pair, authority, issue, kubeconfig, write, write_secret
from localcluster.places import SOURCES
from localcluster.toolchain import module_folder

HOST = "127.0.0.1"
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
OPERATOR = "system:serviceaccount:fairlead-system:fairlead"
"""Who the operator is to the API server: with the rights, and the place in the queue, of one that is installed."""
SERVICE_ACCOUNTS = ("system:serviceaccounts", "system:serviceaccounts:fairlead-system")
SERVICES = 112
"""The second byte of the first address of a Service."""
STAGES = ("node/fast", "pod/fast")
ENVIRONMENT = os.environ | {"GOGC": "400"}  # memory for time: the cores of the machine are what is scarce
RATE = 2000  # requests a second: the defaults of the controllers (20 to 50) would be what is measured

AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "users": [OPERATOR]}, {"level": "None"}],
}


@dataclass
class ControlPlane:
    """Its files, and its processes."""

    folder: Path
    port: int
    programs: Mapping[str, Path]
    pods: str
    """The addresses of pods."""
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def admin(self) -> Path:
        """The kubeconfig of somebody who may do everything."""
        return self.folder / "admin.kubeconfig"

    @property
    def operator(self) -> Path:
        """The kubeconfig of the operator."""
        return self.folder / "operator.kubeconfig"

    @property
    def etcd(self) -> Path:
        """The socket of etcd."""
        return self.folder / "etcd.sock"

    @property
    def audit_log(self) -> Path:
        """A line of JSON for each request of the operator."""
        return self.folder / "audit.log"

    def start_kubernetes(self) -> None:
        """Starts all but etcd."""
        self.start("kube-apiserver", *_api_server(self))
        _wait_until_ready(self)
        self.start("kube-controller-manager", *_controllers(self))
        self.start("kube-scheduler", "--config=scheduler.yaml", "--secure-port=0")
        self.start("kwok", *_kwok(self))

    def start(self, name: str, *flags: str) -> None:
        """Starts one of the processes."""
        with self.log(name).open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [str(self.programs[name]), *flags],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=ENVIRONMENT,
            )

    def log(self, name: str) -> Path:
        """Where a process writes."""
        return self.folder / f"{name}.log"

    def check(self) -> None:
        """Raises RuntimeError when a process has ended, with what it said last."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended with {process.returncode}: {self.log(name).read_text()[-2000:]}")

    def cpu_seconds(self, *names: str) -> float:
        """What these processes have used since they were started."""
        return sum(cpu_seconds(self._processes[name].pid) for name in names)

    def stop(self, *, but: str = "") -> None:
        """Kills the processes: nothing of theirs is worth saving."""
        for name in reversed([name for name in self._processes if name != but]):
            process = self._processes.pop(name)
            process.kill()
            process.wait()


@contextmanager
def control_plane(folder: Path, progress: Callable[[str], None], pods: str = "10.0.0.0/11") -> Iterator[ControlPlane]:
    """A control plane without any node; gone at the end."""
    plane = ControlPlane(folder, free_port(), binaries(PROGRAMS, progress), pods)
    _write_files(plane, progress)
    try:
        plane.start("etcd", *_etcd(plane))
        plane.start_kubernetes()
        yield plane
    finally:
        plane.stop()


def free_port() -> int:
    """A port of the loopback that nobody uses."""
    with socket.socket() as listening:
        listening.bind((HOST, 0))
        return int(listening.getsockname()[1])


def _write_files(plane: ControlPlane, progress: Callable[[str], None]) -> None:
    ca = authority("bench")
    pairs: dict[str, Pair] = {
        "ca": ca,
        "server": issue(ca, "kube-apiserver", addresses=[HOST, "localhost"]),
        "service-accounts": issue(ca, "service-accounts"),
    }
    for name, pair in pairs.items():
        write(pair, plane.folder, name)
    server = f"https://{HOST}:{plane.port}"
    write_secret(plane.admin, kubeconfig(server, ca, issue(ca, "admin", ["system:masters"]), "bench"))
    write_secret(plane.operator, kubeconfig(server, ca, issue(ca, OPERATOR, SERVICE_ACCOUNTS), "bench"))
    scheduler: dict[str, Any] = {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": {"kubeconfig": str(plane.admin), "qps": RATE, "burst": RATE},
        "leaderElection": {"leaderElect": False},
    }
    (plane.folder / "scheduler.yaml").write_text(json.dumps(scheduler))
    (plane.folder / "audit.yaml").write_text(json.dumps(AUDIT_POLICY))
    stages = module_folder(SOURCES / "kwok", kwok.MODULE, progress) / "kustomize" / "stage"
    documents = [
        document
        for stage in STAGES
        for file in sorted((stages / stage).glob("*.yaml"))
        for document in yaml.safe_load_all(file.read_text())
        if document["kind"] == "Stage"
    ]
    for document in documents:
        _name_containers(document)
    (plane.folder / "kwok.yaml").write_text(yaml.safe_dump_all(documents))


def _name_containers(stage: dict[str, Any]) -> None:
    """KWOK's containers have no id, by which the operator would know one process from the next."""
    status = stage["spec"]["next"].get("statusTemplate", "")
    running = "  ready: true\n"
    named = running + '  containerID: {{ printf "kwok://%s" $.metadata.uid | Quote }}\n'
    stage["spec"]["next"]["statusTemplate"] = status.replace(running, named)


def _etcd(plane: ControlPlane) -> list[str]:
    return [
        f"--data-dir={plane.folder}/etcd",
        f"--listen-client-urls=unix://{plane.etcd}",
        f"--advertise-client-urls=unix://{plane.etcd}",
        f"--listen-peer-urls=unix://{plane.folder}/peer.sock",
        "--initial-advertise-peer-urls=http://localhost:2380",
        f"--quota-backend-bytes={8 * 2**30}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def _api_server(plane: ControlPlane) -> list[str]:
    return [
        f"--etcd-servers=unix://{plane.etcd}",
        f"--bind-address={HOST}",
        f"--advertise-address={HOST}",
        f"--secure-port={plane.port}",
        "--endpoint-reconciler-type=none",
        f"--service-cluster-ip-range=10.{SERVICES}.0.0/12",
        "--tls-cert-file=server.crt",
        "--tls-private-key-file=server.key",
        "--client-ca-file=ca.crt",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-account-key-file=service-accounts.crt",
        "--service-account-signing-key-file=service-accounts.key",
        "--disable-admission-plugins=TaintNodesByCondition",  # there is nobody to take such a taint away again
        "--audit-policy-file=audit.yaml",
        f"--audit-log-path={plane.audit_log}",
        "--audit-log-maxsize=10000",
    ]


def _controllers(plane: ControlPlane) -> list[str]:
    return [
        f"--kubeconfig={plane.admin}",
        "--controllers=deployment-controller,replicaset-controller",
        "--concurrent-deployment-syncs=20",
        "--concurrent-replicaset-syncs=20",
        f"--kube-api-qps={RATE}",
        f"--kube-api-burst={RATE}",
        "--leader-elect=false",
        "--secure-port=0",
    ]


def _kwok(plane: ControlPlane) -> list[str]:
    return [
        f"--kubeconfig={plane.admin}",
        "--config=kwok.yaml",
        "--manage-all-nodes=true",
        f"--cidr={plane.pods}",
    ]


def _wait_until_ready(plane: ControlPlane, seconds: float = 300) -> None:
    """The controllers give up when they start too early."""
    tls = ssl.create_default_context(cafile=plane.folder / "ca.crt")
    deadline = time.monotonic() + seconds
    while True:
        plane.check()
        try:
            with urllib.request.urlopen(f"https://{HOST}:{plane.port}/readyz", context=tls, timeout=10):
                return
        except OSError as error:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the API server is not ready after {seconds:.0f} s: {error}") from error
        time.sleep(0.5)

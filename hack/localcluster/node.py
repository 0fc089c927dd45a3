"""A node: namespaces that look like a machine of their own, and in them containerd, the kubelet and kube-proxy.

All processes of a node live in one process namespace and one mount namespace. So whatever happened before, killing
its process 1 ends every process of the node, pods and all, and the kernel then takes away every mount.
"""

import json
import shutil
import subprocess
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path

from localcluster import api, cgroups, network, nodefiles, processes
from localcluster.archives import image_in, pause_image
from localcluster.binaries import binaries, binary
from localcluster.certificates import issue, kubeconfig, read, write, write_secret
from localcluster.commands import run
from localcluster.controlplane import SERVER
from localcluster.packages import program_path
from localcluster.places import CLUSTER, KEYS, NAME, RUN, ClusterError, Progress
from localcluster.processes import Process
from localcluster.programs import NODE

# Folders whose names are built into the programs (or that everybody expects to find on a node): each node gets its own.
FOLDERS = (
    "/etc/cni/net.d", "/run/containerd", "/run/netns", "/var/lib/cni", "/var/lib/containerd", "/var/lib/kubelet",
    "/var/log/containers", "/var/log/pods",
)  # fmt: skip
MADE_FOLDERS = RUN / "made-folders"

# The kubelet sets these for a machine of its own; this one is not, so it gets files to write to.
KERNEL_SETTINGS = (
    "kernel/keys/root_maxbytes", "kernel/keys/root_maxkeys", "kernel/panic", "kernel/panic_on_oops",
    "vm/overcommit_memory", "vm/panic_on_oom",
)  # fmt: skip


def node_name(number: int) -> str:
    return f"{NAME}-node-{number}"


def number_of(name: str) -> int | None:
    numbers = {node_name(number): number for number in range(1, network.MOST_NODES + 1)}
    return numbers.get(name)


def start_machine(number: int, progress: Progress) -> None:
    """The node up to its container runtime; needs no API server."""
    programs = binaries(NODE, progress)
    name = node_name(number)
    unshare = ("unshare", "--fork", "--pid", "--mount-proc", "--mount", "--uts", "--net")
    init = processes.start(name, str(programs["pause"]), within=unshare)
    network.attach(number, init.pid)
    _write(name, "resolv.conf", f"nameserver {network.HOST}\n")
    _write(name, "etc/cni/net.d/pods.conflist", json.dumps(nodefiles.network(number)))
    _mount(name, init)
    run(*inside(init), "hostname", name)
    config = _write(name, "containerd.toml", nodefiles.containerd(_cni_plugins(), _snapshotter()))
    processes.start(_part(name, "containerd"), str(programs["containerd"]), f"--config={config}", within=inside(init))


def start_agents(number: int, progress: Progress) -> None:
    """The rest of the node, for an API server that is ready."""
    programs = binaries(NODE, progress)
    name = node_name(number)
    within = inside(processes.recorded()[name])
    processes.wait_for(processes.recorded()[_part(name, "containerd")], partial(_answers, within))
    load(number, pause_image(programs["pause"]))

    ca = read(KEYS, "ca")
    write(issue(ca, name, addresses=[name, network.node_address(number)]), KEYS, name)
    client = issue(ca, f"system:node:{name}", ["system:nodes"])
    write_secret(KEYS / f"{name}.kubeconfig", kubeconfig(SERVER, ca, client, NAME))
    config = _write(name, "kubelet.json", json.dumps(nodefiles.kubelet(name, cgroups.create(number))))
    arguments = nodefiles.kubelet_arguments(number, name, config)
    processes.start(_part(name, "kubelet"), str(programs["kubelet"]), *arguments, within=within)

    write_secret(KEYS / "kube-proxy.kubeconfig", kubeconfig(SERVER, ca, issue(ca, "system:kube-proxy"), NAME))
    config = _write(name, "kube-proxy.json", json.dumps(nodefiles.kube_proxy(name)))
    processes.start(_part(name, "kube-proxy"), str(programs["kube-proxy"]), f"--config={config}", within=within)


def wait_until_ready(number: int, since: datetime) -> None:
    """Ready, and said so `since` then: for a while, the API server still believes what a killed kubelet said last."""
    name = node_name(number)
    containerd, kubelet, kube_proxy = (processes.recorded()[part] for part in parts(name))
    processes.wait_for(containerd, partial(_answers, inside(processes.recorded()[name])))
    processes.wait_for(kubelet, partial(api.node_ready, name, since), containerd, kube_proxy)


def restart(number: int, progress: Progress) -> None:
    """As when the power of a machine fails and comes back: what it ran is gone, what was on its disk is not."""
    name = node_name(number)
    recorded = processes.recorded()
    for process in (name, *parts(name)):
        processes.kill(recorded[process])
    shutil.rmtree(CLUSTER / name / "run")
    start_machine(number, progress)
    start_agents(number, progress)


def parts(name: str) -> list[str]:
    return [_part(name, program) for program in ("containerd", "kubelet", "kube-proxy")]


def load(number: int, archive: Path) -> None:
    """So that pods may name the image by its tag and by its digest."""
    name, digest = image_in(archive)
    images = (*_ctr(number), "images")
    listed = (*images, "list", f"name=={name}")
    if digest and digest in run(*listed):
        return
    run(*images, "import", str(archive))
    _, _, digest, *_ = run(*listed).splitlines()[1].split()
    run(*images, "tag", "--force", name, f"{name.rpartition(':')[0]}@{digest}")


def pull(number: int, name: str) -> None:
    run(*_ctr(number), "images", "pull", name)


def inside(init: Process) -> tuple[str, ...]:
    """The command that runs its arguments as a process of the node."""
    return ("nsenter", f"--target={init.pid}", "--pid", "--mount", "--uts", "--net")


def remove_folders() -> None:
    """Those we made on the host for the nodes to mount theirs on; they are empty unless somebody else uses them now."""
    made = MADE_FOLDERS.read_text().splitlines() if MADE_FOLDERS.exists() else []
    for folder in reversed(made):
        with suppress(OSError):
            Path(folder).rmdir()


def _mount(name: str, init: Process) -> None:
    """Nothing of this is seen outside the node's namespace, and the kernel undoes it when the node ends."""
    within = inside(init)
    run(*within, "mount", "--make-rshared", "/")  # as on a real machine: volumes may be shared with their pods
    for folder in FOLDERS:
        own = CLUSTER / name / folder.removeprefix("/")
        own.mkdir(parents=True, exist_ok=True)
        _make_folder(Path(folder))
        run(*within, "mount", "--bind", str(own), folder)
    run(*within, "mount", "--bind", str(CLUSTER / name / "resolv.conf"), "/etc/resolv.conf")
    for setting in KERNEL_SETTINGS:
        value = Path("/proc/sys", setting).read_text()
        own = _write(name, f"proc/sys/{setting}", value)
        run(*within, "mount", "--bind", str(own), f"/proc/sys/{setting}")


def _make_folder(folder: Path) -> None:
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    with MADE_FOLDERS.open("a") as made:
        for path in reversed(missing):
            path.mkdir()
            made.write(f"{path}\n")


def _cni_plugins() -> Path:
    found = program_path("host-local")
    if not found:
        raise ClusterError("the CNI plugins are missing")
    return found.parent


def _snapshotter() -> str:
    """An overlay cannot lie on an overlay, which is what the disk is inside most containers."""
    kind = run("stat", "--file-system", "--format=%T", str(CLUSTER)).strip()
    return "native" if kind == "overlayfs" else "overlayfs"


def _ctr(number: int) -> tuple[str, ...]:
    return (*inside(processes.recorded()[node_name(number)]), str(binary("ctr")), "--namespace=k8s.io")


def _answers(within: tuple[str, ...]) -> bool:
    command = (*within, str(binary("ctr")), "--connect-timeout=1s", "version")
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _part(name: str, program: str) -> str:
    return f"{name}-{program}"


def _write(name: str, path: str, content: str) -> Path:
    file = CLUSTER / name / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    return file

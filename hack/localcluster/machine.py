"""The cluster made of this machine's processes: brought up whole, taken down whole."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess
from typing import Literal

from localcluster import cgroups, controlplane, network, node, packages, processes
from localcluster.binaries import binaries
from localcluster.cluster import State
from localcluster.node import inside
from localcluster.places import CLUSTER, KUBECONFIG, NAME, RUN, ClusterError, Progress
from localcluster.programs import CONTROL_PLANE, NODE
from localcluster.waiting import one_at_a_time

LOCK = RUN.with_suffix(".lock")
COMPLETE = RUN / "complete"  # an `up` that was interrupted leaves no such file
LONG_AGO = datetime.min.replace(tzinfo=UTC)
OPTIONAL = ("kwok", "gateway", "metrics-server", "keda-operator", "keda-adapter")


def impossible(platform: str = sys.platform, user: int | None = None) -> str | None:
    """Why this machine cannot run one."""
    if platform != "linux":
        return "this is not Linux"
    if (os.geteuid() if user is None else user) != 0:
        return "you are not root"
    return None


def up(nodes: int, progress: Progress) -> None:
    """Idempotent. A cluster of which a part has died is not mended but made anew."""
    if not 1 <= nodes <= network.MOST_NODES:
        raise ClusterError(f"the number of nodes must be between 1 and {network.MOST_NODES}")
    _get_everything(progress)
    with exclusively(progress):
        if not whole():
            if recorded := processes.recorded():
                alive = [name for name, process in recorded.items() if processes.alive(process)]
                progress(f"{why_not_whole(broken(), alive)}; removing what is left of it")
            _remove()
            progress("starting the control plane")
            _prepare()
            controlplane.start_api_server(progress)
        _add_nodes([number for number in range(1, nodes + 1) if number not in numbers()], progress)


def down(progress: Progress) -> None:
    with exclusively(progress):
        if processes.recorded():
            progress("removing the cluster")
        _remove()


def restart(component: str, progress: Progress) -> None:
    with exclusively(progress):
        process = processes.recorded().get(component)
        if not process:
            raise ClusterError(f"'{component}' is none of {', '.join(processes.recorded())}")
        COMPLETE.unlink(missing_ok=True)
        began = datetime.now(UTC)
        if number := node.number_of(component):
            node.restart(number, progress)
        else:
            processes.restart(process)
        _wait_for_all(component, began)
        COMPLETE.touch()


def whole() -> bool:
    return COMPLETE.exists() and not broken()


def broken() -> list[str]:
    """What should be running and is not."""
    return [
        name for name, process in processes.recorded().items() if name not in OPTIONAL and not processes.alive(process)
    ]


def numbers() -> list[int]:
    """The nodes that there are."""
    return [number for name in processes.recorded() if (number := node.number_of(name))]


def exclusively(progress: Progress) -> AbstractContextManager[None]:
    return one_at_a_time(LOCK, progress)


def _get_everything(progress: Progress) -> None:
    """The operating system's packages arrive while Go builds."""
    with ThreadPoolExecutor() as pool:
        installed = pool.submit(packages.install, packages.FOR_NODES, progress)
        built = pool.submit(binaries, [*CONTROL_PLANE, *NODE], progress)
    installed.result()
    built.result()


def _prepare() -> None:
    RUN.mkdir(mode=0o700)
    CLUSTER.mkdir(parents=True, mode=0o700)
    network.create()
    controlplane.make_keys()


def _add_nodes(new: list[int], progress: Progress) -> None:
    if not new:
        return
    COMPLETE.unlink(missing_ok=True)
    for number in new:
        node.start_machine(number, progress)
    controlplane.wait_for_api_server()
    controlplane.start_controllers(progress)
    for number in new:
        progress(f"starting {node.node_name(number)}")
        node.start_agents(number, progress)
    _wait_for_all()
    COMPLETE.touch()


def _wait_for_all(restarted: str = "", began: datetime = LONG_AGO) -> None:
    controlplane.wait_until_ready()
    for number in numbers():
        concerned = restarted.startswith(node.node_name(number))
        node.wait_until_ready(number, began if concerned else LONG_AGO)


def why_not_whole(dead: Sequence[str], alive: Sequence[str]) -> str:
    """In words for somebody who may not know that there was a cluster before."""
    if not dead:
        return "the last start of the cluster was interrupted"
    if alive:
        return f"a part of the cluster has died ({', '.join(dead)})"
    return "an earlier cluster has ended, as after a restart of this machine"


def _remove() -> None:
    """Everything that any `up` may have left, finished or not."""
    for process in processes.recorded().values():
        processes.kill(process)
    processes.kill_unrecorded()
    cgroups.remove()
    network.remove()
    node.remove_folders()
    shutil.rmtree(RUN, ignore_errors=True)
    shutil.rmtree(CLUSTER, ignore_errors=True)


@dataclass(frozen=True, kw_only=True)
class MachineCluster:
    """The `Cluster` of this module's functions."""

    progress: Progress = print
    name: str = NAME
    kubeconfig: Path = KUBECONFIG
    kind: Literal["processes"] = "processes"
    host_reaches_pods: bool = True

    def load(self, image: Path | str) -> None:
        put = partial(node.load, archive=Path(image)) if Path(image).exists() else partial(node.pull, name=str(image))
        with ThreadPoolExecutor() as pool:
            list(pool.map(put, numbers()))

    def node_exec(self, node: str, command: Sequence[str]) -> CompletedProcess[str]:
        init = processes.recorded()[node]
        return subprocess.run((*inside(init), *command), capture_output=True, text=True, check=False)

    def restart(self, component: str) -> None:
        restart(component, self.progress)

    def status(self) -> list[State]:
        return [
            State(part=name, healthy=processes.alive(process), detail=f"process {process.pid}")
            for name, process in processes.recorded().items()
        ]

    def down(self) -> None:
        down(self.progress)

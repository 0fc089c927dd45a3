"""Which kind of cluster this machine gets, and the extras that it is asked for."""

from typing import Literal

import localcluster.gateway
import localcluster.keda
import localcluster.kwok
import localcluster.metricsserver
from localcluster import docker, kind, machine, processes
from localcluster.cluster import Cluster
from localcluster.places import ClusterError, Progress


def up(
    nodes: int = 2,
    kwok: int = 0,
    gateway: bool = False,
    progress: Progress = print,
    *,
    gpus: int = 0,
    metrics: bool = False,
    keda: bool = False,
) -> Cluster:
    """Idempotent: what is there already stays, and what is asked for beyond that is added.

    A dead extension of the API comes back without being asked for: no namespace ends while one does not answer.
    """
    if _this_machines_kind(extras=bool(kwok or gateway or metrics or keda)) == "kind":
        kind.up(nodes, progress)
    else:
        machine.up(nodes, progress)
        with machine.exclusively(progress):
            if kwok:
                localcluster.kwok.ensure(kwok, gpus, progress)
            if gateway:
                localcluster.gateway.ensure(progress)
            if metrics or processes.died(localcluster.metricsserver.PROCESS):
                localcluster.metricsserver.ensure(progress)
            if keda or processes.died(*localcluster.keda.PROCESSES):
                localcluster.keda.ensure(progress)
    return find(progress)


def can_have_extras() -> bool:
    """Whether kwok, the gateway, metrics-server and KEDA can be had here."""
    return _this_machines_kind() == "processes"


def find(progress: Progress = print) -> Cluster:
    """The cluster of this machine, up or not."""
    with_kind = _this_machines_kind() == "kind"
    return kind.DockerCluster(progress=progress) if with_kind else machine.MachineCluster(progress=progress)


def kind_for(*, docker: bool, impossible: str | None, extras: bool = False) -> Literal["kind", "processes"]:
    """The kind of cluster for a machine with or without Docker, and with a reason why processes are `impossible`.

    An error when it can have neither, or not the extras.
    """
    if docker and extras:
        needing = "kwok, the gateway, metrics-server and KEDA"
        raise ClusterError(f"{needing} need a cluster of processes, and this machine uses Docker (kind)")
    if docker:
        return "kind"
    if impossible:
        raise ClusterError(f"no Docker engine answers, and without one it takes Linux and root, but {impossible}")
    return "processes"


def _this_machines_kind(*, extras: bool = False) -> Literal["kind", "processes"]:
    return kind_for(docker=docker.works(), impossible=machine.impossible(), extras=extras)

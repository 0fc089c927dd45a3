"""Which kind of cluster this machine gets, and the extras that it is asked for."""

import localcluster.gateway
import localcluster.kwok
from localcluster import docker, kind, machine
from localcluster.cluster import Cluster
from localcluster.places import ClusterError, Progress


def up(nodes: int = 2, kwok: int = 0, gateway: bool = False, progress: Progress = print, *, gpus: int = 0) -> Cluster:
    """Idempotent: what is there already stays, and what is asked for beyond that is added."""
    if _with_kind():
        if kwok or gateway:
            raise ClusterError("kwok and the gateway need a cluster of processes, and this machine uses Docker (kind)")
        kind.up(nodes, progress)
    else:
        machine.up(nodes, progress)
        with machine.exclusively(progress):
            if kwok:
                localcluster.kwok.ensure(kwok, gpus, progress)
            if gateway:
                localcluster.gateway.ensure(progress)
    return find(progress)


def find(progress: Progress = print) -> Cluster:
    """The cluster of this machine, up or not."""
    return kind.DockerCluster(progress=progress) if _with_kind() else machine.MachineCluster(progress=progress)


def _with_kind() -> bool:
    """An error when this machine can have neither."""
    if docker.works():
        return True
    if reason := machine.impossible():
        raise ClusterError(f"no Docker engine answers, and without one it takes Linux and root, but {reason}")
    return False

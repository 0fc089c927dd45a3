"""The command `hack/cluster`."""

import argparse
import sys
from pathlib import Path

import localcluster
from localcluster import processes
from localcluster.binaries import binaries
from localcluster.images import build_folder
from localcluster.places import LOGS, ClusterError
from localcluster.programs import ALL, CONTROL_PLANE, NODE
from localcluster.shell import settings


def main() -> None:
    arguments = _parser().parse_args()
    try:
        arguments.run(arguments)
    except ClusterError as error:
        sys.exit(f"hack/cluster: {error}")
    except KeyboardInterrupt:
        sys.exit("hack/cluster: interrupted; the next 'up' or 'down' removes what is there")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hack/cluster", description="A real Kubernetes on this machine.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    up = commands.add_parser("up", help="make it run; does nothing when it does")
    up.add_argument("--nodes", type=int, default=2, help="real nodes, with real pods (default: 2)")
    up.add_argument("--kwok", type=int, default=0, metavar="N", help="N more nodes that only pretend to run pods")
    up.add_argument("--gpus", type=int, default=0, metavar="N", help="GPUs that each of those pretends to have")
    up.add_argument("--gateway", action="store_true", help="Traefik as an implementation of the Gateway API")
    up.add_argument("--metrics", action="store_true", help="metrics-server, for HorizontalPodAutoscalers")
    up.add_argument("--keda", action="store_true", help="KEDA, for ScaledObjects")
    up.set_defaults(run=_up)

    commands.add_parser("down", help="remove it and everything it made").set_defaults(run=_down)
    commands.add_parser("status", help="what runs").set_defaults(run=_status)
    commands.add_parser("kubeconfig", help="print the path of the kubeconfig").set_defaults(run=_kubeconfig)

    load = commands.add_parser("load", help="put images into every node")
    load.add_argument("images", nargs="+", metavar="IMAGE", help="an archive, a folder with a Dockerfile, or a name")
    load.set_defaults(run=_load)

    build = commands.add_parser("build", help="only get programs: by default those of a cluster without extras")
    build.add_argument("programs", nargs="*", metavar="PROGRAM", help=", ".join(ALL))
    build.set_defaults(run=_build)

    logs = commands.add_parser("logs", help="print the path of every log, or the log of one component")
    logs.add_argument("component", nargs="?")
    logs.set_defaults(run=_logs)
    return parser


def _up(arguments: argparse.Namespace) -> None:
    cluster = localcluster.up(
        arguments.nodes,
        arguments.kwok,
        arguments.gateway,
        gpus=arguments.gpus,
        metrics=arguments.metrics,
        keda=arguments.keda,
    )
    print("The cluster is up. To use it:", *[f"    {line}" for line in settings(cluster)], sep="\n")
    print("How to install Fairlead there, and which images its nodes have: docs/cluster.md")


def _down(_: argparse.Namespace) -> None:
    localcluster.find().down()


def _status(_: argparse.Namespace) -> None:
    states = localcluster.find().status()
    for state in states:
        print(f"{'ok' if state.healthy else 'DEAD':6}{state.part:32}{state.detail}")
    if not states:
        sys.exit("the cluster is down")
    if not all(state.healthy for state in states):
        sys.exit("the cluster is broken: 'hack/cluster up' makes a new one")


def _kubeconfig(_: argparse.Namespace) -> None:
    print(localcluster.find().kubeconfig)


def _load(arguments: argparse.Namespace) -> None:
    cluster = localcluster.find()
    for image in arguments.images:
        cluster.load(build_folder(Path(image)) if Path(image).is_dir() else image)


def _build(arguments: argparse.Namespace) -> None:
    for path in binaries(arguments.programs or [*CONTROL_PLANE, *NODE]).values():
        print(path)


def _logs(arguments: argparse.Namespace) -> None:
    if not arguments.component:
        print(*sorted(LOGS.glob("*.log")), sep="\n")
        return
    log = processes.log_of(arguments.component)
    if not log.exists():
        raise ClusterError(f"there is no {log}")
    print(log.read_text(errors="replace"), end="")

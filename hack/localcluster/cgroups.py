"""One control group for each node, under which its kubelet keeps the pods. Both versions of cgroups."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from localcluster.waiting import until

PREFIX = "fl-node-"


def create(number: int) -> str:
    """The path for the kubelet, which wants it to exist in every hierarchy."""
    name = f"{PREFIX}{number}"
    for version, hierarchy in _hierarchies():
        if version == "cgroup2":
            _pass_controllers_on(hierarchy)
        (hierarchy / name).mkdir(exist_ok=True)
        if version == "cgroup" and (hierarchy / "cpuset.cpus").exists():
            _fill_cpuset(hierarchy, hierarchy / name)
    return f"/{name}"


def remove() -> None:
    """The processes are gone by now, but the kernel may need a moment more to see the groups empty."""
    for _, hierarchy in _hierarchies():
        for group in hierarchy.glob(f"{PREFIX}*"):
            until(partial(_removed, group), f"{group} is removed", seconds=20)


def _removed(top: Path) -> bool:
    for folder, _, _ in os.walk(top, topdown=False):
        with suppress(OSError):
            Path(folder).rmdir()  # the files in it are the kernel's and go along
    return not top.exists()


def _hierarchies() -> Iterator[tuple[str, Path]]:
    for line in Path("/proc/mounts").read_text().splitlines():
        _, folder, kind, *_ = line.split()
        if kind in ("cgroup", "cgroup2"):
            yield kind, Path(folder)


def _pass_controllers_on(hierarchy: Path) -> None:
    for controller in (hierarchy / "cgroup.controllers").read_text().split():
        with suppress(OSError):  # one in use elsewhere must not keep us from the others
            (hierarchy / "cgroup.subtree_control").write_text(f"+{controller}")


def _fill_cpuset(parent: Path, group: Path) -> None:
    for name in ("cpuset.cpus", "cpuset.mems"):
        shutil.copyfile(parent / name, group / name)

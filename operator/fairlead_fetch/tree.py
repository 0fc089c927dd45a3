"""A folder that is written to as if it were the root of a file system: no device, owner or mode gets in, nothing out.

For archives a name or a link that leads out is refused. An image has its own root, as the kernel would see to it: there
absolute links are links from that root, and one that leads above it ends at it (as filepath-securejoin does).
"""

import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath
from typing import IO

from fairlead_fetch.patterns import Patterns
from fairlead_fetch.progress import sized
from fairlead_fetch.report import Refused
from fairlead_fetch.source import CHUNK, Unpacking
from fairlead_fetch.writing import writing

WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"  # OCI image specification, layer.md
MOST_LINKS = 40  # on one path, as in the kernel

_TOP = PurePosixPath()


class Tree:
    """Paths in it are relative. All that is followed is followed here, part by part, and never by the kernel."""

    def __init__(self, root: Path, how: Unpacking, wanted: Patterns, name: str) -> None:
        self._root, self._how, self._wanted, self._name = root, how, wanted, name
        self._brought: set[Path] = set()  # by this archive, which its own whiteouts leave alone

    def folder(self, name: str) -> None:
        path = self._path(name)
        if path != _TOP and not self._wanted.include:  # else those are made that a file needs
            self._make(self._followed(path.parent, name) / path.name)

    def file(self, name: str, size: int, content: Callable[[], AbstractContextManager[IO[bytes]]]) -> None:
        path = self._path(name)
        if self._is_whiteout(path, name) or not self._wanted.want(str(path)):
            return
        target = self._cleared(path, name)
        found = os.statvfs(self._root)
        if size > (free := found.f_bavail * found.f_frsize):
            raise Refused(
                f"no space to unpack {self._name}: {name} needs {sized(size)}, and {sized(free)} are free. "
                "Give the volume more"
            )
        with writing(self._root), content() as source, target.open("xb") as file:
            shutil.copyfileobj(source, file, CHUNK)
        target.chmod(0o644)

    def link(self, name: str, target: str, *, hard: bool) -> None:
        path = self._path(name)
        if not self._wanted.want(str(path)):
            return
        if hard:
            self._link_hard(path, name, target)
            return
        if target.startswith("/") and not self._how.of_image:
            raise self._refused(name, f"links to {target}, an absolute path")
        parent = self._followed(path.parent, name)
        aim = self._normal(_TOP if target.startswith("/") else parent, target.lstrip("/"), name)
        link = self._cleared(path, name)
        with writing(self._root):
            link.symlink_to(os.path.relpath(f"/{aim}", f"/{parent}"))

    def refuse_device(self, name: str) -> None:
        raise self._refused(name, "is a device or a pipe")

    def _link_hard(self, path: PurePosixPath, name: str, target: str) -> None:
        to = self._path(target)
        found = self._root / self._followed(to.parent, target) / to.name
        if not found.is_file() or found.is_symlink():
            left_out = "is not there" if self._wanted.want(str(to)) else "the patterns leave out"
            raise self._refused(name, f"links to {target}, which {left_out}")
        if found != self._root / self._followed(path.parent, name) / path.name:
            link = self._cleared(path, name)
            with writing(self._root):
                link.hardlink_to(found)

    def _path(self, name: str) -> PurePosixPath:
        """oras repeats the title of a folder in front of each name in it."""
        path, folder = PurePosixPath(name), PurePosixPath(self._how.folder)
        if path.is_absolute() or ".." in path.parts:
            raise self._refused(name, "leads out of the folder")
        return path if path.is_relative_to(folder) else folder / path

    def _is_whiteout(self, path: PurePosixPath, name: str) -> bool:
        """Whether it only says what of the layers below is gone; then that goes."""
        if not self._how.of_image or not path.name.startswith(WHITEOUT):
            return False
        parent = self._root / self._followed(path.parent, name)
        if path.name != OPAQUE:
            self._remove_from_below(parent / path.name.removeprefix(WHITEOUT))
        elif parent.is_dir():
            for child in list(parent.iterdir()):
                self._remove_from_below(child)
        return True

    def _remove_from_below(self, path: Path) -> None:
        if path not in self._brought:
            _remove(path)
        elif path.is_dir() and not path.is_symlink():
            for child in list(path.iterdir()):
                self._remove_from_below(child)

    def _cleared(self, path: PurePosixPath, name: str) -> Path:
        """A free place, in a folder that is there."""
        parent = self._followed(path.parent, name)
        self._make(parent)
        place = self._root / parent / path.name
        with writing(self._root):
            _remove(place)
        self._brought.add(place)
        return place

    def _make(self, path: PurePosixPath) -> None:
        """A real folder, also where a file or a link has been."""
        with writing(self._root):
            for part in reversed([path, *path.parents]):
                place = self._root / part
                if place.is_symlink() or not place.is_dir():
                    _remove(place)
                    place.mkdir(mode=0o755)
                self._brought.add(place)

    def _followed(self, path: PurePosixPath, name: str) -> PurePosixPath:
        """Where it really is."""
        done, rest, links = _TOP, list(path.parts), 0
        while rest:
            part = rest.pop(0)
            here = self._root / done / part
            if part != ".." and here.is_symlink():
                links += 1
                if links > MOST_LINKS:
                    raise self._refused(name, "is reached by links in circles")
                rest = [*here.readlink().parts, *rest]
            else:
                done = self._normal(done, part, name)
        return done

    def _normal(self, start: PurePosixPath, path: str, name: str) -> PurePosixPath:
        """Without `..`."""
        done = start
        for part in PurePosixPath(path).parts:
            if part != "..":
                done /= part
            elif done != _TOP or self._how.of_image:
                done = done.parent
            else:
                raise self._refused(name, "leads out of the folder")
        return done

    def _refused(self, name: str, why: str) -> Refused:
        return Refused(f"{self._name} is not unpacked: its member {name} {why}. Make the archive without it")


def check_links(root: Path, name: str) -> None:
    """When all is there: a link may lead through others, and none may lead out."""
    top = root.resolve()
    for path in root.rglob("*"):
        if path.is_symlink() and not path.resolve().is_relative_to(top):
            raise Refused(f"{name} has the link {path.relative_to(root)}, which leads out of the folder: leave it out")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)

"""What every source gives: what there is, and the bytes of an item from some place on. A new source is one new file."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NamedTuple, Protocol

from fairlead_fetch.patterns import Patterns
from fairlead_fetch.report import Refused
from fairlead_fetch.uri import Uri

CHUNK = 1 << 20  # bytes


@dataclass(frozen=True, kw_only=True)
class Unpacking:
    """What arrives is a tar or zip archive: its content goes to `folder`, and `of_image` means with OCI's whiteouts."""

    folder: str = ""
    of_image: bool = False


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing to download. `path` is its place in the model's folder, and how people are told of it.

    `where` is the source's own: an address, a key, a digest. `version` is what the server must say that it still is (an
    ETag). `digest` is `sha256:HEX` or `git:HEX` (Git's name of a file), or empty. `size` is in bytes, None when the
    server does not tell.
    """

    path: str
    where: str
    size: int | None
    version: str = ""
    digest: str = ""
    unpack: Unpacking | None = None


@dataclass(frozen=True, kw_only=True)
class Found:
    """`made_of` says what the list does not: where things are that have a name of their own."""

    uri: Uri
    items: tuple[Item, ...]
    made_of: str = ""

    @property
    def size(self) -> int | None:
        """In bytes; None when one of them is not known."""
        return sum(item.size or 0 for item in self.items) if all(item.size is not None for item in self.items) else None

    @property
    def digest(self) -> str:
        """Of the list, not of the bytes."""
        listed = [[item.path, item.size, item.version.strip('"'), item.digest] for item in self.items]
        told = json.dumps([listed, self.made_of] if self.made_of else listed)
        return f"sha256:{hashlib.sha256(told.encode()).hexdigest()}"


class Stream(NamedTuple):
    start: int
    """Where the chunks begin: a server that knows no ranges begins anew whatever it was asked for."""
    chunks: Iterator[bytes]


class Source(Protocol):
    """Raises `Refused` and `Unreachable`, each with its sentence, and never tries twice: that is for those who ask."""

    origin: str
    """Whose names these are, where the same pinned address means other bytes elsewhere; else empty."""

    def resolve(self, wanted: Patterns) -> Found:
        """What the address means now, pinned. An address that is pinned and means other bytes by now is refused."""
        ...

    def read(self, item: Item, start: int) -> AbstractContextManager[Stream]:
        """The bytes of what was found, from `start` on if the server can do that."""
        ...


def is_archive(name: str) -> bool:
    return name.lower().endswith((".tar", ".tar.gz", ".tgz", ".zip"))


def choose(items: list[Item], wanted: Patterns, whose: str) -> tuple[Item, ...]:
    """Those that the patterns ask for. In an archive they mean what is inside, which nobody knows yet."""
    if len(items) == 1 and is_archive(items[0].path):
        return tuple(items)
    chosen = tuple(item for item in items if item.unpack or wanted.want(item.path))
    if items and not chosen:
        raise Refused(f"none of the {len(items)} files of {whose} is wanted by {wanted}: change the patterns")
    check_paths(chosen, whose)
    return chosen


def check_paths(items: tuple[Item, ...], whose: str) -> None:
    """Nothing may leave the folder, and nothing can be a file and a folder at once."""
    paths = {item.path for item in items if item.unpack is None}
    for path in paths:
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts or not path.isprintable() or path.endswith("/"):
            raise Refused(f"{whose} has a file with the name {path!r}, which cannot be written: rename it there")
        above = {str(parent) for parent in PurePosixPath(path).parents} & paths
        if above:
            raise Refused(f"in {whose}, {above.pop()} is both a file and a folder: leave one out with exclude")


def changed(what: str, where: str) -> Refused:
    return Refused(
        f"{what} in {where} is not what it was when this revision was made: it was overwritten or removed since. "
        "Put the old bytes back, or make a new revision"
    )

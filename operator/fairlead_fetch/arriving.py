"""One item on its way from a source to a file: gone on with where it stopped, and checked at the end."""

import hashlib
import os
from pathlib import Path
from threading import Event

from fairlead_fetch.progress import Progress
from fairlead_fetch.report import Refused, Unreachable
from fairlead_fetch.source import CHUNK, Item, Source
from fairlead_fetch.writing import writing

_NAMES = {"sha256": "SHA-256 checksum", "git": "Git checksum"}


class Stopped(Exception):
    """Somebody else has failed, and nothing more is wanted."""


class Wrong(Exception):
    """The bytes are not those that were promised; the argument is the digest that they have."""


def arrive(item: Item, source: Source, file: Path, progress: Progress, stop: Event) -> None:
    """One try. Bytes that are there already are not asked for again; `progress` has been told of them.

    Raises `Wrong`, and `Unreachable` and `Refused` as the source does.
    """
    with writing(file.parent):
        file.parent.mkdir(parents=True, exist_ok=True)
        there = size_of(file)
        if item.size is None or there > item.size:
            progress.add(-there)
            file.unlink(missing_ok=True)
            there = 0
    hashed = _Hashed(item)
    if there:
        hashed.read(file)
    if there != item.size or not there:
        _append(item, source, file, hashed, progress, stop)
    with writing(file.parent), file.open("rb") as done:
        os.fsync(done.fileno())
    hashed.check()


def wrong(item: Item, found: str, whose: str) -> Refused:
    kind, _, promised = item.digest.partition(":")
    return Refused(
        f"{item.path} of {whose} has the wrong {_NAMES.get(kind, kind)}: {promised} was promised, {found} came. "
        "Correct the checksum, or put the right file there"
    )


def size_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


class _Hashed:
    """What has come so far, as far as anybody has promised a digest."""

    def __init__(self, item: Item) -> None:
        self._kind, _, self._promised = item.digest.partition(":")
        self._size = item.size
        self.restart()

    def restart(self) -> None:
        if self._kind == "git":
            self._hash = hashlib.sha1(f"blob {self._size}\0".encode(), usedforsecurity=False)
        else:
            self._hash = hashlib.new(self._kind or "sha256")

    def read(self, file: Path) -> None:
        if self._promised:
            with file.open("rb") as content:
                while chunk := content.read(CHUNK):
                    self._hash.update(chunk)

    def add(self, chunk: bytes) -> None:
        if self._promised:
            self._hash.update(chunk)

    def check(self) -> None:
        if self._promised and self._hash.hexdigest() != self._promised:
            raise Wrong(self._hash.hexdigest())


def _append(item: Item, source: Source, file: Path, hashed: _Hashed, progress: Progress, stop: Event) -> None:
    size = size_of(file)
    with source.read(item, size) as stream, writing(file.parent), file.open("ab") as target:
        if stream.start != size:
            progress.add(stream.start - size)
            target.truncate(stream.start)
            hashed.restart()
            size = stream.start
        for chunk in stream.chunks:
            size += len(chunk)
            if stop.is_set():
                raise Stopped
            if item.size is not None and size > item.size:
                break
            target.write(chunk)
            target.flush()  # so that little is lost when the process is killed
            hashed.add(chunk)
            progress.add(len(chunk))
    if item.size is not None and size > item.size:
        raise Refused(f"{item.path} is longer than the {item.size} bytes that were announced: it has changed since")
    if item.size is not None and size < item.size:
        raise Unreachable(f"{item.path} ended after {size} of {item.size} bytes")

"""Tar and zip archives, read member by member in constant memory; tree.py lets nothing get out of the folder."""

import gzip
import stat
import tarfile
import zipfile
import zlib
from functools import partial
from pathlib import Path
from typing import IO, cast

from fairlead_fetch.patterns import Patterns
from fairlead_fetch.report import Refused
from fairlead_fetch.source import Unpacking
from fairlead_fetch.tree import Tree
from fairlead_fetch.zstandard import ZstdError, zstd_reader

GZIP, ZIP, ZSTANDARD = b"\x1f\x8b", b"PK", b"\x28\xb5\x2f\xfd"

_DAMAGED = (
    EOFError, NotImplementedError, UnicodeError, ZstdError, gzip.BadGzipFile, tarfile.TarError, zipfile.BadZipFile,
    zlib.error,
)  # fmt: skip


def unpack(archive: Path, into: Path, how: Unpacking, wanted: Patterns, name: str) -> None:
    """May be done again over what an earlier try has left. Raises `Refused` with the archive's `name`."""
    tree = Tree(into, how, wanted, name)
    try:
        if _start(archive).startswith(ZIP):
            _unzip(archive, tree)
        else:
            _untar(archive, tree)
    except _DAMAGED as error:
        raise Refused(f"{name} cannot be unpacked ({error}): it is damaged, or no tar or zip archive") from None
    except RuntimeError as error:  # zipfile's word for a password
        raise Refused(f"{name} cannot be unpacked ({error}): make it without a password") from None


def _untar(archive: Path, tree: Tree) -> None:
    with (
        archive.open("rb") as file,
        _plain(file, _start(archive)) as content,
        tarfile.open(fileobj=content, mode="r|") as members,
    ):
        while (member := members.next()) is not None:
            members.members.clear()  # type: ignore[attr-defined] # it would keep them all
            if member.isdir():
                tree.folder(member.name)
            elif member.isreg():
                tree.file(member.name, member.size, partial(_extracted, members, member))
            elif member.issym() or member.islnk():
                tree.link(member.name, member.linkname, hard=member.islnk())
            else:
                tree.refuse_device(member.name)


def _extracted(members: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = members.extractfile(member)
    if content is None:
        raise tarfile.ReadError(f"{member.name} has no content")
    return content


def _start(archive: Path) -> bytes:
    """What it is, since media types and names are not always right."""
    with archive.open("rb") as file:
        return file.read(4)


def _plain(file: IO[bytes], start: bytes) -> IO[bytes]:
    if start.startswith(GZIP):
        return cast("IO[bytes]", gzip.open(file, "rb"))
    return zstd_reader(file) if start == ZSTANDARD else file


def _unzip(archive: Path, tree: Tree) -> None:
    with zipfile.ZipFile(archive) as members:
        for member in members.infolist():
            mode = member.external_attr >> 16
            if member.is_dir():
                tree.folder(member.filename)
            elif stat.S_ISLNK(mode):
                tree.link(member.filename, members.read(member).decode(), hard=False)
            elif stat.S_IFMT(mode) in (0, stat.S_IFREG):
                tree.file(member.filename, member.file_size, partial(members.open, member))
            else:
                tree.refuse_device(member.filename)

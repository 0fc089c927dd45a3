"""Images for the tests and the demo: built with Docker or else with buildah, and only when something changed."""

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path

from localcluster import docker, packages
from localcluster.base import base_image
from localcluster.places import CACHE, IMAGES, ClusterError, Progress
from localcluster.waiting import one_at_a_time

KEPT = 3  # archives of each image
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"  # Debian's place, and what its pip goes by

BASES = {"mlserver-model": "mlserver"}  # of the images in tests/images, those built on another one of them
NO_ARGUMENTS: Mapping[str, str] = {}

Build = Callable[[Path, Path, str, Mapping[str, str], Path], None]
"""(context, Dockerfile, tag, arguments, archive): makes the archive."""


def build_image(
    context: Path,
    tag: str,
    arguments: Mapping[str, str] = NO_ARGUMENTS,
    *,
    dockerfile: str = "Dockerfile",
    progress: Progress = print,
    folder: Path = IMAGES,
    build: Build | None = None,
) -> Path:
    """The archive of the image. Without Docker, the argument BASE is given a Debian with Python made on this machine.

    An argument that is the path of an archive stands for the image in it. `build` is Docker's work, or buildah's.
    """
    with one_at_a_time(folder / "lock", progress):
        given = dict(arguments)
        if build is None and docker.works():
            build = docker.build
        if build is None:
            packages.install(packages.FOR_IMAGES, progress)
            given.setdefault("BASE", str(base_image(progress)))
            build = _buildah
        archive = folder / f"{_file_name(tag)}-{_key(context, tag, given, dockerfile)}.tar"
        if not archive.exists():
            progress(f"building the image {tag}")
            partial = archive.with_suffix(".partial")
            partial.unlink(missing_ok=True)
            build(context, context / dockerfile, tag, given, partial)
            partial.rename(archive)
        archive.touch()
        _forget_unused(folder, tag)
    return archive


def build_folder(context: Path, progress: Progress = print) -> Path:
    """One of tests/images, under the name of its folder."""
    name = context.resolve().name
    below = BASES.get(name)
    arguments = {"BASE": str(build_folder(context.resolve().with_name(below), progress))} if below else NO_ARGUMENTS
    return build_image(context, f"fairlead.test/{name}:1", arguments, progress=progress)


def _buildah(context: Path, dockerfile: Path, tag: str, arguments: Mapping[str, str], archive: Path) -> None:
    # Neither overlays nor namespaces: this works wherever root does.
    storage = ("--storage-driver=vfs", f"--root={CACHE}/buildah", f"--runroot={CACHE}/buildah/run")
    build_arguments = [f"--build-arg={name}={_reference(value)}" for name, value in arguments.items()]
    options = ("--isolation=chroot", "--layers=false", f"--cni-config-dir={CACHE}/buildah/cni")
    # Whom this machine trusts: behind a company's proxy, nothing can be installed without its certificate.
    trusted = f"--volume={AUTHORITIES}:{AUTHORITIES}:ro"
    names = (f"--tag={tag}", f"--file={dockerfile}")
    _run("buildah", *storage, "bud", *options, trusted, *names, *build_arguments, str(context))
    _run("buildah", *storage, "push", "--quiet", "--disable-compression", tag, f"oci-archive:{archive}:{tag}")
    # The archive is what is kept; the vfs driver would hold a full copy of every layer besides.
    _run("buildah", *storage, "rmi", "--all", "--force")


def _reference(value: str) -> str:
    return f"oci-archive:{value}" if value.endswith(".tar") else value


def _run(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"'{' '.join(command)}' failed:\n{done.stdout[-4000:]}")


def _key(context: Path, tag: str, arguments: Mapping[str, str], dockerfile: str) -> str:
    key = hashlib.sha256(repr((tag, sorted(arguments.items()), dockerfile)).encode())
    for file in _files(context):
        key.update(f"\0{file.relative_to(context)}\0{file.stat().st_mode & 0o111}\0".encode())
        key.update(file.read_bytes())
    return key.hexdigest()[:12]


def _files(context: Path) -> Iterator[Path]:
    """In a steady order, without what .dockerignore names; only names and simple patterns are understood there."""
    ignored = context / ".dockerignore"
    patterns = [line.strip("/") for line in ignored.read_text().splitlines()] if ignored.exists() else []
    for folder, folders, files in os.walk(context):
        relative = Path(folder).relative_to(context)
        folders[:] = sorted(name for name in folders if not _ignored(relative / name, patterns))
        yield from (Path(folder, name) for name in sorted(files) if not _ignored(relative / name, patterns))


def _ignored(path: Path, patterns: list[str]) -> bool:
    always = ("__pycache__", ".*_cache")
    return any(fnmatch(str(path), pattern) or fnmatch(path.name, pattern) for pattern in (*always, *patterns))


def _forget_unused(folder: Path, tag: str) -> None:
    """Every edit makes another archive; those that have not been asked for the longest go."""
    archives = sorted(folder.glob(f"{_file_name(tag)}-????????????.tar"), key=lambda path: path.stat().st_mtime)
    for archive in archives[:-KEPT]:
        archive.unlink()


def _file_name(tag: str) -> str:
    return tag.replace("/", "-").replace(":", "-")

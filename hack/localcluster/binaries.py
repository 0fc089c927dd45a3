"""Where a program comes from: found on this machine, else downloaded, else built from its Go module; then kept."""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from localcluster.places import BINARIES, SOURCES, ClusterError, Progress
from localcluster.programs import ALL, Program, version_of
from localcluster.toolchain import build
from localcluster.waiting import one_at_a_time

DOWNLOADS = "https://dl.k8s.io/release"
CONNECT_SECONDS = 3  # behind a firewall nothing answers, and building is always possible


@dataclass(frozen=True, kw_only=True)
class Ways:
    """Where programs are kept and looked for, and how they are got. `silent` are the addresses that did not answer."""

    keep: Path = BINARIES
    search: str = field(default_factory=lambda: search_path(os.environ))
    downloads: str = DOWNLOADS
    build: Callable[[Path, str, Path, str, str, int, Progress], None] = build
    silent: set[str] = field(default_factory=set)

    def kept(self, wanted: Program) -> Path:
        """The folder's content is part of the key: an edit of go.mod is never answered with an older build."""
        files = sorted(path for path in (SOURCES / wanted.folder).iterdir() if path.is_file())
        content = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:8]
        key = f"{wanted.module or wanted.name}@{version_of(wanted)}-{content}".replace("/", "-")
        return self.keep / key / wanted.name


def search_path(environment: Mapping[str, str]) -> str:
    """First where the users of envtest keep theirs."""
    return os.pathsep.join(filter(None, [environment.get("KUBEBUILDER_ASSETS"), environment.get("PATH", os.defpath)]))


THIS_MACHINE = Ways()


def binary(name: str, progress: Progress = print, ways: Ways = THIS_MACHINE) -> Path:
    """The program, got first if need be."""
    if name not in ALL:
        raise ClusterError(f"'{name}' is none of {', '.join(ALL)}")
    wanted = ALL[name]
    kept = ways.kept(wanted)
    if kept.exists():
        return kept
    with one_at_a_time(ways.keep / "lock", progress):
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            _get(wanted, kept, progress, ways)
    return kept


def binaries(names: Sequence[str], progress: Progress = print, ways: Ways = THIS_MACHINE) -> dict[str, Path]:
    missing = [ALL[name] for name in names if name in ALL and not ways.kept(ALL[name]).exists()]
    if missing:
        minutes = max(1, round(sum(wanted.seconds for wanted in missing) / 60))
        listed = ", ".join(wanted.name for wanted in missing)
        progress(f"to get, once: {listed} (about {minutes} min if all must be built)")
    return {name: binary(name, progress, ways) for name in names}


def folders_to_search(names: Sequence[str], path: str | None = None, ways: Ways = THIS_MACHINE) -> list[Path]:
    """What the PATH lacks for these programs, as far as they are there."""
    kept = [ways.kept(ALL[name]) for name in names if not shutil.which(name, path=path)]
    return list(dict.fromkeys(program.parent for program in kept if program.exists()))


def _get(wanted: Program, target: Path, progress: Progress, ways: Ways) -> None:
    """Whatever the way, `target` appears whole or not at all."""
    partial = target.with_name(f"{target.name}.partial")
    version = version_of(wanted)
    if found := _installed(wanted, version, ways.search):
        progress(f"{wanted.name} {version}: taken from {found}")
        shutil.copy2(found, partial)
    elif not (wanted.published and _download(wanted, version, partial, progress, ways)):
        major, minor, *_ = version.removeprefix("v").split(".")
        linker = f"-s -w {wanted.linker.format(version=version, major=major, minor=minor)}"
        what = f"{wanted.name} {version}"
        ways.build(SOURCES / wanted.folder, wanted.package, partial, linker, what, wanted.seconds, progress)
    partial.chmod(0o755)
    partial.rename(target)


def _installed(wanted: Program, version: str, search: str) -> Path | None:
    """The first one of the same minor version."""
    if not wanted.version_arguments:
        return None
    for folder in search.split(os.pathsep):
        if (found := shutil.which(wanted.name, path=folder)) and same_minor(_says(found, wanted), version):
            return Path(found)
    return None


def same_minor(said: str, version: str) -> bool:
    minor = version.removeprefix("v").rpartition(".")[0]
    return re.search(rf"(?<![\d.]){re.escape(minor)}\.\d", said) is not None


def _says(program: str, wanted: Program) -> str:
    try:
        answer = subprocess.run(
            [program, *wanted.version_arguments], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout


def _download(wanted: Program, version: str, target: Path, progress: Progress, ways: Ways) -> bool:
    """False when it cannot be reached; a file with a wrong checksum is an error, not a reason to go another way."""
    if ways.downloads in ways.silent:
        return False
    address = f"{ways.downloads}/{version}/bin/linux/{architecture()}/{wanted.name}"
    try:
        with urllib.request.urlopen(f"{address}.sha256", timeout=CONNECT_SECONDS) as answer:
            published = answer.read().decode().split()[0]
        progress(f"downloading {wanted.name} {version}")
        with urllib.request.urlopen(address, timeout=CONNECT_SECONDS) as answer, target.open("wb") as file:
            shutil.copyfileobj(answer, file)
    except (OSError, IndexError):
        progress(f"{ways.downloads} does not answer: building instead")
        ways.silent.add(ways.downloads)
        return False
    with target.open("rb") as file:
        computed = hashlib.file_digest(file, "sha256").hexdigest()
    if computed != published:
        target.unlink()
        raise ClusterError(f"{address} has the SHA-256 checksum {computed}, but {published} was published")
    return True


def architecture() -> str:
    """In Go's words."""
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())

"""The fetcher as a process of its own, as it runs in a pod: its log, its report and its exit code."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fetch.wire import Wire
from waiting import until

ROOT = Path(__file__).parents[2]
DONE, REFUSED, UNREACHABLE = 0, 65, 75


@dataclass(frozen=True, kw_only=True)
class Outcome:
    code: int
    report: str
    log: str

    @property
    def figures(self) -> dict[str, Any]:
        """Of a good end."""
        assert self.code == DONE, self.log
        figures: dict[str, Any] = json.loads(self.report)
        return figures

    @property
    def uri(self) -> str:
        return str(self.figures["uri"])

    def refused(self) -> str:
        """The sentence."""
        assert self.code == REFUSED, self.log
        return self.report

    def unreachable(self) -> str:
        assert self.code == UNREACHABLE, self.log
        return self.report


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    log: Path
    report: Path

    def kill(self) -> None:
        """As the kernel does when memory runs out: nothing is tidied up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def outcome(self, seconds: float = 60) -> Outcome:
        code = self.process.wait(seconds)
        report = self.report.read_text().removesuffix("\n") if self.report.exists() else ""
        return Outcome(code=code, report=report, log=self.log.read_text())


@dataclass
class Fetcher:
    """Runs it, each time with the same surroundings and nothing else of this process'."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    """A command that runs it."""
    secret: Path = field(init=False)
    _runs: int = 0

    def __post_init__(self) -> None:
        self.secret = self.folder / "credentials"

    def give(self, **keys: str) -> None:
        """A Secret with these keys, as the kubelet would mount it."""
        self.secret.mkdir(exist_ok=True)
        for name, value in keys.items():
            (self.secret / name).write_text(value)

    def start(self, *arguments: str | Path, **environment: str) -> Running:
        self._runs += 1
        log, report = self.folder / f"{self._runs}.log", self.folder / f"{self._runs}.report"
        surroundings: Mapping[str, str] = {
            "PATH": os.defpath,
            "PYTHONPATH": str(ROOT / "operator"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "FAIRLEAD_REPORT": str(report),
            "FAIRLEAD_CREDENTIALS": str(self.secret),
            "FAIRLEAD_PULL_SECRETS": str(self.folder / "pull-secrets"),
            "FAIRLEAD_RETRY_SECONDS": "2",
            **self.environment,
            **environment,
        }
        command = [*self.before, sys.executable, "-m", "fairlead_fetch", *map(str, arguments)]
        with log.open("wb") as file:
            process = subprocess.Popen(command, cwd=self.folder, env=surroundings, stdout=file, stderr=file)
        return Running(process, log, report)

    def killed(self, uri: str, to: Path, wire: Wire, after: int) -> int:
        """Fetches until the wire is held and more than so many bytes have come, and is killed; how many had come."""
        running = self.start("fetch", uri, to)
        until(lambda: wire.is_held() and unfinished(to) > after, what=f"{after} bytes of {uri}")
        running.kill()
        there = unfinished(to)
        wire.release()
        return there

    def resolve(self, uri: str, *more: str, **environment: str) -> Outcome:
        return self.start("resolve", uri, *more, **environment).outcome()

    def fetch(self, uri: str, to: Path, *more: str, **environment: str) -> Outcome:
        return self.start("fetch", uri, to, *more, **environment).outcome()


def content(folder: Path) -> dict[str, bytes]:
    """What the model's folder holds, by path."""
    files = folder / "files"
    return {str(path.relative_to(files)): path.read_bytes() for path in sorted(files.rglob("*")) if path.is_file()}


def unfinished(folder: Path) -> int:
    """Bytes that have come so far."""
    return sum(path.stat().st_size for path in (folder / "partial").rglob("*") if path.is_file())


def nothing_came(folder: Path) -> bool:
    return not (folder / "files").exists()

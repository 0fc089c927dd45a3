"""A real Prometheus as a process of its own, for tests that read their evidence from it."""

import json
import socket
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcluster import packages
from waiting import until

_installing = threading.Lock()
"""Stories side by side may need it at once."""


@dataclass
class PrometheusProcess:
    """Runs in a folder, which keeps its configuration, its data and its log."""

    folder: Path
    port: int
    scrapes: tuple[dict[str, Any], ...]
    interval: str
    rules: tuple[dict[str, Any], ...] = ()
    """Groups of rules."""
    arguments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it, and waits until it answers. What it has stored before is there again."""
        self.folder.mkdir(exist_ok=True)
        config = {
            "global": {"scrape_interval": self.interval, "scrape_timeout": self.interval},
            "scrape_configs": self.scrapes,
            "rule_files": ["rules.yml"] if self.rules else [],
        }
        # JSON is YAML, and written in no time also where there are many rules.
        (self.folder / "rules.yml").write_text(json.dumps({"groups": list(self.rules)}))
        (self.folder / "prometheus.yml").write_text(json.dumps(config))
        program = packages.program_path("prometheus")
        assert program is not None
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    program,
                    f"--config.file={self.folder}/prometheus.yml",
                    f"--storage.tsdb.path={self.folder}/data",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                    *self.arguments,
                ],
                stdout=log,
                stderr=log,
            )
        until(self.answers, seconds=60, what=f"an answer of Prometheus (see {self.folder}/log)")

    def stop(self) -> None:
        """Ends it; what it has stored stays."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)

    def answers(self) -> bool:
        """Whether it takes queries."""
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()[-3000:]
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def query(self, text: str) -> list[dict[str, Any]]:
        """The rows of an instant query."""
        asked = urllib.parse.urlencode({"query": text})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{asked}", timeout=10) as answer:
            return list(json.load(answer)["data"]["result"])


@contextmanager
def scraping(
    folder: Path,
    *scrapes: dict[str, Any],
    interval: str = "1s",
    rules: Sequence[dict[str, Any]] = (),
    arguments: Sequence[str] = (),
    port: int | None = None,
) -> Iterator[PrometheusProcess]:
    """A Prometheus with these scrape_configs and rules, for a while; installed first where it is missing."""
    with _installing:
        packages.install({"prometheus": "prometheus"}, print)
    process = PrometheusProcess(folder, port or free_port(), scrapes, interval, tuple(rules), tuple(arguments))
    process.start()
    try:
        yield process
    finally:
        process.stop()


def free_port() -> int:
    """One that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])

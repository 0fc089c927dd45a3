"""The operator as a process of its own, as it runs in a cluster, with its log and its metrics."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from waiting import until

ROOT = Path(__file__).parents[1]


@dataclass
class OperatorProcess:
    """Started once; killed, or ended in peace."""

    kubeconfig: Path
    folder: Path
    namespaces: str
    settings: Mapping[str, str] = field(default_factory=dict)
    name: str = "operator"

    def __post_init__(self) -> None:
        self.log = self.folder / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._seen = 0

    def start(self, *, wait: bool = True) -> None:
        """Starts it, and waits until it is ready."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FAIRLEAD_")}
        environment |= {
            "KUBECONFIG": str(self.kubeconfig),
            "FAIRLEAD_NAMESPACES": self.namespaces,
            "FAIRLEAD_OPERATOR_NAMESPACE": self.namespaces.partition(",")[0],
            "FAIRLEAD_POD_NAME": self.name,
            "FAIRLEAD_HTTP_PORT": "0",
            **self.settings,
        }
        self._seen = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "fairlead"], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        if wait:
            until(self.is_ready, seconds=60, what=f"readiness of {self.name} (see {self.log})")

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL: no chance to tidy up."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def terminate(self, seconds: float = 30) -> int:
        """SIGTERM, as the kubelet sends it; returns the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(seconds)

    def signal(self, number: int) -> None:
        """Any signal."""
        os.kill(self.pid, number)

    def lines(self) -> list[dict[str, object]]:
        """The log since the last start, a dict a line. Fails for a line that is not JSON."""
        with self.log.open("rb") as log:
            log.seek(self._seen)
            whole, _, _ = log.read().decode().rpartition("\n")  # the last line may still be on its way
            return [json.loads(line) for line in whole.splitlines() if line.strip()]

    def port(self) -> int | None:
        """The port of its endpoints, once it has told."""
        for line in self.lines():
            if "on port" in str(line["message"]):
                return int(str(line["message"]).rpartition(" ")[2])
        return None

    def get(self, path: str) -> tuple[int, str]:
        """Asks one of its endpoints: (status, text)."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port()}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()
        except OSError as failed:
            return 0, str(failed)

    def is_ready(self) -> bool:
        """Whether /readyz says so."""
        assert self.is_running(), f"{self.name} ended: {self.log.read_text()[-3000:]}"
        return self.port() is not None and self.get("/readyz")[0] == 200

    def metric(self, name: str, **labels: str) -> float:
        """Sum of a metric over all samples with these labels."""
        families = text_string_to_metric_families(self.get("/metrics")[1])
        samples = [sample for family in families for sample in family.samples if sample.name == name]
        return sum(s.value for s in samples if all(s.labels.get(key) == value for key, value in labels.items()))


@contextmanager
def running(kubeconfig: Path, folder: Path, namespaces: str, **more: object) -> Iterator[OperatorProcess]:
    """An operator for a while; killed at the end if it still runs."""
    process = OperatorProcess(kubeconfig, folder, namespaces, **more)  # type: ignore[arg-type]
    process.start()
    try:
        yield process
    finally:
        process.kill()

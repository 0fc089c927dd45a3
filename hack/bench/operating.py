"""The operator of a measurement: its process, and what the kernel, its own metrics and the audit log say of it."""

import json
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bench.kernel import cpu_seconds, memory
from operator_process import OperatorProcess

CHILDREN = frozenset(
    {
        "controllerrevisions",
        "serviceaccounts",
        "networkpolicies",
        "services",
        "deployments",
        "horizontalpodautoscalers",
        "poddisruptionbudgets",
    }
)
GROUPS = {"deployments/scale": "scale", "modeldeployments/status": "status", "events": "events", "leases": "leases"}
PATIENCE = 120  # seconds
WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass
class Operator(OperatorProcess):
    """The process on a port that is known from the start: its log may be long."""

    http_port: int = 0
    slowest: float = 0.0
    """Seconds that the operator took to answer, at worst since the last start."""

    def start(self, *, wait: bool = True) -> None:
        """Starts it."""
        self.slowest = 0.0
        super().start(wait=wait)

    def port(self) -> int | None:
        """Where /metrics is."""
        return self.http_port

    def get(self, path: str) -> tuple[int, str]:
        """Asks one of its endpoints, with more patience than a kubelet has."""
        began = time.monotonic()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()
        except OSError as failed:
            return 0, str(failed)
        finally:
            self.slowest = max(self.slowest, time.monotonic() - began)

    def terms(self) -> int:
        """How often it began to lead, in all its starts."""
        return self.log.read_text().count('"message": "leading, as')

    def cpu_seconds(self) -> float:
        """CPU seconds since the process was started."""
        return cpu_seconds(self.pid)

    def memory(self) -> float:
        """MiB in RAM now."""
        return memory(self.pid)

    def peak(self) -> float:
        """MiB in RAM, the most since the start."""
        return memory(self.pid, "VmHWM")

    def reconciles(self) -> int:
        """How many there were."""
        return int(self.metric("fairlead_reconciles_total"))

    def waiting(self) -> int:
        """How many models wait for a worker."""
        return int(self.metric("fairlead_queue_depth"))


@dataclass
class Requests:
    """What the operator asked of the API server between two looks, by what it was for."""

    written: Counter[str] = field(default_factory=Counter)
    read: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def writes(self) -> int:
        """All but those to the Lease, which come every two seconds whatever happens."""
        return sum(count for group, count in self.written.items() if group != "leases")


@dataclass
class Audit:
    """The API server's own record of what the operator asked."""

    log: Path
    _at: int = 0

    def since_last(self) -> Requests:
        """What came since the last call."""
        requests = Requests()
        with self.log.open("rb") as log:
            log.seek(self._at)
            for line in log:
                if not line.endswith(b"\n"):
                    break
                self._at += len(line)
                _count(json.loads(line), requests)
        return requests


def _count(event: dict[str, object], requests: Requests) -> None:
    reference, status = event.get("objectRef"), event.get("responseStatus")
    if not isinstance(reference, dict) or not isinstance(status, dict):
        return
    resource = "/".join(filter(None, (reference.get("resource"), reference.get("subresource"))))
    code = int(status.get("code") or 0)
    if event["verb"] not in WRITES:
        requests.read += 1
    elif code >= 400:
        requests.refused[f"{resource} {code}"] += 1
    else:
        requests.written["children" if resource in CHILDREN else GROUPS.get(resource, resource)] += 1

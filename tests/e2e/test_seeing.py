"""What a person sees of a rollback on real pods: watch, status, why, report, and the line in the operator's log."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from e2e.traffic import lost_while
from fairlead.api.kinds import MODEL_DEPLOYMENT
from kube import Kube
from models import a_canary, a_model
from operator_process import OperatorProcess
from waiting import until

COMMAND = "import sys; from fairlead.cli.main import main; sys.exit(main())"


class Command:
    """The `fairlead` command, in a namespace of the cluster."""

    def __init__(self, kube: Kube, namespace: str, folder: Path) -> None:
        self._environment = {"KUBECONFIG": str(kube.kubeconfig), "PATH": "/usr/bin:/bin", "MPLCONFIGDIR": str(folder)}
        self._namespace = namespace

    def __call__(self, *words: str, seconds: float = 60) -> tuple[int, str]:
        """Exit code and output."""
        command = [sys.executable, "-c", COMMAND, *words, "-n", self._namespace]
        done = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=seconds, check=False
        )
        print(f"$ fairlead {' '.join(words)}\n{done.stdout}{done.stderr}")
        return done.returncode, done.stdout


@pytest.fixture
def fairlead(kube: Kube, namespace: str, tmp_path: Path) -> Command:
    return Command(kube, namespace, tmp_path)


def test_a_rollback_can_be_seen_as_it_happens_and_understood_afterwards(
    kube: Kube, operator: OperatorProcess, namespace: str, server_image: str, fairlead: Command, tmp_path: Path
):
    kube.create(MODEL_DEPLOYMENT, a_model(namespace, **a_canary(server_image, "1")))
    kube.wait_ready(namespace, "fraud")
    seen: dict[str, tuple[int, str]] = {}

    def act() -> None:
        kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": a_canary(server_image, "2", ERROR_RATE="0.2")})
        seen["watch"] = fairlead("watch", "fraud", "--until-decided", "--timeout", "3m", seconds=200)

    lost_while(kube, namespace, server_image, act)
    code, watched = seen["watch"]
    phases = list(dict.fromkeys(line.split()[1] for line in watched.splitlines()))
    assert code == 1
    assert [phase for phase in phases if phase != "Stable"] == ["Starting", "Judging", "RolledBack"]
    assert "of 20 | good enough errors" in watched

    _, overview = fairlead("status")
    assert "RolledBack" in overview
    _, in_full = fairlead("status", "fraud")
    assert "was rolled back" in in_full
    _, why = fairlead("why", "fraud", "--record", "1")
    assert "(version 2) was rolled back" in why
    assert "Decided by: Fairlead" in why

    file = tmp_path / "report.html"
    assert fairlead("report", "fraud", "-o", str(file))[0] == 0
    page = file.read_text()
    assert [page.count(f'<figure id="{name}">') for name in ("weight", "shares", "e-values")] == [1, 1, 1]

    line = decision(operator)
    assert (line["outcome"], line["reason"], line["name"]) == ("RolledBack", "EvidenceAgainst", "fraud")
    assert line["to"] in why
    assert line["against"] >= line["againstLimit"]
    assert operator.metric("fairlead_rollout_decisions_total", outcome="RolledBack", reason="EvidenceAgainst") == 1
    assert operator.metric("fairlead_rollouts", phase="RolledBack") == 1
    assert operator.metric("fairlead_sweeps_total", result="complete") > 0
    assert operator.metric("fairlead_judge_cpu_seconds_count") > 0


def decision(operator: OperatorProcess) -> dict[str, Any]:
    """The one decision that the operator's log tells of."""

    def told() -> list[dict[str, Any]]:
        lines = [line for line in operator.lines() if line.get("event") == "rollout-decision"]
        return [line for line in lines if line["outcome"] not in ("Held", "Continued")]

    (line,) = until(told, seconds=10, what="the decision in the log")
    print(line)
    return line

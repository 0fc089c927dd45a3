"""Generated rules in Prometheus's own hands: `promtool check rules` and `promtool test rules`, with series to try."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcluster import packages

Series = Mapping[str, str]
"""Selector → values in promtool's notation, one a minute: `0+60x10` is 60 more each minute."""
Rows = Mapping[str, float]
"""What a query answers: labels in braces → value."""

FIRING = "sum by (alertname, objective, severity, long_window) (ALERTS{alertstate='firing'})"


def program() -> Path:
    """promtool, installed first where it is missing: it comes with Prometheus."""
    packages.install({"prometheus": "promtool"}, print)
    found = packages.program_path("promtool")
    assert found is not None
    return found


def check(file: Path) -> None:
    """The rules can be loaded, and nothing is wrong with their style."""
    run = subprocess.run(
        [program(), "check", "rules", "--lint=all", "--lint-fatal", file], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


@dataclass(frozen=True, kw_only=True)
class Try:
    """Groups of rules, and series that they are evaluated on, once a minute; scraped as often, or every `interval`."""

    folder: Path
    groups: Sequence[Mapping[str, Any]]
    series: Series
    interval: str = "1m"

    def answers(self, expected: Mapping[tuple[str, str], Rows]) -> None:
        """What is answered, by query and time (such as `1h`)."""
        rules, tests = self.folder / "rules.json", self.folder / "tests.json"
        rules.write_text(json.dumps({"groups": self.groups}))
        check(rules)
        queries = [
            {
                "expr": query,
                "eval_time": at,
                "exp_samples": [{"labels": labels, "value": value} for labels, value in rows.items()],
            }
            for (query, at), rows in expected.items()
        ]
        test = {
            "interval": self.interval,
            "input_series": [{"series": name, "values": values} for name, values in self.series.items()],
            "promql_expr_test": queries,
        }
        document = {
            "rule_files": [rules.name],
            "evaluation_interval": "1m",
            # Without it promtool takes them in any order, and what rests on another group is a minute late or not.
            "group_eval_order": [group["name"] for group in self.groups],
            "tests": [test],
        }
        tests.write_text(json.dumps(document))
        run = subprocess.run([program(), "test", "rules", tests], capture_output=True, text=True, check=False)
        assert run.returncode == 0, f"{run.stdout}{run.stderr}\n{rules.read_text()[:2000]}"

    def fires(self, alerts: Mapping[str, Sequence[str]]) -> None:
        """Which alerts fire when: time → labels in braces."""
        self.answers({(FIRING, at): dict.fromkeys(found, 1.0) for at, found in alerts.items()})

"""Helm, as the tests and the generator use it."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the CRDs take a second without C

API = "fairlead.dev/v1alpha1/ModelRuntime"
"""What `--api-versions` takes for a cluster in which the CRDs are installed."""


class HelmError(Exception):
    """What Helm said when it failed."""


@dataclass(frozen=True, kw_only=True)
class Helm:
    """The program, and a chart."""

    program: Path
    chart: Path

    def render(
        self,
        values: Mapping[str, Any] | None = None,
        *,
        release: str = "fairlead",
        namespace: str = "fairlead-system",
        apis: Sequence[str] = (API,),
    ) -> list[Object]:
        """The objects of the chart, in the order in which Helm creates them. Raises HelmError."""
        served = [f"--api-versions={api}" for api in apis]
        text = self.run("template", release, str(self.chart), f"--namespace={namespace}", *served, values=values)
        return [found for found in yaml.load_all(text, _LOADER) if found]

    def run(self, *arguments: str, values: Mapping[str, Any] | None = None, kubeconfig: Path | None = None) -> str:
        """What Helm prints. Raises HelmError."""
        command = [str(self.program), *arguments]
        if values is not None:
            command.append("--values=-")
        if kubeconfig is not None:
            command.append(f"--kubeconfig={kubeconfig}")
        done = subprocess.run(
            command, input=yaml.safe_dump(dict(values or {})), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise HelmError(done.stderr.strip())
        return done.stdout

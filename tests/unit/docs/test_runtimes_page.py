"""docs/runtimes.md: its tables say what the files say, and its ModelRuntime of one's own runs as it stands there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fairlead.api.metrics import MetricsProfile
from fairlead.cli.files import shipped_runtimes
from fairlead.cli.main import main
from fairlead.observe.exposition import read
from unit.docs.pages import DOCS, yaml_documents

PAGE = DOCS / "runtimes.md"
RUNTIMES = {manifest["metadata"]["name"]: manifest["spec"] for manifest in shipped_runtimes()}
COLUMNS = (
    *("errors", "aborts", "latency", "timeToFirstToken", "interTokenLatency"),
    *("concurrency", "queueDepth", "kvCacheUtilization"),
)
OWN = next(found for found in yaml_documents(PAGE) if isinstance(found, dict) and found.get("kind") == "ModelRuntime")
MODEL = """\
apiVersion: fairlead.dev/v1alpha1
kind: ModelDeployment
metadata: {name: fraud, namespace: risk}
spec:
  model: {uri: pvc://models/fraud/7, version: "7"}
  runtime: {ref: {name: scorer}}
"""


def rows(heading: str) -> Iterator[tuple[str, list[str]]]:
    """(ModelRuntime, the other cells) of the first table below a heading."""
    table = PAGE.read_text().split(f"\n{heading}\n", 1)[1].split("\n|", 1)[1].split("\n\n", 1)[0]
    for line in table.splitlines()[2:]:
        first, *others = (cell.strip() for cell in line.strip("|").split("|"))
        for name in re.findall(r"`([\w-]+)`", first):
            yield name, others


@pytest.mark.parametrize(
    "heading", ["## Those that come with Fairlead", "## What each one measures", "### What was proven, and how"]
)
def test_every_shipped_runtime_has_a_row(heading: str):
    named = {name for name, _ in rows(heading)}
    # `http` is any server: there is none to prove anything of.
    assert named == set(RUNTIMES) - ({"http"} if heading.startswith("###") else set())


@pytest.mark.parametrize(("name", "cells"), list(rows("## What each one measures")))
def test_what_a_runtime_is_said_to_measure_is_in_its_profile(name: str, cells: list[str]):
    assert {column for column, cell in zip(COLUMNS, cells, strict=True) if cell == "yes"} == set(
        RUNTIMES[name]["metrics"]
    ) - {"path"}


@pytest.mark.parametrize(("name", "cells"), list(rows("## Those that come with Fairlead")))
def test_ports_are_those_of_the_file(name: str, cells: list[str]):
    ports = RUNTIMES[name]["ports"]
    http, grpc, metrics = cells[1].split(", ")
    assert (http, grpc) == (str(ports["http"]), str(ports.get("grpc", "–")))
    assert metrics.split(" ")[0] == str(ports.get("metrics", "HTTP"))


def test_a_runtime_of_ones_own_is_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "scorer.yaml").write_text(yaml.safe_dump(OWN))
    (tmp_path / "model.yaml").write_text(MODEL)
    files = [f"-f={tmp_path / name}" for name in ("scorer.yaml", "model.yaml")]
    assert main(["render", *files]) == 0
    objects = list(yaml.safe_load_all(capsys.readouterr().out))
    (deployment,) = (found for found in objects if found["kind"] == "Deployment")
    (server,) = deployment["spec"]["template"]["spec"]["containers"]
    assert server["image"] == "registry.example/scorer:3.2"
    assert server["args"][:2] == ["--model=/mnt/models", "--name=fraud"]
    assert {port["name"]: port["containerPort"] for port in server["ports"]} == {"http": 9000, "metrics": 9100}
    assert server["startupProbe"]["failureThreshold"] * server["startupProbe"]["periodSeconds"] == 20 * 60


def test_its_page_is_understood():
    page = (
        'scorer_answers_total{code="200"} 90\nscorer_answers_total{code="500"} 10\nscorer_answers_total{code="404"} 7\n'
        'scorer_answer_milliseconds_bucket{le="250"} 95\nscorer_answer_milliseconds_bucket{le="+Inf"} 100\n'
    )
    profile: dict[str, Any] = OWN["spec"]["metrics"]
    said = read(page, MetricsProfile.model_validate(profile))
    assert said.errors == (100, 10)
    assert said.histograms["Latency"][0.25] == 95

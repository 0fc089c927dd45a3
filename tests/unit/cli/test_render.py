"""`fairlead render`: all objects of a file, without a cluster, and sentences for what cannot be made."""

from pathlib import Path

import pytest
import yaml

from fairlead.cli.main import main

ROOT = Path(__file__).parents[3]
SAMPLES = sorted((ROOT / "manifests/samples").glob("*.yaml"))
SMALLEST = """\
apiVersion: fairlead.dev/v1alpha1
kind: ModelDeployment
metadata:
  name: fraud
spec:
  runtime:
    ref: {name: mlserver}
"""


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_every_sample_can_be_rendered(sample: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["render", "-f", str(sample)]) == 0
    objects = list(yaml.safe_load_all(capsys.readouterr().out))
    kinds = {found["kind"] for found in objects}
    assert {"Deployment", "Service", "ControllerRevision"} <= kinds
    assert all(found["metadata"]["namespace"] for found in objects)


def rendered(text: str, tmp_path: Path, *arguments: str) -> int:
    file = tmp_path / "model.yaml"
    file.write_text(text)
    return main(["render", "-f", str(file), *arguments])


def test_the_number_of_replicas_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert rendered(f"{SMALLEST}  replicas: 3\n", tmp_path, "-n", "risk") == 0
    objects = list(yaml.safe_load_all(capsys.readouterr().out))
    deployment = next(found for found in objects if found["kind"] == "Deployment")
    assert deployment["spec"]["replicas"] == 3
    assert deployment["metadata"]["namespace"] == "risk"
    assert "ownerReferences" not in deployment["metadata"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "is not YAML"),
        ("just a text", "no Kubernetes object"),
        ("kind: Pod\nmetadata: {name: x}\n", "there is no ModelDeployment"),
        (SMALLEST.replace("runtime:", "runtimes:"), "did you mean runtime?"),
        (SMALLEST.replace("mlserver", "nothing"), "there is no ModelRuntime nothing"),
        (f"{SMALLEST}  replicas: many\n", "spec.replicas: must be a whole number"),
        (SMALLEST.replace("mlserver", "http"), "set spec.runtime.image"),
    ],
)
def test_what_cannot_be_made_is_told_in_a_sentence(
    text: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert rendered(text, tmp_path) == 1
    shown = capsys.readouterr()
    assert told in shown.err
    assert not shown.out


def test_a_missing_file_is_told_in_a_sentence(capsys: pytest.CaptureFixture[str]):
    assert main(["render", "-f", "no-such-file.yaml"]) == 1
    assert "no-such-file.yaml cannot be read" in capsys.readouterr().err

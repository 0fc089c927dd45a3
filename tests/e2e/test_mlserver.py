"""A real model in a real server: MLServer with scikit-learn, its files in an image volume."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import localcluster
from e2e.traffic import lost_while
from fairlead.api.kinds import MODEL_DEPLOYMENT, MODEL_RUNTIME, POD, SERVICE
from kube import Kube
from operator_process import running
from story.acts import DIGIT, INFER, QUESTION
from story.stage import MODELS, model_images
from waiting import until

ROOT = Path(__file__).parents[2]
RUNTIME = ROOT / "operator/fairlead/runtimes/mlserver.yaml"
DIGITS = ROOT / "hack/story/digits.yaml"


@pytest.fixture
def served(
    kube: Kube, local_cluster: localcluster.Cluster, namespace: str, server_image: str, tmp_path: Path
) -> Iterator[str]:
    """The namespace of model `digits`, version 1, Ready."""
    for archive in model_images():
        local_cluster.load(archive)
    runtime = yaml.safe_load(RUNTIME.read_text())
    runtime["metadata"]["name"] = namespace  # others may use the real one on this cluster
    kube.apply(MODEL_RUNTIME, runtime)
    model = yaml.safe_load(DIGITS.read_text())
    model["metadata"]["namespace"] = namespace
    model["spec"]["runtime"]["ref"]["name"] = namespace
    del model["spec"]["traffic"]  # what becomes of it behind a Gateway is told by hack/demo
    with running(kube.kubeconfig, tmp_path, namespace):
        kube.create(MODEL_DEPLOYMENT, model)
        kube.wait_ready(namespace, "digits", seconds=180)
        yield namespace
    kube.delete(MODEL_RUNTIME, None, namespace)


def ask(kube: Kube, namespace: str) -> dict[str, Any]:
    path = f"{SERVICE.path(namespace, 'digits')}:80/proxy{INFER}"
    return kube.call("POST", path, json.loads(QUESTION))


def test_a_model_from_an_image_volume_answers_and_is_updated_without_losing_a_request(
    kube: Kube, served: str, server_image: str
):
    answer = ask(kube, served)
    assert (answer["model_name"], answer["model_version"]) == ("digits", "1")
    assert answer["outputs"][0]["data"] == [3], "the story tells that version 1 is wrong"

    def update() -> None:
        kube.patch(MODEL_DEPLOYMENT, served, "digits", {"spec": version("2")})
        decided(kube, served, "Promoted")
        kube.wait_ready(served, "digits", seconds=60)
        until(lambda: len(kube.list(POD, served, "fairlead.dev/model")) == 2, seconds=180, what="the old pods gone")

    counted = lost_while(kube, served, server_image, update, service="digits", path=INFER, body=QUESTION)
    assert counted["failed"] == 0, counted["failures"]
    answer = ask(kube, served)
    assert answer["model_version"] == "2"
    assert answer["outputs"][0]["data"] == [DIGIT]


def test_a_version_that_takes_a_hundred_times_as_long_is_rolled_back(kube: Kube, served: str, server_image: str):
    def update() -> None:
        kube.patch(MODEL_DEPLOYMENT, served, "digits", {"spec": version("3")})
        decided(kube, served, "RolledBack")

    lost_while(kube, served, server_image, update, service="digits", path=INFER, body=QUESTION)
    assert "Latency>" in kube.condition(served, "digits", "Ready")["message"]
    assert ask(kube, served)["model_version"] == "1"


def version(number: str) -> dict[str, Any]:
    return {"model": {"uri": f"oci://{MODELS[number]}", "version": number}}


def decided(kube: Kube, namespace: str, outcome: str) -> None:
    def history() -> list[dict[str, Any]]:
        return list(kube.model(namespace, "digits")["status"].get("history") or ())

    assert until(history, seconds=400, every=0.5, what="a decision")[0]["outcome"] == outcome

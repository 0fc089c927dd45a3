"""Helm and models: an upgrade of the operator loses no request, and `helm --wait` waits for a model as it should."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.traffic import lost_while
from fairlead.api.kinds import DEPLOYMENT, MODEL_DEPLOYMENT
from installation.helm import Helm, HelmError
from kube import Kube
from models import a_model, a_server
from operator_process import running
from release import ADOPT, Release


@pytest.fixture
def models(kube: Kube) -> Iterator[str]:
    """The namespace of the models."""
    with kube.namespace("fl-helm") as name:
        yield name


def test_an_upgrade_of_the_operator_loses_no_request_and_restarts_nothing(
    release: Release, image: dict[str, str], kube: Kube, models: str, server_image: str
):
    values: dict[str, Any] = {"image": image, "watchNamespaces": [models], "runtimes": {"install": False}}
    release.install(values, *ADOPT, "--wait")
    kube.create(MODEL_DEPLOYMENT, a_model(models, **{**a_server(server_image), "replicas": 2}))
    kube.wait_ready(models, "fraud")
    (before,) = kube.list(DEPLOYMENT, models)
    counted = lost_while(
        kube, models, server_image, lambda: release.upgrade({**values, "workers": 3}, *ADOPT, "--wait") and None
    )
    (after,) = kube.list(DEPLOYMENT, models)
    assert counted["failed"] == 0, counted["failures"]
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


def a_chart(folder: Path, model: dict[str, Any]) -> Path:
    """A chart with one ModelDeployment in it, as a team would write it for its model."""
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: fraud\nversion: 1.0.0\n")
    (folder / "templates/model.yaml").write_text(yaml.safe_dump(model))
    return folder


def test_helm_waits_for_a_model_and_fails_for_one_that_stalls(
    helm: Helm, kube: Kube, namespace: str, server_image: str, tmp_path: Path
):
    where = (f"--namespace={namespace}", "--wait", "--timeout=90s")
    good = a_chart(tmp_path / "good", a_model(namespace, **a_server(server_image, START_DELAY="5")))
    runtime = {"runtime": {"ref": {"name": "no-such-runtime"}, "image": server_image}}
    bad = a_chart(tmp_path / "bad", a_model(namespace, "stalled", **runtime))
    with running(kube.kubeconfig, tmp_path, namespace):
        helm.run("install", "good", str(good), *where, kubeconfig=kube.kubeconfig)
        assert kube.condition(namespace, "fraud", "Ready")["status"] == "True", "it came back when the model was Ready"
        with pytest.raises(HelmError):
            helm.run("install", "bad", str(bad), *where, kubeconfig=kube.kubeconfig)

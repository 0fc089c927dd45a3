"""The life of a release, with the real operator in its image, and a model that nobody may disturb."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from fairlead.api.kinds import DEPLOYMENT, MODEL_DEPLOYMENT, POD
from kube import CRD, LEASE, Kube
from models import a_model, a_server
from release import ADOPT, Release
from waiting import holds, until


@pytest.fixture
def models(kube: Kube) -> Iterator[str]:
    """The namespace of the models."""
    with kube.namespace("fl-chart") as name:
        yield name


@pytest.fixture
def values(image: dict[str, str], models: str) -> dict[str, Any]:
    return {"image": image, "watchNamespaces": [models], "runtimes": {"install": False}}


def test_models_outlive_upgrade_and_uninstallation(
    release: Release, values: dict[str, Any], kube: Kube, models: str, server_image: str
) -> None:
    release.install(values, *ADOPT, "--wait")
    kube.create(MODEL_DEPLOYMENT, a_model(models, replicas=2, **a_server(server_image)))
    kube.wait_ready(models, "fraud")
    pods = _pods(kube, models)
    assert len(pods) == 2

    def undisturbed() -> bool:
        return _pods(kube, models) == pods and all(_answers(kube, models, pod) for pod in pods.values())

    assert undisturbed()
    release.upgrade({**values, "log": {"level": "DEBUG"}}, *ADOPT, "--wait")
    until(lambda: _leader(release).startswith(tuple(_operators(release))), what="a leader among the new pods")
    assert undisturbed()

    release.uninstall()
    until(lambda: not _operators(release), what="no operator")
    holds(undisturbed, seconds=3, every=1, what="pods and answers of the model")
    assert kube.get(CRD, None, "modeldeployments.fairlead.dev")
    assert kube.condition(models, "fraud", "Ready")["status"] == "True"

    release.install(values, *ADOPT, "--wait")
    kube.patch(MODEL_DEPLOYMENT, models, "fraud", {"spec": {"replicas": 3}})
    until(lambda: len(_pods(kube, models)) == 3, seconds=60, what="the operator going on where it stopped")
    assert pods.items() <= _pods(kube, models).items()
    assert not _complaints(release), "the rights suffice"


def test_one_replica_works_and_another_takes_over(release: Release, values: dict[str, Any], kube: Kube) -> None:
    release.install(values, *ADOPT, "--wait")
    deployment = kube.get(DEPLOYMENT, release.namespace, release.name)
    assert deployment is not None
    assert deployment["status"]["availableReplicas"] == 2
    until(lambda: _leader(release), what="a leader")
    first = next(name for name in _operators(release) if _leader(release).startswith(name))
    kube.delete(POD, release.namespace, first)
    until(lambda: _leader(release) and not _leader(release).startswith(first), what="another leader than before")


def _pods(kube: Kube, namespace: str) -> dict[str, str]:
    """Of the model: uid and name."""
    found = kube.list(POD, namespace, "fairlead.dev/model=fraud")
    return {each["metadata"]["uid"]: each["metadata"]["name"] for each in found}


def _answers(kube: Kube, namespace: str, pod: str) -> bool:
    return bool(kube.call("GET", f"/api/v1/namespaces/{namespace}/pods/{pod}:8080/proxy/v1/predict"))


def _operators(release: Release) -> list[str]:
    found = release.kube.list(POD, release.namespace, "app.kubernetes.io/component=operator")
    return [each["metadata"]["name"] for each in found if "deletionTimestamp" not in each["metadata"]]


def _complaints(release: Release) -> list[str]:
    """What the operator logs as a warning or worse."""
    complaints = []
    for name in _operators(release):
        log = release.kube.text("GET", f"/api/v1/namespaces/{release.namespace}/pods/{name}/log")
        complaints += [line for line in log.splitlines() if json.loads(line)["level"] not in ("debug", "info")]
    return complaints


def _leader(release: Release) -> str:
    lease = release.kube.get(LEASE, release.namespace, release.name)
    return str((lease or {}).get("spec", {}).get("holderIdentity") or "")

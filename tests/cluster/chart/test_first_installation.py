"""A cluster that has never seen Fairlead: CRDs and objects of their kinds come from one command."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.chart.trial import CRDS, RUNTIME, forget, trial_chart, trial_manifest
from installation.helm import Helm
from kube import CRD, NAMESPACE, Kube, Object
from release import Release, released
from waiting import until

ROOT = Path(__file__).parents[3]


@pytest.fixture
def release(helm: Helm, kube: Kube, tmp_path: Path) -> Iterator[Release]:
    """Of a chart whose CRDs no cluster knows."""
    forget(kube)
    until(lambda: not any(kube.get(CRD, None, name) for name in CRDS), what="no CRDs of the trial")
    chart = trial_chart(helm.chart, tmp_path)
    with released(Helm(program=helm.program, chart=chart), kube) as release:
        yield release
    forget(kube)


@pytest.fixture
def values(image: dict[str, str]) -> dict[str, Any]:
    """Without the operator: it knows nothing of the trial's group."""
    return {"image": image, "replicas": 0}


def runtimes(kube: Kube) -> dict[str, Object]:
    return {found["metadata"]["name"]: found for found in kube.list(RUNTIME)}


def test_the_runtimes_come_with_the_first_installation_and_are_part_of_the_release_from_the_first_upgrade_on(
    release: Release, values: dict[str, Any], kube: Kube
) -> None:
    release.install(values)
    shipped = runtimes(kube)
    assert {"http", "mlserver"} <= shipped.keys()

    release.upgrade(values)
    assert {name: found["metadata"]["uid"] for name, found in runtimes(kube).items()} == {
        name: found["metadata"]["uid"] for name, found in shipped.items()
    }, "an upgrade takes them over, and does not make them anew"

    release.upgrade({**values, "runtimes": {"exclude": ["http"]}})
    assert runtimes(kube).keys() == shipped.keys() - {"http"}

    release.rollback(1)
    assert runtimes(kube).keys() == shipped.keys()


def test_an_upgrade_of_the_chart_upgrades_the_crds_and_their_objects_stay(
    release: Release, values: dict[str, Any], kube: Kube
) -> None:
    release.install({**values, "runtimes": {"install": False}})
    own = {"apiVersion": f"{RUNTIME.group}/v1alpha1", "kind": "ModelRuntime", "metadata": {"name": "own"}}
    before = kube.create(RUNTIME, {**own, "spec": {"ports": {"http": 9000}}})

    _add_field(release.helm.chart / "files" / "crds" / "fairlead.dev_modelruntimes.yaml", "motto")
    release.upgrade({**values, "runtimes": {"install": False}})
    changed = {**own, "spec": {"ports": {"http": 9000}, "motto": "steady"}}
    until(lambda: kube.apply(RUNTIME, changed)["spec"].get("motto"), what="the new field")
    assert runtimes(kube)["own"]["metadata"]["uid"] == before["metadata"]["uid"]

    said = release.uninstall()
    assert all(name in said for name in CRDS), "Helm says what it keeps"
    assert runtimes(kube)["own"]["spec"]["motto"] == "steady"

    release.install({**values, "runtimes": {"install": False}})
    assert runtimes(kube)["own"]["spec"]["motto"] == "steady"


def test_one_file_is_applied_by_kubectl_at_the_first_try(kube: Kube, tmp_path: Path) -> None:
    forget(kube)
    name = "fl-chart-by-kubectl"
    files = {file: tmp_path / f"{file}.yaml" for file in ("install", "runtimes")}
    for file, path in files.items():
        path.write_text(trial_manifest(ROOT / "manifests" / f"{file}.yaml", name))
    try:
        kubectl(kube, "apply", "--server-side", "-f", str(files["install"]))
        kubectl(kube, "wait", "--for=condition=Established", "--timeout=60s", f"crd/{RUNTIME.plural}.{RUNTIME.group}")
        kubectl(kube, "apply", "--server-side", "-f", str(files["runtimes"]))
        assert {"http", "mlserver"} <= runtimes(kube).keys()
        again = kubectl(kube, "apply", "--server-side", "-f", str(files["install"]), "-f", str(files["runtimes"]))
        assert "created" not in again
    finally:
        for kind in ("clusterrole", "clusterrolebinding"):
            kubectl(kube, "delete", kind, name, f"{name}-view", f"{name}-edit", "--ignore-not-found")
        kube.delete(NAMESPACE, None, name)
        forget(kube)


def kubectl(kube: Kube, *arguments: str) -> str:
    done = kube.kubectl(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _add_field(crd: Path, name: str) -> None:
    """A newer version of the CRD."""
    manifest = yaml.safe_load(crd.read_text())
    spec = manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["properties"][name] = {"type": "string", "description": "New."}
    crd.write_text(yaml.safe_dump(manifest))

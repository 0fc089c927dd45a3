"""What is made from the chart, and what the chart is made from, agree."""

from pathlib import Path

import yaml

from installation.files import stale
from installation.helm import Helm

HINT = "run hack/generate"


def test_no_file_is_stale(root: Path, helm: Helm) -> None:
    assert stale(root, helm.program) == [], HINT


def test_the_chart_holds_every_crd_unchanged(root: Path, helm: Helm) -> None:
    own = {"labels", "annotations"}
    rendered = {}
    for found in helm.render():
        if found["kind"] == "CustomResourceDefinition":
            metadata = {key: value for key, value in found["metadata"].items() if key not in own}
            rendered[metadata["name"]] = {**found, "metadata": metadata}
    sources = [yaml.safe_load(file.read_text()) for file in (root / "crds").glob("*.yaml")]
    assert rendered == {source["metadata"]["name"]: source for source in sources}


def test_the_chart_holds_every_runtime_unchanged(root: Path, helm: Helm) -> None:
    rendered = {found["metadata"]["name"]: found["spec"] for found in helm.render() if found["kind"] == "ModelRuntime"}
    sources = [yaml.safe_load(file.read_text()) for file in (root / "operator/fairlead/runtimes").glob("*.yaml")]
    assert rendered == {source["metadata"]["name"]: source["spec"] for source in sources}


def test_the_manifest_for_kubectl_can_be_applied_from_top_to_bottom(root: Path) -> None:
    kinds = [found["kind"] for found in yaml.safe_load_all((root / "manifests/install.yaml").read_text())]
    crds = kinds.count("CustomResourceDefinition")
    assert kinds[: 1 + crds] == ["Namespace"] + ["CustomResourceDefinition"] * crds
    assert "ModelRuntime" not in kinds, "kubectl would look up that kind before it applies the CRD"


def test_the_manifests_do_not_claim_to_be_helms(root: Path) -> None:
    for name in ("install", "runtimes"):
        assert "helm" not in (root / f"manifests/{name}.yaml").read_text().lower().replace("charts/", "")


def test_a_release_fits_into_the_secret_that_helm_keeps_it_in(helm: Helm) -> None:
    packed = sum(file.stat().st_size for file in helm.chart.rglob("*") if file.is_file())
    rendered = len(yaml.safe_dump_all(helm.render()))
    # 1 MiB is the limit, after compression to about a tenth; this leaves room for growth.
    assert packed + rendered < 2 * 1024 * 1024

"""The chart and the manifests with another API group: a cluster that is in use does not know it yet.

To install for the first time, the CRDs must be absent, and nobody may take them away from a cluster that has models.
"""

import re
import shutil
from pathlib import Path

import yaml

from fairlead.api.kinds import MODEL_RUNTIME, Kind
from fairlead.api.names import DOMAIN
from kube import CRD, Kube

GROUP = "chart-trial.example"
RUNTIME = Kind(GROUP, MODEL_RUNTIME.version, MODEL_RUNTIME.kind, MODEL_RUNTIME.plural, namespaced=False)
CRDS = (f"modeldeployments.{GROUP}", f"modelruntimes.{GROUP}")


def trial_chart(chart: Path, folder: Path) -> Path:
    """A copy of the chart with the other group."""
    copy = shutil.copytree(chart, folder / "fairlead")
    for file in copy.rglob("*"):
        if file.is_file():
            file.write_text(file.read_text().replace(DOMAIN, GROUP))
    for file in (copy / "files" / "crds").iterdir():
        file.write_text(yaml.safe_dump(_without_short_names(yaml.safe_load(file.read_text()))))
    return copy


def trial_manifest(manifest: Path, name: str) -> str:
    """The manifest with the other group, every object called `name`, in a namespace of that name, and without pods."""
    text = manifest.read_text().replace(DOMAIN, GROUP).replace("fairlead-system", name)
    text = re.sub(r"(?<![/\w])name: fairlead\b", f"name: {name}", text)
    text = text.replace("replicas: 2", "replicas: 0")
    return yaml.safe_dump_all(map(_without_short_names, yaml.safe_load_all(text)), sort_keys=False)


def forget(kube: Kube) -> None:
    """Deletes the CRDs of the other group, and what is of their kinds."""
    for name in CRDS:
        kube.delete(CRD, None, name)


def _without_short_names(manifest: dict[str, object]) -> dict[str, object]:
    """Short names are the cluster's: two groups with the same ones confuse everybody who types them."""
    spec = manifest.get("spec")
    if manifest["kind"] == "CustomResourceDefinition" and isinstance(spec, dict):
        for key in ("shortNames", "categories"):
            spec["names"].pop(key, None)
    return manifest

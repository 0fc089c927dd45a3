"""What comes of each ModelRuntime that Fairlead has: the pods of a small model, as files.

`FAIRLEAD_WRITE_GOLDEN=1 hack/test tests/golden` writes the files anew.
"""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from fairlead.api.kinds import DEPLOYMENT, kind_of
from fairlead.cli.files import shipped_runtimes
from fairlead.plan import Apply
from fairlead.reconcile import reconcile
from world import World, a_model

PODS = Path(__file__).with_name("runtimes")
RUNTIMES = {manifest["metadata"]["name"]: manifest for manifest in shipped_runtimes()}


@pytest.mark.parametrize("name", RUNTIMES)
def test_the_pods_are_as_they_were(name: str):
    text = yaml.safe_dump(pods(name), sort_keys=False, width=120)
    found = f"# Pods of a model that names the ModelRuntime {name}.\n{text}"
    file = PODS / f"{name}.yaml"
    if os.environ.get("FAIRLEAD_WRITE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(found)
    assert file.exists(), "no such file yet; see the docstring of this file"
    assert found == file.read_text()


def test_every_file_belongs_to_a_runtime():
    assert {file.stem for file in PODS.glob("*.yaml")} == set(RUNTIMES)


@pytest.mark.parametrize("name", RUNTIMES)
def test_pods_are_restricted(name: str):
    """As Pod Security's level `restricted` asks. The root is for reading, but where nobody says that this will do."""
    pod = pods(name)
    context = pod["containers"][0]["securityContext"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["readOnlyRootFilesystem"] is (name not in ("nim", "nim-1"))


def pods(runtime: str) -> dict[str, Any]:
    """The spec of the pods of a new model."""
    server: dict[str, Any] = {"ref": {"name": runtime}}
    if "image" not in RUNTIMES[runtime]["spec"]:
        server["image"] = "registry.example/server:1"
    plan = reconcile(World(a_model(runtime=server), RUNTIMES[runtime]).look())
    (deployment,) = (
        each.manifest for each in plan.steps if isinstance(each, Apply) and kind_of(each.manifest) == DEPLOYMENT
    )
    spec: dict[str, Any] = yaml.safe_load(yaml.safe_dump(deployment["spec"]["template"]["spec"]))
    return spec

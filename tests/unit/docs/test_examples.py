"""Every example in the docs is one that Fairlead takes, and tells of revisions that it would make."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from fairlead.api.kinds import MODEL_DEPLOYMENT, MODEL_RUNTIME
from fairlead.api.modeldeployment import ModelDeployment, ModelDeploymentSpec
from fairlead.api.modelruntime import ModelRuntime
from fairlead.api.names import DOMAIN
from fairlead.api.parse import parse_model_deployment, parse_model_runtime
from unit.docs.pages import DOCS, PAGES, name, yaml_documents

FIELDS = {field.alias or key for key, field in ModelDeploymentSpec.model_fields.items()}


def _is_part_of_a_model(document: Any) -> bool:
    """Whether it is a `spec` without a head, such as pages show to explain a field."""
    return isinstance(document, dict) and set(document) == {"spec"} and not FIELDS.isdisjoint(document["spec"])


def _is_ours(document: Any) -> bool:
    return isinstance(document, dict) and str(document.get("apiVersion")).startswith(f"{DOMAIN}/")


DOCUMENTS = [(page, document) for page in PAGES for document in yaml_documents(page)]
WHOLE = [(page, document) for page, document in DOCUMENTS if _is_ours(document)]
PARTS = [(page, document) for page, document in DOCUMENTS if _is_part_of_a_model(document)]


@pytest.mark.parametrize(("page", "document"), WHOLE, ids=[name(page) for page, _ in WHOLE])
def test_every_object_of_ours_is_valid(page: Path, document: dict[str, Any]):
    match document["kind"]:
        case MODEL_DEPLOYMENT.kind:
            assert isinstance(found := parse_model_deployment(document, unknown="forbid"), ModelDeployment), found
        case MODEL_RUNTIME.kind:
            assert isinstance(found := parse_model_runtime(document, unknown="forbid"), ModelRuntime), found
        case kind:
            pytest.fail(f"{name(page)} shows a {kind}, which does not exist")


@pytest.mark.parametrize(("page", "document"), PARTS, ids=[name(page) for page, _ in PARTS])
def test_every_part_of_a_model_is_valid(page: Path, document: dict[str, Any]):
    head = {"apiVersion": MODEL_DEPLOYMENT.api_version, "kind": MODEL_DEPLOYMENT.kind, "metadata": {"name": "fraud"}}
    whole = {**head, "spec": {"runtime": {"ref": {"name": "mlserver"}}, **document["spec"]}}
    assert isinstance(found := parse_model_deployment(whole, unknown="forbid"), ModelDeployment), found


def test_the_first_model_is_the_sample_of_that_name():
    (first,) = [document for page, document in WHOLE if name(page) == "first-model.md"][:1]
    assert first == yaml.safe_load((DOCS.parent / "manifests/samples/hello.yaml").read_text())


def test_there_are_examples_at_all():
    assert len(WHOLE) >= 2
    assert len(PARTS) >= 3

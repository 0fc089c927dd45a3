"""The CustomResourceDefinitions, and how they speak."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from fairlead.api.crds import custom_resource_definitions, model_deployment_crd, model_runtime_crd


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a value."""
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(child)


RULES = [
    rule
    for crd in custom_resource_definitions()
    for node in nodes(crd["spec"]["versions"][0]["schema"])
    for rule in node.get("x-kubernetes-validations", ())
]


@pytest.mark.parametrize("message", sorted({rule["message"] for rule in RULES}))
def test_a_message_is_a_sentence_in_lower_case_that_ends_open(message: str) -> None:
    """The API server puts the field in front of it, and a comma or bracket behind."""
    assert message[0] == message[0].lower()
    assert message[-1] not in ".!,;:"
    assert not re.search(r"\[a-z|\\|\^|\)\?", message)
    assert len(message) < 250


def test_no_pattern_and_no_null() -> None:
    for crd in custom_resource_definitions():
        assert not [node for node in nodes(crd) if "pattern" in node and isinstance(node["pattern"], str)]
        assert not [node for node in nodes(crd) if "nullable" in node]


def test_scale() -> None:
    version = model_deployment_crd()["spec"]["versions"][0]
    spec, status = (version["schema"]["openAPIV3Schema"]["properties"][part] for part in ("spec", "status"))

    assert version["subresources"]["scale"] == {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
    assert spec["properties"]["replicas"]["type"] == status["properties"]["replicas"]["type"] == "integer"
    assert status["properties"]["selector"]["type"] == "string"


def test_what_kubectl_get_shows() -> None:
    columns = model_deployment_crd()["spec"]["versions"][0]["additionalPrinterColumns"]

    assert [column["name"] for column in columns if not column.get("priority")] == [
        "Ready", "Replicas", "Available", "Stable", "Rollout", "Weight", "Age",
    ]  # fmt: skip


def test_every_column_shows_a_field_that_exists() -> None:
    for crd in custom_resource_definitions():
        version = crd["spec"]["versions"][0]
        for column in version["additionalPrinterColumns"]:
            node = version["schema"]["openAPIV3Schema"]
            for step in re.sub(r"\[.*?\]", "", column["jsonPath"]).strip(".").split("."):
                if step == "metadata":
                    break
                node = node.get("items", node)["properties"][step]


def test_names() -> None:
    models, runtimes = model_deployment_crd()["spec"], model_runtime_crd()["spec"]

    assert (models["scope"], models["names"]["shortNames"]) == ("Namespaced", ["fmd"])
    assert (runtimes["scope"], runtimes["names"]["shortNames"]) == ("Cluster", ["fmr"])
    assert models["names"]["categories"] == runtimes["names"]["categories"] == ["fairlead"]

"""The values: every one is described, checked, and has the default that the schema states."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from installation.helm import Helm, HelmError
from installation.tables import leaves


@pytest.fixture(scope="module")
def schema(helm: Helm) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((helm.chart / "values.schema.json").read_text())
    return found


def test_the_schema_states_the_defaults(helm: Helm, schema: dict[str, Any]) -> None:
    values = yaml.safe_load((helm.chart / "values.yaml").read_text())
    stated = {path: value["default"] for path, value in leaves(schema)}
    assert dict(_flat(values, set(stated))) == stated


def test_every_value_is_described(schema: dict[str, Any]) -> None:
    assert [path for path, value in leaves(schema) if not value["description"].endswith(".")] == []


def test_no_object_takes_unknown_values(schema: dict[str, Any]) -> None:
    assert [path for path, found in _objects(schema, "") if found.get("additionalProperties") is not False] == []


@pytest.mark.parametrize(
    ("values", "objection"),
    [
        ({"replica": 1}, "additional properties 'replica' not allowed"),
        ({"image": {"name": "x"}}, "additional properties 'name' not allowed"),
        ({"image": {"tag": 1.1}}, "/image/tag"),
        ({"image": {"digest": "latest"}}, "/image/digest"),
        ({"replicas": -1}, "/replicas"),
        ({"workers": 0}, "/workers"),
        ({"podAccess": "proxy"}, "/podAccess"),
        ({"log": {"level": "debug"}}, "/log/level"),
        ({"watchNamespaces": "risk"}, "/watchNamespaces"),
        ({"watchNamespaces": ["risk", "risk"]}, "/watchNamespaces"),
        ({"watchNamespaces": ["Risk"]}, "/watchNamespaces/0"),
        ({"env": [{"name": "FAIRLEAD_WORKERS", "value": "2"}]}, "/env/0/name"),
        ({"labels": {"a": 1}}, "/labels/a"),
        ({"keda": {"prometheusUrl": "prometheus:9090"}}, "/keda/prometheusUrl"),
        ({"keda": {"authModes": "password"}}, "/keda/authModes"),
        ({"serviceMonitor": {"interval": "30"}}, "/serviceMonitor/interval"),
        ({"runtimes": {"exclude": ["triton-of-mine"]}}, 'names "triton-of-mine", which does not come with Fairlead'),
        ({"serviceAccount": {"create": False}}, "set serviceAccount.name"),
        ({"serviceMonitor": {"enabled": True}}, "serves no ServiceMonitor: install the Prometheus Operator"),
        ({"monitoring": {"alerts": {"enabled": True}}}, "serves no PrometheusRule: install the Prometheus Operator"),
    ],
)
def test_what_cannot_be_meant_is_refused(helm: Helm, values: Mapping[str, Any], objection: str) -> None:
    with pytest.raises(HelmError) as refused:
        helm.render(values)
    assert objection in str(refused.value)


def test_values_for_a_chart_above_are_let_through(helm: Helm) -> None:
    assert helm.render({"global": {"region": "eu"}})


def _flat(values: Mapping[str, Any], known: set[str], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if f"{path}{name}" in known or not isinstance(value, dict):
            yield f"{path}{name}", value
        else:
            yield from _flat(value, known, f"{path}{name}.")


def _objects(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if "properties" in schema:
        yield path, schema
        for name, value in schema["properties"].items():
            yield from _objects(value, f"{path}/{name}")

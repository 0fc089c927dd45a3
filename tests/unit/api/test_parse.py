"""What users wrote becomes a value, or sentences; never an exception."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.api.modeldeployment import ModelDeployment
from fairlead.api.modelruntime import ModelRuntime
from fairlead.api.parse import Invalid, parse_model_deployment, parse_model_runtime

REF: dict[str, Any] = {"runtime": {"ref": {"name": "mlserver"}}}


def manifest(spec: Any, kind: str = "ModelDeployment", **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "fairlead.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": "fraud", **metadata},
        "spec": spec,
    }


def problems(spec: Any, **metadata: Any) -> tuple[str, ...]:
    parsed = parse_model_deployment(manifest(spec, **metadata), "forbid")
    return parsed.problems if isinstance(parsed, Invalid) else ()


def test_a_good_one() -> None:
    stored = manifest({**REF, "rollout": {"drain": "1m"}}, namespace="risk", uid="u-1", generation=3)

    parsed = parse_model_deployment(stored)

    assert isinstance(parsed, ModelDeployment)
    assert (parsed.name, parsed.namespace, parsed.uid, parsed.generation) == ("fraud", "risk", "u-1", 3)
    assert parsed.spec.rollout.drain == timedelta(minutes=1)


def test_a_file_has_no_uid_and_may_have_no_namespace() -> None:
    parsed = parse_model_deployment(manifest(REF))

    assert isinstance(parsed, ModelDeployment)
    assert (parsed.namespace, parsed.uid, parsed.generation) == ("default", "", 0)


def test_a_modelruntime_needs_nothing() -> None:
    parsed = parse_model_runtime(manifest({}, kind="ModelRuntime"))

    assert isinstance(parsed, ModelRuntime)
    assert parsed.spec.image is None
    assert parsed.spec.model_path == "/mnt/models"


def test_unknown_fields_are_ignored_or_forbidden() -> None:
    newer = manifest({**REF, "slo": {"burn": "30d"}})

    assert isinstance(parse_model_deployment(newer), ModelDeployment)
    refused = parse_model_deployment(newer, "forbid")
    assert isinstance(refused, Invalid)
    assert refused.problems == ("spec.slo.burn: there is no such field",)


def test_a_typing_error_is_guessed() -> None:
    assert problems({**REF, "replica": 2}) == ("spec.replica: there is no such field; did you mean replicas?",)


def test_every_problem_is_told_at_once() -> None:
    assert problems({**REF, "replicas": "2", "model": {"version": 7}, "rollout": {"strategy": "Shadow"}}) == (
        "spec.model.version: must be a text; put it in quotation marks (it is 7)",
        "spec.replicas: must be a whole number (it is '2')",
        "spec.rollout.strategy: must be 'Canary', 'BlueGreen' or 'Recreate' (it is 'Shadow')",
    )


def test_paths_are_written_as_the_api_server_writes_them() -> None:
    spec = {
        "runtime": {"ref": {"name": "a"}, "env": [{"name": "A"}, {"name": "1"}]},
        "pod": {"labels": {"team": "a b"}},
    }

    assert [problem.partition(":")[0] for problem in problems(spec)] == [
        "spec.runtime.env[1].name",
        "spec.pod.labels[team]",
    ]


def test_the_same_types_as_on_the_api_server() -> None:
    assert problems({**REF, "replicas": "2"})
    assert problems({**REF, "replicas": True})
    assert problems({**REF, "pod": {"automountServiceAccountToken": 1}})
    assert problems({**REF, "model": {"version": 7}})


def test_entries_must_not_be_there_twice() -> None:
    assert problems({"runtime": {"ref": {"name": "a"}, "env": [{"name": "A"}, {"name": "A"}]}}) == (
        "spec.runtime.env: must not hold 'A' twice",
    )


def test_what_slipped_past_the_schema_is_told() -> None:
    both = {"runtime": {**REF["runtime"], "container": {"image": "a:1"}}}
    scaling = {"minReplicas": 5, "maxReplicas": 2, "target": {"cpuUtilization": 50}}

    assert "exactly one of ref" in problems(both)[0]
    assert "exactly one of ref" in problems({"runtime": {}})[0]
    assert "must not be greater" in problems({**REF, "autoscaling": scaling})[0]


@pytest.mark.parametrize(
    ("name", "ok"), [("f" * 54, True), ("f", True), ("f" * 55, False), ("7f", False), ("f.a", False), ("f-", False)]
)
def test_names(name: str, ok: bool) -> None:
    assert (problems(REF, name=name) == ()) is ok


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (None, "a ModelDeployment must be a mapping"),
        ([], "a ModelDeployment must be a mapping"),
        ({}, "apiVersion: must be fairlead.dev/v1alpha1"),
        ({"apiVersion": "fairlead.dev/v1alpha1", "kind": "Pod"}, "kind: must be ModelDeployment"),
        ({"apiVersion": "fairlead.dev/v1alpha1", "kind": "ModelDeployment"}, "metadata.name: must be set"),
        (manifest(None), "spec: must be set"),
        (manifest({("a", "b"): 1}), "spec: cannot be written as JSON"),
        (manifest([]), "spec: must be a mapping of fields"),
    ],
)
def test_things_that_are_no_model_at_all(thing: object, words: str) -> None:
    parsed = parse_model_deployment(thing)

    assert isinstance(parsed, Invalid)
    assert words in parsed.problems[0]


FIELDS = [
    "model",
    "runtime",
    "ref",
    "name",
    "container",
    "image",
    "env",
    "pod",
    "volumes",
    "resources",
    "requests",
    "uri",
]
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=12,
)


@given(ANY_JSON)
def test_never_an_exception(spec: Any) -> None:
    parsed = parse_model_deployment(manifest(spec))

    assert isinstance(parsed, ModelDeployment | Invalid)
    assert not isinstance(parsed, Invalid) or all(problem.startswith("spec") for problem in parsed.problems)

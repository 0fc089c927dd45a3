"""From what users wrote, or what the API server stored, to typed values; or to sentences about what is wrong with it.

The API server checks at admission by the same rules. What reaches the operator all the same (an older CRD, a schema
that was dropped) is a value here and not an exception.
"""

import json
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from fairlead.api.fields import Part
from fairlead.api.kinds import MODEL_DEPLOYMENT, MODEL_RUNTIME, Kind
from fairlead.api.modeldeployment import NAME_IS_SHORT, ModelDeployment, ModelDeploymentSpec
from fairlead.api.modelruntime import ModelRuntime, ModelRuntimeSpec
from fairlead.api.rollout import Rollout
from fairlead.api.sentences import sentences

Unknown = Literal["ignore", "forbid"]
SomePart = TypeVar("SomePart", bound=Part)


@dataclass(frozen=True)
class Invalid:
    """What is wrong with an object, each problem a sentence that begins with the field: `spec.replicas: …`.

    `rollout` and `replicas` are these parts of the spec where they can be read for themselves: what serves is not
    left alone for a mistake elsewhere.
    """

    problems: tuple[str, ...]
    rollout: Rollout | None = None
    replicas: int | None = None


def parse_model_deployment(manifest: object, unknown: Unknown = "ignore") -> ModelDeployment | Invalid:
    """A ModelDeployment from its manifest. Fields that the operator does not know are ignored, or forbidden.

    What only the API server knows (namespace, uid, generation) may be missing.
    """
    head = _metadata(manifest, MODEL_DEPLOYMENT)
    if isinstance(head, Invalid):
        return head
    name = str(head["name"])
    refused = NAME_IS_SHORT.problem(name)
    spec = _spec(ModelDeploymentSpec, manifest, unknown)
    problems = (f"metadata.name: {refused}",) if refused else ()
    if isinstance(spec, Invalid):
        return _with_what_can_be_read(manifest, Invalid(problems + spec.problems))
    if problems:
        return _with_what_can_be_read(manifest, Invalid(problems))
    return ModelDeployment(
        name=name,
        namespace=str(head.get("namespace") or "default"),
        uid=str(head.get("uid") or ""),
        generation=int(head.get("generation") or 0),
        spec=spec,
    )


def parse_model_runtime(manifest: object, unknown: Unknown = "ignore") -> ModelRuntime | Invalid:
    """A ModelRuntime from its manifest."""
    head = _metadata(manifest, MODEL_RUNTIME)
    if isinstance(head, Invalid):
        return head
    spec = _spec(ModelRuntimeSpec, manifest, unknown)
    return spec if isinstance(spec, Invalid) else ModelRuntime(name=str(head["name"]), spec=spec)


def _metadata(manifest: object, kind: Kind) -> dict[str, Any] | Invalid:
    """The metadata of an object of that kind."""
    if not isinstance(manifest, dict):
        return Invalid((f"a {kind.kind} must be a mapping with apiVersion, kind, metadata and spec",))
    for field, wanted in (("apiVersion", kind.api_version), ("kind", kind.kind)):
        if manifest.get(field) != wanted:
            return Invalid((f"{field}: must be {wanted}; it is {manifest.get(field)!r}",))
    metadata = manifest.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("name"):
        return Invalid(("metadata.name: must be set",))
    return metadata


def _spec(model: type[SomePart], manifest: object, unknown: Unknown) -> SomePart | Invalid:
    spec = manifest.get("spec") if isinstance(manifest, dict) else None
    return Invalid(("spec: must be set",)) if spec is None else _part(model, spec, unknown, "spec")


def _part(model: type[SomePart], value: object, unknown: Unknown, where: str) -> SomePart | Invalid:
    try:
        # Through JSON, and strict: then "2" is no number and 1 is not true, as on the API server.
        text = json.dumps(_without_nulls(value), default=str)
        return model.model_validate_json(text, strict=True, extra=unknown)
    except ValidationError as error:
        return Invalid(sentences(error, model, where))
    except (TypeError, ValueError, RecursionError) as error:
        return Invalid((f"{where}: cannot be written as JSON: {error}",))


def _with_what_can_be_read(manifest: object, invalid: Invalid) -> Invalid:
    spec = manifest.get("spec") if isinstance(manifest, dict) else None
    if not isinstance(spec, dict):
        return invalid
    replicas = spec.get("replicas")
    rollout = _part(Rollout, spec.get("rollout") or {}, "ignore", "spec.rollout")
    return replace(
        invalid,
        rollout=None if isinstance(rollout, Invalid) else rollout,
        replicas=replicas if type(replicas) is int and replicas >= 0 else None,
    )


def _without_nulls(value: Any) -> Any:
    """A field that is null counts as absent: the API server prunes it, and templates leave such fields behind."""
    match value:
        case dict():
            return {key: _without_nulls(item) for key, item in value.items() if item is not None}
        case list():
            return [_without_nulls(item) for item in value]
        case _:
            return value

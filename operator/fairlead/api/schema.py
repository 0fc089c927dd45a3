"""From a pydantic model to a CRD's structural schema (kubernetes.io/docs/tasks/extend-kubernetes/custom-resources).

What the API server would accept but Fairlead does not want is refused here: text, lists and maps without a bound (CEL
rules on them exceed their budget), fields without a description (`kubectl explain` is the reference), `pattern` (its
failure shows a regular expression and says nothing).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from fairlead.api.fields import format_duration

Schema = dict[str, Any]

PRESERVE = "x-kubernetes-preserve-unknown-fields"
INT_OR_STRING = "x-kubernetes-int-or-string"

_KEPT = (
    "description",
    "type",
    "format",
    "enum",
    "default",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "required",
)
_DROPPED = ("title", "$defs")
_INT32 = 2**31 - 1


class NotExpressible(Exception):
    """A model that cannot, or should not, become a structural schema; says where and why."""


def structural_schema(model: type[BaseModel]) -> Schema:
    """The structural schema of a model, with its defaults, bounds and CEL rules."""
    source = model.model_json_schema(by_alias=True, schema_generator=_Generator)
    return _converted(source, source.get("$defs", {}), model.__name__, ())


class _Generator(GenerateJsonSchema):
    def encode_default(self, dft: Any) -> Any:
        """Pydantic would write a duration in the form of ISO 8601, whatever its field says."""
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def _converted(source: Schema, definitions: Mapping[str, Schema], path: str, inside: tuple[str, ...]) -> Schema:
    """One node of the schema and everything below it. `inside` names the models around it, to notice recursion."""
    source, inside = _resolved(source, definitions, path, inside)
    if "anyOf" in source:
        return _converted(_without_null(source, path), definitions, path, inside)
    schema = {key: source[key] for key in _KEPT if key in source}
    schema |= {key: value for key, value in source.items() if key.startswith("x-kubernetes-")}
    unknown = source.keys() - schema.keys() - {*_DROPPED, "const", "properties", "items", "additionalProperties"}
    if unknown:
        raise NotExpressible(f"{path}: {', '.join(sorted(unknown))} must not be used in a CRD's schema")
    if "const" in source:  # a const is accepted by the API server and not enforced
        schema["enum"] = [source["const"]]
    if schema.get("type") == "integer":
        schema["format"] = "int32" if schema.get("maximum", _INT32 + 1) <= _INT32 else "int64"
    if "properties" in source:
        schema["properties"] = {
            name: _property(child, definitions, f"{path}.{name}", inside)
            for name, child in source["properties"].items()
        }
    elif "items" in source:
        schema["items"] = _converted(source["items"], definitions, f"{path}[]", inside)
    elif PRESERVE not in schema and isinstance(source.get("additionalProperties"), dict):
        schema["additionalProperties"] = _converted(source["additionalProperties"], definitions, f"{path}{{}}", inside)
    _demand_bounds(schema, path)
    return schema


def _property(source: Schema, definitions: Mapping[str, Schema], path: str, inside: tuple[str, ...]) -> Schema:
    schema = _converted(source, definitions, path, inside)
    if "description" not in schema:
        raise NotExpressible(f"{path}: needs a description; it is what `kubectl explain` shows")
    if "default" in schema:
        default = _default(schema)
        schema = {key: value for key, value in schema.items() if key != "default"}
        if default is not None:
            schema["default"] = default
    return schema


def _default(schema: Schema) -> Any:
    """What the API server fills in; None for nothing.

    An object is filled in as {} where its fields have defaults of their own, which are then applied inside. Empty
    lists, maps and objects are not filled in: absence means the same and keeps what is stored short.
    """
    if "properties" in schema:
        return {} if any("default" in field for field in schema["properties"].values()) else None
    return schema["default"] if schema["default"] not in ([], {}) else None


def _resolved(
    source: Schema, definitions: Mapping[str, Schema], path: str, inside: tuple[str, ...]
) -> tuple[Schema, tuple[str, ...]]:
    """The node with its `$ref` put in place; what stands beside the reference wins."""
    if "$ref" not in source:
        return source, inside
    name = source["$ref"].rpartition("/")[2]
    if name in inside:
        raise NotExpressible(f"{path}: {name} contains itself, which no structural schema can express")
    beside = {key: value for key, value in source.items() if key != "$ref"}
    return {**definitions[name], **beside}, (*inside, name)


def _without_null(source: Schema, path: str) -> Schema:
    """`X | None` → X: None means that the field is absent, and nothing needs to be nullable."""
    options = [option for option in source["anyOf"] if option.get("type") != "null"]
    if len(options) != 1:
        raise NotExpressible(f"{path}: a choice of types; use one object with optional fields and a rule")
    beside = {key: value for key, value in source.items() if key != "anyOf"}
    if beside.get("default", 0) is None:
        del beside["default"]
    return {**options[0], **beside}


def _demand_bounds(schema: Schema, path: str) -> None:
    kind = schema.get("type")
    if kind == "string" or INT_OR_STRING in schema:
        needed = None if "enum" in schema or schema.get("format") == "date-time" else "maxLength"
    elif kind == "array":
        needed = "maxItems"
    elif kind == "object":
        needed = "maxProperties" if "additionalProperties" in schema else None
    else:
        needed = None
    if needed and needed not in schema:
        raise NotExpressible(f"{path}: needs a bound ({needed}), or CEL rules that look at it exceed their budget")

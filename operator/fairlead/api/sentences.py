"""Pydantic's errors as sentences, with the path of the field as the API server writes it."""

import difflib
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fairlead.api.schema import Schema, structural_schema

Location = Sequence[int | str]

_MAX_SHOWN = 60  # characters of a refused value

_TEXTS = {
    "missing": "must be set",
    "string_type": "must be a text; put it in quotation marks",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "model_type": "must be a mapping of fields",
    "dict_type": "must be a mapping",
    "tuple_type": "must be a list",
    "time_delta_type": "must be a text such as 1h30m or 45s",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_too_long": "must have at most {max_length} characters",
    "too_long": "must have at most {max_length} entries",
}


def sentences(error: ValidationError, model: type[BaseModel], root: str) -> tuple[str, ...]:
    """One sentence per problem, in the order of the fields; `root` is the path of the value that was validated."""
    schema = _schema(model)
    return tuple(sentence for details in error.errors() for sentence in _of_error(details, schema, root))


@cache
def _schema(model: type[BaseModel]) -> Schema:
    return structural_schema(model)


def _of_error(details: ErrorDetails, schema: Schema, root: str) -> Iterator[str]:
    path, parent = _path(details["loc"], schema, root)
    kind, context = details["type"], details.get("ctx", {})
    if kind == "broken_rules":
        for at, sentence in context["problems"]:
            yield f"{path}{'.' if at else ''}{at}: {sentence}{_shown(details['input'])}"
    elif kind == "extra_forbidden":
        yield f"{path}: there is no such field{_meant(details['loc'], parent)}"
    elif kind in _TEXTS:
        shown = "" if kind == "missing" else _shown(details["input"])
        yield f"{path}: {_TEXTS[kind].format(**context)}{shown}"
    else:
        yield f"{path}: {details['msg'][:1].lower()}{details['msg'][1:]}{_shown(details['input'])}"


def _path(location: Location, schema: Schema, root: str) -> tuple[str, Schema]:
    """`spec.runtime.env[0].name`, `spec.pod.labels[team]`; and the schema of what it is in."""
    path, node, parent = root, schema, schema
    for step in location:
        parent = node
        if isinstance(step, int):
            path, node = f"{path}[{step}]", node.get("items", {})
        elif "additionalProperties" in node:
            path, node = f"{path}[{step}]", node["additionalProperties"]
        else:
            path, node = f"{path}.{step}", node.get("properties", {}).get(step, {})
    return path, parent


def _meant(location: Location, parent: Schema) -> str:
    near = difflib.get_close_matches(str(location[-1]), parent.get("properties", {}), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _shown(value: Any) -> str:
    """The refused value, if it is short enough to help."""
    if not isinstance(value, str | int | float) or len(str(value)) > _MAX_SHOWN:
        return ""
    return f" (it is {value!r})"

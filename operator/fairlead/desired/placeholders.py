"""Fills `{model.path}`, `{model.name}`, `{model.version}` in. Any other braces are left alone (JSON, say)."""

import re
from collections.abc import Mapping
from typing import Any

_PLACEHOLDER = re.compile(r"\{model\.([A-Za-z]*)\}")


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders filled in. Raises LookupError, with a sentence, for one that does not exist."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            known = ", ".join(f"{{model.{name}}}" for name in values)
            raise LookupError(f"{match[0]} in {text!r} is no placeholder; there are {known}")
        return values[match[1]]

    return _PLACEHOLDER.sub(value, text)


def fill_all(value: Any, values: Mapping[str, str]) -> Any:
    """The same for every string inside a JSON value."""
    match value:
        case str():
            return fill(value, values)
        case list():
            return [fill_all(item, values) for item in value]
        case dict():
            return {key: fill_all(item, values) for key, item in value.items()}
        case _:
            return value

"""Rules of the custom resources: what must hold beyond types and bounds, and the sentence that says so.

Every rule exists twice, side by side: as CEL for the API server (kubernetes.io/docs/reference/using-api/cel), and as
Python for `fairlead render` and for an operator that meets an object which slipped past the schema. What both can be
made from one description of is made so below; tests/cluster/api holds the rest against a real API server.

Regular expressions are rules and never `pattern`: the API server answers a failed `pattern` with the expression itself.
They are anchored at both ends, and written in what RE2 and Python's `re` have in common.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

RULES_KEY = "x-kubernetes-validations"
KEY = "<key>"
"""Stands for the offending key in the message of an `every_key` rule."""


@dataclass(frozen=True)
class Rule:
    """`cel` holds exactly when `problem` finds nothing. `at` is the field below self that the message is about.

    `cel` is empty when the API server knows the rule by other means, or cannot. Stands in `Part.must_hold` for an
    object, or inside Annotated[…] for a single value, list or map.
    """

    message: str
    cel: str
    problem: Callable[[Any], str | None]
    at: str = ""
    message_expression: str = ""

    def as_cel(self) -> dict[str, str]:
        """An entry of x-kubernetes-validations."""
        entry = {"rule": self.cel, "message": self.message.replace(KEY, "…")}
        if self.message_expression:
            entry["messageExpression"] = self.message_expression
        if self.at:
            entry["fieldPath"] = f".{self.at}"
        return entry

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def kept(value: Any) -> Any:
            check((self,), value)
            return value

        return core_schema.no_info_after_validator_function(kept, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        found = handler(schema)
        return {**found, RULES_KEY: [*found.get(RULES_KEY, ()), self.as_cel()]} if self.cel else found


def check(rules: Sequence[Rule], value: Any) -> None:
    """Raises a pydantic error that carries every broken rule as (field below self, sentence)."""
    problems = [(rule.at, problem) for rule in rules if (problem := rule.problem(value))]
    if problems:
        sentences = "; ".join(sentence for _, sentence in problems)
        raise PydanticCustomError("broken_rules", "{sentences}", {"sentences": sentences, "problems": problems})


def rule(message: str, cel: str, holds: Callable[[Any], bool], at: str = "") -> Rule:
    """A rule in both languages."""
    return Rule(message, cel, lambda value: None if holds(value) else message, at)


def matching(pattern: str, message: str) -> Rule:
    """The whole text matches the regular expression."""
    compiled = re.compile(pattern, re.ASCII)
    return rule(message, f"self.matches(r'^({pattern})$')", lambda text: compiled.fullmatch(text) is not None)


def every_key(message: str, cel: str, holds: Callable[[Any, str], bool], of: str = "") -> Rule:
    """Something holds for every key `k` of a map, which is self or its field `of`. The message names a bad key."""
    keys, optional = (f"self.{of}", f"!has(self.{of}) || ") if of else ("self", "")

    def problem(value: Any) -> str | None:
        found = (key for key in sorted(getattr(value, of) if of else value) if not holds(value, key))
        return next((message.replace(KEY, key) for key in found), None)

    offender = f"{keys}.filter(k, !({cel}))[0]"
    parts = [json.dumps(part, ensure_ascii=False) for part in message.split(KEY)]
    expression = f" + {offender} + ".join(part for part in parts) if len(parts) > 1 else ""
    return Rule(message, f"{optional}{keys}.all(k, {cel})", problem, of, expression)


def exactly_one(message: str, *fields: str) -> Rule:
    """One of the optional fields is set, and no other."""
    present = ", ".join(f"has(self.{field})" for field in fields)
    return rule(message, f"[{present}].exists_one(set, set)", lambda part: _count(part, fields) == 1)


def at_most_one(message: str, *fields: str, at: str = "") -> Rule:
    """No two of the optional fields are set."""
    present = ", ".join(f"has(self.{field})" for field in fields)
    return rule(message, f"[{present}].filter(set, set).size() <= 1", lambda part: _count(part, fields) <= 1, at)


def at_least_one(message: str, *fields: str) -> Rule:
    """One of the optional fields is set, or more."""
    present = " || ".join(f"has(self.{field})" for field in fields)
    return rule(message, present, lambda part: _count(part, fields) >= 1)


def _count(part: Any, fields: Sequence[str]) -> int:
    aliases = {field.alias: name for name, field in type(part).model_fields.items()}
    return sum(getattr(part, aliases[field]) is not None for field in fields)

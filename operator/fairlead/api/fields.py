"""Building blocks of the custom resources: their base class, durations, quantities, lists without repetition."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator
from pydantic.alias_generators import to_camel
from pydantic.annotated_handlers import GetJsonSchemaHandler
from pydantic_core import CoreSchema

from fairlead.api.quantity import QUANTITY, TOO_MUCH, canonical_quantity, quantity_value
from fairlead.api.rules import RULES_KEY, Rule, check, matching, rule


class Part(BaseModel):
    """A part of a custom resource: immutable, camelCase outside and snake_case inside.

    Unknown fields are ignored here, since a CRD that is newer than the operator must not stop it; the API server
    and `fairlead render` reject them.
    """

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore")

    must_hold: ClassVar[tuple[Rule, ...]] = ()
    """What must hold between the fields of this part."""

    @model_validator(mode="after")
    def _keeps_the_rules(self) -> Self:
        check(self.must_hold, self)
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        found = handler(schema)
        if cls.must_hold:
            handler.resolve_ref_schema(found)[RULES_KEY] = [each.as_cel() for each in cls.must_hold]
        return found


def named_list(key: str = "name") -> dict[str, Any]:
    """Makes a list of objects mergeable by server-side apply, and unique, by `key`."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}


def unique(key: str = "") -> Rule:
    """No two entries of a list are equal, or have the same `key`. The API server knows it from the list's type."""

    def problem(entries: Sequence[Any]) -> str | None:
        seen = [getattr(entry, key) if key else entry for entry in entries]
        twice = [value for n, value in enumerate(seen) if value in seen[:n]]
        return f"must not hold {twice[0]!r} twice" if twice else None

    return Rule("must not hold an entry twice", "", problem)


DURATION = "[0-9]{1,5}h([0-9]{1,5}m)?([0-9]{1,6}s)?|[0-9]{1,5}m([0-9]{1,6}s)?|[0-9]{1,6}s"
IS_DURATION = matching(DURATION, "must be hours, minutes and whole seconds, such as 1h30m or 45s")


def parse_duration(text: object) -> object:
    """`1h30m` → timedelta. What is no text is left for pydantic to refuse."""
    if not isinstance(text, str):
        return text
    check((IS_DURATION,), text)
    hours, minutes, seconds = (int((re.search(f"([0-9]+){unit}", text) or ["", "0"])[1]) for unit in "hms")
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def format_duration(value: timedelta) -> str:
    """Timedelta → `1h30m`, the shortest text that parses to the same value; whole seconds."""
    minutes, seconds = divmod(int(value.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{number}{unit}" for number, unit in ((hours, "h"), (minutes, "m"), (seconds, "s")) if number]
    return "".join(parts) or "0s"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration),
    WithJsonSchema({"type": "string", "maxLength": 20, RULES_KEY: [IS_DURATION.as_cel()]}),
]
"""A length of time in whole seconds, written as `1h30m`."""


def between(low: str, high: str) -> Rule:
    """Bounds of a Duration. Silent about what is no duration at all: that is said already."""
    least, most = (parse_duration(text) for text in (low, high))
    return rule(
        f"must be between {low} and {high}",
        f"!({IS_DURATION.cel}) || duration(self) >= duration('{low}') && duration(self) <= duration('{high}')",
        lambda value: least <= value <= most,
    )


def cel_is_duration(field: str) -> str:
    """CEL: the field of self holds a duration, so that duration() can be asked of it without an error.

    It is absent when the API server checks a default of {}, which it does before it fills in what is inside.
    """
    return f"has(self.{field}) && {IS_DURATION.cel.replace('self', f'self.{field}')}"


IS_QUANTITY = matching(QUANTITY, "must be a quantity: a number with a unit, such as 500m, 2 or 4Gi")
IS_SANE_QUANTITY = rule(
    f"must be less than {TOO_MUCH}",
    f"!isQuantity(string(self)) || quantity(string(self)).isLessThan(quantity('{TOO_MUCH}'))",
    lambda value: quantity_value(value) < quantity_value(TOO_MUCH),
)
IS_QUOTED = rule(
    "must be a whole number or a text; put it in quotation marks", "", lambda value: type(value) in (int, str)
)
"""The API server knows it from the type: `cpu: 0.5` is neither."""


def _parse_quantity(value: object) -> str:
    check((IS_QUOTED,), value)
    check((IS_QUANTITY,), str(value))
    check((IS_SANE_QUANTITY,), str(value))
    return canonical_quantity(value)


Quantity = Annotated[
    str,
    BeforeValidator(_parse_quantity),
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "maxLength": 40,
            RULES_KEY: [
                {**IS_QUANTITY.as_cel(), "rule": IS_QUANTITY.cel.replace("self", "string(self)")},
                IS_SANE_QUANTITY.as_cel(),
            ],
        }
    ),
]
"""A Kubernetes quantity such as `500m` or `2Gi`, kept in the API server's canonical form."""

Port = Annotated[int, Field(ge=1, le=65535)]

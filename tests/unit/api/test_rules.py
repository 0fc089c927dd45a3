"""One description, two languages."""

from types import SimpleNamespace

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from fairlead.api.fields import Part
from fairlead.api.rules import at_least_one, at_most_one, every_key, exactly_one, matching, rule


class Pair(Part):
    """Two optional fields."""

    first_one: int | None = Field(default=None, description="First.")
    second: int | None = Field(default=None, description="Second.")


def test_a_text_matches_as_a_whole() -> None:
    digits = matching("[0-9]+", "must be digits")

    assert digits.cel == "self.matches(r'^([0-9]+)$')"
    assert digits.problem("12") is None
    assert digits.problem("12\n") == "must be digits"
    assert digits.problem("١") == "must be digits", "only ASCII, as in RE2"


@pytest.mark.parametrize(
    ("of", "neither", "one", "both"),
    [(exactly_one, "no", None, "no"), (at_most_one, None, None, "no"), (at_least_one, "no", None, None)],
)
def test_counts_of_optional_fields(of: type, neither: str, one: str, both: str) -> None:
    counted = of("no", "firstOne", "second")

    assert counted.problem(Pair()) == neither
    assert counted.problem(Pair(first_one=0)) == one
    assert counted.problem(Pair(first_one=1, second=2)) == both


def test_the_message_names_the_key_in_both_languages() -> None:
    short = every_key("key <key> is too long", "k.size() < 3", lambda _, key: len(key) < 3)

    assert short.problem({"ab": 1, "abc": 2}) == "key abc is too long"
    assert short.as_cel() == {
        "rule": "self.all(k, k.size() < 3)",
        "message": "key … is too long",
        "messageExpression": '"key " + self.filter(k, !(k.size() < 3))[0] + " is too long"',
    }


def test_keys_of_a_field_that_may_be_absent() -> None:
    short = every_key("no <key>", "k == ''", lambda _, key: not key, of="labels")

    assert short.cel == "!has(self.labels) || self.labels.all(k, k == '')"
    assert short.problem(SimpleNamespace(labels={"x": ""})) == "no x"
    assert short.as_cel()["fieldPath"] == ".labels"


def test_every_broken_rule_is_told_and_not_only_the_first() -> None:
    class Both(Pair):
        """Demands both."""

        must_hold = (
            rule("set firstOne", "has(self.firstOne)", lambda self: self.first_one is not None, "firstOne"),
            rule("set second", "has(self.second)", lambda self: self.second is not None, "second"),
        )

    with pytest.raises(ValidationError) as refusal:
        Both()

    [error] = refusal.value.errors()
    assert error["ctx"]["problems"] == [("firstOne", "set firstOne"), ("second", "set second")]
    assert [entry["fieldPath"] for entry in Both.model_json_schema()["x-kubernetes-validations"]] == [
        ".firstOne",
        ".second",
    ]


def test_rules_of_a_type_add_up() -> None:
    from typing import Annotated

    adapter = TypeAdapter(Annotated[Annotated[str, matching("[a-z]*", "lower")], matching(".{2}", "two")])

    assert [entry["message"] for entry in adapter.json_schema()["x-kubernetes-validations"]] == ["lower", "two"]
    with pytest.raises(ValidationError, match="two"):
        adapter.validate_python("abc")

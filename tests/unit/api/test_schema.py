"""From pydantic to a structural schema, and what is refused on the way."""

from datetime import timedelta
from typing import Annotated, Any, Literal, Optional

import pytest
from pydantic import BaseModel, Field, create_model

from fairlead.api.fields import Duration, Part, Port, Quantity
from fairlead.api.schema import NotExpressible, structural_schema


def field_schema(annotation: Any, **settings: Any) -> dict[str, Any]:
    """The schema of one field."""
    settings.setdefault("description", "A field.")
    schema = structural_schema(create_model("Model", field=(annotation, Field(**settings))))
    found: dict[str, Any] = schema["properties"]["field"]
    del found["description"]
    return found


class Inner(Part):
    """Has a default inside."""

    port: Port = Field(default=80, description="A port.")


class Bare(Part):
    """Has none."""

    port: Port | None = Field(default=None, description="A port.")


Text = Annotated[str, Field(max_length=5)]


def test_a_literal_becomes_an_enum_even_when_it_has_one_value() -> None:
    assert field_schema(Literal["a"]) == {"type": "string", "enum": ["a"]}


def test_optional_means_absent_and_not_null() -> None:
    assert field_schema(Text | None, default=None) == {"type": "string", "maxLength": 5}


def test_references_are_put_in_place() -> None:
    port = {
        "type": "integer",
        "format": "int32",
        "minimum": 1,
        "maximum": 65535,
        "default": 80,
        "description": "A port.",
    }
    assert field_schema(Inner) == {"type": "object", "properties": {"port": port}}


def test_an_object_is_filled_in_where_something_inside_has_a_default() -> None:
    assert field_schema(Inner, default=Inner())["default"] == {}
    assert "default" not in field_schema(Bare, default=Bare())


def test_empty_lists_and_maps_are_not_filled_in() -> None:
    assert "default" not in field_schema(Annotated[tuple[Text, ...], Field(max_length=2)], default=())
    assert "default" not in field_schema(Annotated[dict[str, Text], Field(max_length=2)], default={})


def test_a_default_is_written_as_users_write_it() -> None:
    assert field_schema(Duration, default=timedelta(minutes=90))["default"] == "1h30m"


def test_maps_and_lists() -> None:
    text = {"type": "string", "maxLength": 5}
    assert field_schema(Annotated[dict[str, Text], Field(max_length=2)]) == {
        "type": "object",
        "maxProperties": 2,
        "additionalProperties": text,
    }
    assert field_schema(Annotated[tuple[Text, ...], Field(max_length=2)]) == {
        "type": "array",
        "maxItems": 2,
        "items": text,
    }


def test_a_quantity_is_int_or_string() -> None:
    assert field_schema(Quantity)["x-kubernetes-int-or-string"] is True
    assert "type" not in field_schema(Quantity)


def test_integers_have_a_format() -> None:
    assert field_schema(Annotated[int, Field(le=10)])["format"] == "int32"
    assert field_schema(int)["format"] == "int64"


class Recursive(BaseModel):
    """Contains itself."""

    again: Optional["Recursive"] = Field(default=None, description="Again.")


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (str, r"Model\.field: needs a bound \(maxLength\)"),
        (tuple[Text, ...], r"Model\.field: needs a bound \(maxItems\)"),
        (Annotated[tuple[str, ...], Field(max_length=2)], r"Model\.field\[\]: needs a bound \(maxLength\)"),
        (dict[str, Text], r"Model\.field: needs a bound \(maxProperties\)"),
        (Annotated[Text, Field(pattern="a")], "pattern must not be used"),
        (Annotated[int, Field(gt=1)], "exclusiveMinimum must not be used"),
        (tuple[int, int], "prefixItems must not be used"),
        (int | Text, "a choice of types"),
        (Recursive, "Recursive contains itself"),
    ],
)
def test_what_should_not_be_in_a_crd_is_refused_with_its_place(annotation: Any, words: str) -> None:
    with pytest.raises(NotExpressible, match=words):
        field_schema(annotation)


def test_a_field_without_description_is_refused() -> None:
    with pytest.raises(NotExpressible, match=r"Model\.field: needs a description"):
        field_schema(int, description=None)

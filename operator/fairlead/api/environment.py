"""Environment variables of a model server."""

from typing import Annotated

from pydantic import Field

from fairlead.api.fields import Part, named_list, unique
from fairlead.api.forms import KNOWN_PLACEHOLDERS, DataKey, EnvName, FieldPath, ObjectName
from fairlead.api.rules import exactly_one, rule


class KeySelector(Part):
    """One key of a Secret or ConfigMap in the namespace of the model."""

    name: ObjectName = Field(description="Name of the object.")
    key: DataKey = Field(description="Key inside it.")
    optional: bool = Field(default=False, description="Start without the variable when the object or key is missing.")


class FieldSelector(Part):
    """A field of the pod itself."""

    field_path: FieldPath = Field(description="Such as metadata.name or status.podIP.")


class EnvSource(Part):
    """Where the value of a variable comes from."""

    must_hold = (
        exactly_one(
            "valueFrom takes exactly one of secretKeyRef, configMapKeyRef and fieldRef",
            "secretKeyRef",
            "configMapKeyRef",
            "fieldRef",
        ),
    )

    secret_key_ref: KeySelector | None = Field(default=None, description="A key of a Secret.")
    config_map_key_ref: KeySelector | None = Field(default=None, description="A key of a ConfigMap.")
    field_ref: FieldSelector | None = Field(default=None, description="A field of the pod.")


class EnvVar(Part):
    """An environment variable of the model server."""

    must_hold = (
        rule(
            "a variable takes value or valueFrom, not both; remove one",
            "!has(self.value) || !has(self.valueFrom)",
            lambda self: self.value is None or self.value_from is None,
        ),
    )

    name: EnvName = Field(description="Name of the variable.")
    value: Annotated[str, Field(max_length=8192), KNOWN_PLACEHOLDERS] | None = Field(
        default=None, description="Its value; {model.path}, {model.name} and {model.version} are filled in."
    )
    value_from: EnvSource | None = Field(default=None, description="Where the value comes from instead.")


Env = Annotated[tuple[EnvVar, ...], Field(max_length=128, json_schema_extra=named_list()), unique("name")]

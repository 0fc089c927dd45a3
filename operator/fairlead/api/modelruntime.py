"""ModelRuntime: how one kind of model server is run, shared by all models of a cluster."""

from typing import Annotated, Literal

from pydantic import Field

from fairlead.api.fields import Part, unique
from fairlead.api.server import ServerTemplate

Source = Literal["pvc", "oci", "hf", "s3", "gs", "az", "https", "mlflow"]
EVERY: tuple[Source, ...] = ("pvc", "oci", "hf", "s3", "gs", "az", "https", "mlflow")


class ModelRuntimeSpec(ServerTemplate):
    """A model server for many models. A change of it reaches a model with that model's next revision."""

    sources: Annotated[
        tuple[Source, ...], Field(max_length=8, json_schema_extra={"x-kubernetes-list-type": "set"}), unique()
    ] = Field(
        default=EVERY,
        description="Kinds of model.uri that this server may be given (https: http, too). Empty: only models inside "
        "its image.",
    )


class ModelRuntime(Part):
    """How one kind of model server is run: image, arguments, ports, probes and drain."""

    name: str
    spec: ModelRuntimeSpec

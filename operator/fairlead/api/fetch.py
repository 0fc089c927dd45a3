"""model.fetch: how the files of a model are fetched into the pod, where they cannot be mounted."""

from typing import Annotated

from pydantic import Field

from fairlead.api.environment import Env
from fairlead.api.fields import Part, Quantity, unique
from fairlead.api.forms import ObjectName
from fairlead.api.resources import Resources
from fairlead.api.rules import matching

Glob = Annotated[
    str,
    Field(min_length=1, max_length=256),
    matching(
        r"[^/\s-][^\s]*",
        "must be a pattern for paths inside the model, such as *.safetensors or tokenizer/*: no spaces, no '/' or '-' "
        "at the beginning",
    ),
]
Globs = Annotated[tuple[Glob, ...], Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "set"}), unique()]

DEFAULT_RESOURCES = Resources(requests={"cpu": "100m", "memory": "256Mi"}, limits={"memory": "1Gi"})


class Fetch(Part):
    """How the files are fetched, by a container that runs before the server. Without effect on what is mounted."""

    secret_name: ObjectName | None = Field(
        default=None,
        description="Secret in the namespace of the model with the credentials, by the names that the source's own "
        "tools use: HF_TOKEN, AWS_ACCESS_KEY_ID and so on. It is mounted in that container alone; Fairlead reads none.",
    )
    env: Env = Field(
        default=(), description="Environment variables of that container, such as AWS_ENDPOINT_URL or HTTPS_PROXY."
    )
    include: Globs = Field(default=(), description="Only files that match one of these patterns; empty: all.")
    exclude: Globs = Field(default=(), description="No files that match one of these patterns, such as *.bin.")
    checksum: (
        Annotated[
            str,
            Field(max_length=71),
            matching("sha256:[0-9a-f]{64}", "must be sha256: and 64 lower-case hexadecimal digits"),
        ]
        | None
    ) = Field(default=None, description="What the one file must be, before it is unpacked, such as sha256:9f86d08….")
    space: Quantity | None = Field(
        default=None,
        description="Most space that the files may take on the node, such as 40Gi; absent: as much as there is.",
    )
    cache_claim: ObjectName | None = Field(
        default=None,
        description="PersistentVolumeClaim on which the files are kept for all pods and revisions; with several nodes "
        "one that can be mounted by many (ReadWriteMany). Absent: every pod fetches them for itself.",
    )
    resources: Resources = Field(default=DEFAULT_RESOURCES, description="Compute resources of that container.")

"""spec.model: where the files of a model are, how they are fetched, and what it is called."""

from typing import Annotated

from pydantic import Field

from fairlead.api.fetch import Fetch
from fairlead.api.fields import Part
from fairlead.api.forms import NO_WAY_UP, LabelValue
from fairlead.api.modeluri import ModelUri
from fairlead.api.rules import matching, rule


class ModelSource(Part):
    """The model: where its files are and what it is called."""

    must_hold = (
        rule(
            "model.fetch says how files are fetched, and these are not: with pvc:// they are mounted, and without "
            "model.uri they are in the server's image; remove it",
            "!has(self.fetch) || has(self.uri) && !self.uri.startsWith('pvc://')",
            lambda self: self.fetch is None or (self.uri is not None and not self.uri.startswith("pvc://")),
            "fetch",
        ),
        rule(
            "model.fetch.space is how much an emptyDir may hold, and model.fetch.cacheClaim puts the files elsewhere; "
            "remove one",
            "!has(self.fetch) || !has(self.fetch.space) || !has(self.fetch.cacheClaim)",
            lambda self: self.fetch is None or self.fetch.space is None or self.fetch.cache_claim is None,
            "fetch.space",
        ),
    )

    uri: ModelUri | None = Field(
        default=None,
        description="Where the files are. Mounted: pvc://claim/folder (pvc://claim: the whole claim), "
        "oci://registry/repository:tag as an image volume (with fetch, or where the cluster cannot, fetched). Fetched "
        "into every pod: hf://organisation/name@revision, s3://bucket/folder, gs://bucket/folder, "
        "az://container/folder, https://host/file, mlflow://name/version or mlflow://name@alias. What a branch, tag, "
        "alias or folder means is looked up when a revision is made, and its pods get that ever after. Absent: they "
        "are inside the server's image.",
    )
    fetch: Fetch | None = Field(default=None, description="How the files are fetched; also makes oci:// be fetched.")
    name: (
        Annotated[
            str,
            Field(max_length=128),
            matching(
                "[A-Za-z0-9]([-A-Za-z0-9_.:/]*[A-Za-z0-9])?",
                "must be letters, digits, '-', '_', '.', ':' and '/', with a letter or digit at both ends",
            ),
            NO_WAY_UP,
        ]
        | None
    ) = Field(default=None, description="Name under which the server serves it; absent: the name of this resource.")
    version: LabelValue | None = Field(
        default=None, description="Free label of this version, shown in status and on pods."
    )

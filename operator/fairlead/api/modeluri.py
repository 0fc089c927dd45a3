"""model.uri: where the files of a model are."""

from typing import Annotated

from pydantic import Field

from fairlead.api.forms import IMAGE
from fairlead.api.rules import Rule, matching, rule


def _of_scheme(scheme: str, pattern: str, message: str) -> Rule:
    """A rule for URIs of one scheme; silent about all others."""
    whole = matching(f"{scheme}://({pattern})", message)
    return rule(
        message,
        f"!self.startsWith('{scheme}://') || {whole.cel}",
        lambda uri: not uri.startswith(f"{scheme}://") or whole.problem(uri) is None,
    )


ModelUri = Annotated[
    str,
    Field(max_length=512),
    rule(
        "must begin with pvc:// (pvc://claim/folder: a folder on a PersistentVolumeClaim) or oci:// "
        "(oci://registry/repository:tag: an image with the model's files); leave it out when the server has the model "
        "in its image or fetches it by itself",
        "self.startsWith('pvc://') || self.startsWith('oci://')",
        lambda uri: uri.startswith(("pvc://", "oci://")),
    ),
    _of_scheme(
        "pvc",
        r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/[^/\s:]+)*/?",
        "must name a PersistentVolumeClaim, and a folder on it unless all of it is meant, such as pvc://models/fraud/7",
    ),
    rule(
        "must not contain '..'; write the folder's full path",
        "!self.contains('/../') && !self.endsWith('/..')",
        lambda uri: "/../" not in uri and not uri.endswith("/.."),
    ),
    _of_scheme("oci", IMAGE, "must name an image after oci://, such as oci://registry.example/models/fraud:7"),
]

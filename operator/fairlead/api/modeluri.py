"""model.uri: where the files of a model are."""

import re
from typing import Annotated

from pydantic import Field

from fairlead.api.forms import IMAGE
from fairlead.api.rules import Rule, matching, rule

FETCHED = ("hf", "s3", "gs", "az", "https", "http", "mlflow")
"""Schemes whose files have to be fetched into the pod."""
MOUNTED = ("pvc", "oci")
"""Schemes whose files can be mounted as they are."""

_SHA256 = "@sha256:[0-9a-f]{64}"
_FIXED = {
    "hf": re.compile("hf://[^@]+@[0-9a-f]{40}"),
    "oci": re.compile(f"oci://.+{_SHA256}"),
    "mlflow": re.compile("mlflow://[^/@]+/[0-9]+"),
}
_FIXED_LISTING = re.compile(f".+{_SHA256}")


def scheme_of(uri: str) -> str:
    """`hf://org/name` → `hf`."""
    return uri.partition("://")[0]


def shown(uri: str) -> str:
    """For people, without its query: what signs an address is in there."""
    address, mark, query = uri.partition("?")
    pin = re.search(f"{_SHA256}$", query)
    return f"{address}{mark}…{pin[0] if pin else ''}" if mark else address


def is_floating(uri: str) -> bool:
    """Whether the same URI may mean other bytes tomorrow. Of a claim nobody can know, and it counts as fixed."""
    scheme = scheme_of(uri)
    return scheme != "pvc" and _FIXED.get(scheme, _FIXED_LISTING).fullmatch(uri) is None


def _of_scheme(scheme: str, pattern: str, message: str) -> Rule:
    """A rule for URIs of one scheme; silent about all others."""
    whole = matching(f"{scheme}://({pattern})", message)
    return rule(
        message,
        f"!self.startsWith('{scheme}://') || {whole.cel}",
        lambda uri: not uri.startswith(f"{scheme}://") or whole.problem(uri) is None,
    )


def _bucket(scheme: str, what: str, name: str) -> Rule:
    return _of_scheme(
        scheme,
        r"[A-Za-z0-9][-A-Za-z0-9._]*(/[^\s#]*)?",
        f"must name {what}, and a folder or a file in it, such as {scheme}://{name}/fraud/7: no spaces, no '#'",
    )


def _web(scheme: str) -> Rule:
    return _of_scheme(
        scheme,
        r"[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:[0-9]{1,5})?/[^\s#]+",
        f"must be the address of one file, such as {scheme}://models.example/fraud-7.tar.gz: no spaces, no '#', and no "
        "user and password (those belong in the Secret of model.fetch.secretName)",
    )


_SCHEMES = tuple(f"{scheme}://" for scheme in (*MOUNTED, *FETCHED))

ModelUri = Annotated[
    str,
    Field(max_length=1024),
    rule(
        "must begin with oci:// (an image with the files), pvc:// (a PersistentVolumeClaim), hf:// (Hugging Face), "
        "s3://, gs:// or az:// (a bucket), https:// (one file) or mlflow:// (a registered model); leave it out when "
        "the model is in the server's image",
        " || ".join(f"self.startsWith('{scheme}')" for scheme in _SCHEMES),
        lambda uri: uri.startswith(_SCHEMES),
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
    _of_scheme(
        "hf",
        "[A-Za-z0-9][-A-Za-z0-9._]*(/[A-Za-z0-9][-A-Za-z0-9._]*)?(@[A-Za-z0-9][-A-Za-z0-9._/]*)?",
        "must name a repository of Hugging Face, and a branch, tag or commit unless main is meant, such as "
        "hf://organisation/name@v1.0",
    ),
    _bucket("s3", "a bucket", "models"),
    _bucket("gs", "a bucket", "models"),
    _bucket("az", "a container", "models"),
    _web("https"),
    _web("http"),
    _of_scheme(
        "mlflow",
        r"[^\s/@:#]+(/[0-9]{1,9}|@[^\s/@:#]+)",
        "must name a registered model, and a version or an alias, such as mlflow://fraud/7 or mlflow://fraud@champion",
    ),
]

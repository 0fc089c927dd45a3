"""Texts that have a form: names, labels, images, paths, and the sentences that say what is wrong with them."""

import re
from typing import Annotated

from pydantic import Field

from fairlead.api.rules import every_key, matching, rule

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
DOMAIN = rf"{_LABEL}(\.{_LABEL})*"
QUALIFIED_NAME = rf"({DOMAIN}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?"
_A_QUALIFIED_NAME = (
    "a name such as team or example.com/team: at most 63 letters, digits, '-', '_' and '.' after the '/'"
)

ObjectName = Annotated[
    str,
    Field(max_length=253),
    matching(DOMAIN, "must be a name of lower-case letters, digits, '-' and '.', with a letter or digit at both ends"),
]
DnsLabel = Annotated[
    str,
    Field(max_length=63),
    matching(_LABEL, "must be lower-case letters, digits and '-', with a letter or digit at both ends"),
]
QualifiedName = Annotated[
    str,
    Field(max_length=317),
    matching(QUALIFIED_NAME, f"must be {_A_QUALIFIED_NAME}"),
]
LabelValue = Annotated[
    str,
    Field(max_length=63),
    matching(
        "([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?",
        "must be letters, digits, '-', '_' and '.', with a letter or digit at both ends",
    ),
]
RevisionName = Annotated[str, Field(min_length=1, max_length=63)]
LABEL_KEYS = every_key(
    f"key '<key>' must be {_A_QUALIFIED_NAME}",
    f"k.matches(r'^({QUALIFIED_NAME})$')",
    lambda _, key: re.fullmatch(QUALIFIED_NAME, key, re.ASCII) is not None,
)
RESERVED_KEYS = every_key(
    "key '<key>' must not be set here: keys of fairlead.dev and app.kubernetes.io belong to Fairlead",
    "!k.startsWith('fairlead.dev/') && !k.startsWith('app.kubernetes.io/')",
    lambda _, key: not key.startswith(("fairlead.dev/", "app.kubernetes.io/")),
)
Labels = Annotated[dict[str, LabelValue], Field(max_length=32), LABEL_KEYS]

Folder = Annotated[
    str,
    Field(max_length=256),
    matching(
        r"(/\.?[A-Za-z0-9_-][A-Za-z0-9._-]*)+",
        "must be a full path such as /mnt/models: letters, digits, '.', '_' and '-' between slashes, no '..', no "
        "slash at the end",
    ),
]
"""An absolute path inside the container. A shell may read it, so it holds nothing that a shell takes for more."""


def is_inside(path: str, folder: str) -> bool:
    """Whether a path is the folder itself or lies below it."""
    return path == folder or path.startswith(f"{folder}/")


def cel_is_inside(path: str, folder: str) -> str:
    """The same in CEL."""
    return f"({path} == {folder} || {path}.startsWith({folder} + '/'))"


SubPath = Annotated[
    str,
    Field(max_length=256),
    matching(
        r"\.?[^\s/:.][^\s/:]*(/\.?[^\s/:.][^\s/:]*)*",
        "must be a path inside the volume such as models/fraud: no slash at either end, no '..', no spaces",
    ),
]

PLACEHOLDERS = ("{model.path}", "{model.name}", "{model.version}")


def _without_placeholders(text: str) -> str:
    for placeholder in PLACEHOLDERS:
        text = text.replace(placeholder, "")
    return text


KNOWN_PLACEHOLDERS = rule(
    f"must hold no placeholders but {', '.join(PLACEHOLDERS)}",
    "!self" + "".join(f".replace('{known}', '')" for known in PLACEHOLDERS) + r".matches(r'\{model\.[A-Za-z]*\}')",
    lambda text: re.search(r"\{model\.[A-Za-z]*\}", _without_placeholders(text)) is None,
)

_PATH = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
_TAG = r":[A-Za-z0-9_][-A-Za-z0-9_.]{0,127}"
IMAGE = rf"([A-Za-z0-9][-A-Za-z0-9.]*(:[0-9]+)?/)?{_PATH}(/{_PATH})*({_TAG})?(@sha256:[0-9a-f]{{64}})?"
"""A reference as the distribution project defines it (github.com/distribution/reference)."""

Image = Annotated[
    str,
    Field(max_length=512),
    matching(
        IMAGE,
        "must be an image such as registry.example/team/server:1.2 or …/server@sha256:…, without https://, and without "
        "capital letters in its path",
    ),
]
Argument = Annotated[str, Field(max_length=4096), KNOWN_PLACEHOLDERS]
NO_WAY_UP = rule(
    "must not contain '..' or '%2e'; write the full path",
    "!self.contains('..') && !self.lowerAscii().contains('%2e')",
    lambda text: ".." not in text and "%2e" not in text.lower(),
)
"""A path that is asked through the API server's pod proxy must not lead to another pod."""

UrlPath = Annotated[
    str,
    Field(max_length=1024),
    matching(r"/[^\s#]*", "must be a path that begins with '/', such as /healthz: no host, no port, no spaces"),
    NO_WAY_UP,
    KNOWN_PLACEHOLDERS,
]
DataKey = Annotated[
    str, Field(max_length=253), matching("[-._a-zA-Z0-9]+", "must be a key: letters, digits, '-', '_' and '.'")
]
EnvName = Annotated[
    str,
    Field(max_length=256),
    matching(
        "[-._a-zA-Z][-._a-zA-Z0-9]*",
        "must be a variable's name such as HTTP_PROXY: letters, digits, '_', '-' and '.', no digit at the beginning",
    ),
]
FieldPath = Annotated[
    str,
    Field(max_length=400),
    matching(
        # A quotation mark is \x27, since the expression stands between such marks in CEL.
        r"metadata\.(name|namespace|uid|(labels|annotations)\[\x27[^\x27]+\x27\])|spec\.(nodeName|serviceAccountName)"
        r"|status\.(hostIPs?|podIPs?)",
        "must be a field that pods offer: metadata.name, metadata.namespace, metadata.uid, metadata.labels['…'], "
        "metadata.annotations['…'], spec.nodeName, spec.serviceAccountName, status.hostIP, status.podIP",
    ),
]

"""Names, labels and annotations of everything that Fairlead makes. They are made here and nowhere else."""

from collections.abc import Mapping
from typing import Any

FIELD_MANAGER = "fairlead"
DOMAIN = "fairlead.dev"

MODEL = f"{DOMAIN}/model"
"""Label of every object and pod of a model; its value is the model's name. The watches select by it."""
REVISION = f"{DOMAIN}/revision"
"""Label of every object and pod of one revision; its value is the revision's name."""
STABLE = f"{DOMAIN}/stable"
"""Label of a Service that sends clients to several revisions: the one of them that is the stable one."""
WISH = f"{DOMAIN}/wish"
"""Label of a revision's ControllerRevision and Deployment: hash of the part of the spec that it was made for."""

SERIES_MODEL = "modeldeployment"
"""Label of every series of a model in Prometheus; its value is the model's name."""
SERIES_REVISION = "revision"
"""The same for the revision."""

MONITORED = f"{DOMAIN}/monitored-by"
"""Label of what tells Prometheus of a model: hash of the names of the user's labels on it, so that one that is not
wanted any more is seen to be. On a Service: whether it has annotations for Prometheus, or had them."""

SCRAPED = "prometheus.io/"
"""Beginning of the annotations that many configurations of Prometheus go by."""

VERSION = "app.kubernetes.io/version"
"""Label that tells people the model's own version."""

CONTAINER = "server"
"""Name of the model server's container."""
FETCH = "fetch"
"""Name of the container that fetches the model's files, or looks up where they are."""
VOLUME = "model"
"""Name of the volume with the model's files."""

HASH_LENGTH = 8


def revision_name(model: str, digest: str) -> str:
    """`fraud`, `5d9c7a01…` → `fraud-5d9c7a01`."""
    return f"{model}-{digest[:HASH_LENGTH]}"


def rules_name(model: str) -> str:
    """`fraud` → `fraud-rules`, a ConfigMap: the model's own name is often taken by one."""
    return f"{model}-rules"


def labels(model: str, revision: str | None = None, version: str | None = None) -> dict[str, str]:
    """Labels of an object of a model, or of one revision of it."""
    found = {
        "app.kubernetes.io/name": model,
        "app.kubernetes.io/component": "model-server",
        "app.kubernetes.io/managed-by": "fairlead",
        MODEL: model,
    }
    if version:
        found[VERSION] = version
    if revision:
        found[REVISION] = revision
    return found


def selector(model: str, revision: str) -> dict[str, str]:
    """What selects the pods of one revision."""
    return {MODEL: model, REVISION: revision}


def model_of(metadata: Mapping[str, Any]) -> str | None:
    """Name of the model that an object belongs to by its label, or None."""
    name = (metadata.get("labels") or {}).get(MODEL)
    return name if isinstance(name, str) else None


def pod_label_selector(model: str) -> str:
    """The selector of the scale subresource, as text."""
    return f"{MODEL}={model}"

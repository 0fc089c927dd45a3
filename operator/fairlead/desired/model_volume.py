"""How the model's files reach the server: a claim, an image volume, or the server's own image."""

from typing import Any

from fairlead.api.modeldeployment import ModelSource
from fairlead.api.names import VOLUME


def source_kind(model: ModelSource) -> str | None:
    """`pvc`, `oci`, or None when the model is inside the image."""
    return model.uri.partition("://")[0] if model.uri else None


def model_volume(model: ModelSource) -> dict[str, Any] | None:
    """The pod's volume with the model, or None when it is inside the image."""
    match source_kind(model), _rest(model):
        case "pvc", rest:
            return {"name": VOLUME, "persistentVolumeClaim": {"claimName": rest.partition("/")[0], "readOnly": True}}
        case "oci", rest:
            return {"name": VOLUME, "image": {"reference": rest, "pullPolicy": _pull_policy(rest)}}
        case _:
            return None


def model_mount(model: ModelSource, path: str) -> dict[str, Any] | None:
    """Where that volume appears in the server."""
    if source_kind(model) is None:
        return None
    mount: dict[str, Any] = {"name": VOLUME, "mountPath": path, "readOnly": True}
    folder = _rest(model).partition("/")[2].strip("/") if source_kind(model) == "pvc" else ""
    return mount | ({"subPath": folder} if folder else {})


def _rest(model: ModelSource) -> str:
    return (model.uri or "").partition("://")[2]


def _pull_policy(reference: str) -> str:
    """What the API server would fill in by itself: Always for `latest`, IfNotPresent otherwise."""
    name = reference.partition("@")[0].rpartition("/")[2]
    floating = "@" not in reference and (":" not in name or name.endswith(":latest"))
    return "Always" if floating else "IfNotPresent"

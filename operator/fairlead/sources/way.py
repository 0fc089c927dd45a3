"""How the files of a model reach its server."""

from enum import StrEnum

from fairlead.api.model import ModelSource
from fairlead.api.modeluri import scheme_of
from fairlead.site import Site


class Way(StrEnum):
    """A way for files to reach the server."""

    IN_IMAGE = "InImage"
    """They are in the server's image, or it fetches them by itself."""
    CLAIM = "Claim"
    """They are on a PersistentVolumeClaim."""
    IMAGE_VOLUME = "ImageVolume"
    """They are in an image that the kubelet pulls and mounts."""
    FETCHED = "Fetched"
    """A container fetches them before the server starts."""


def way_of(model: ModelSource, site: Site) -> Way:
    """The way of this model, in this cluster."""
    match source_kind(model):
        case None:
            return Way.IN_IMAGE
        case "pvc":
            return Way.CLAIM
        case "oci" if model.fetch is None and site.fetching.image_volumes:
            return Way.IMAGE_VOLUME
        case _:
            return Way.FETCHED


def source_kind(model: ModelSource) -> str | None:
    """What a ModelRuntime calls this kind of source; None when the model is inside the image."""
    scheme = scheme_of(model.uri) if model.uri else None
    return "https" if scheme == "http" else scheme

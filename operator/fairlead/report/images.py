"""Which image the kubelet could not pull: it tells of an image volume as if it were the container's own."""

import re

from fairlead.api import names
from fairlead.situation import Manifest


def pulled(pod: Manifest, container: Manifest, words: str) -> str:
    """What the kubelet could not pull.

    It tells of an image volume as if it were the container's image: only the reference in its words says which it is.
    """
    image = str(container.get("image"))
    if not _names(words, image):
        for volume in volumes_of(pod):
            reference = str((volume.get("image") or {}).get("reference") or "")
            if reference and _names(words, reference):
                files = f"the model oci://{reference}"
                return files if volume["name"] == names.VOLUME else f"image {reference} of volume {volume['name']}"
    return f"image {image}"


def _names(words: str, reference: str) -> bool:
    """Whether this very reference is named; the kubelet writes out docker.io/library/ and :latest."""
    pattern = rf"(?<![-\w.:@])(docker\.io/(library/)?)?{re.escape(reference)}(:latest)?(?![-\w/@]|[.:]\w)"
    return re.search(pattern, words) is not None


def volumes_of(pod: Manifest) -> tuple[Manifest, ...]:
    """The volumes of a pod."""
    return tuple((pod.get("spec") or {}).get("volumes") or ())

"""What the layers of a manifest are for the folder: files by their titles, archives, or the layers of an image."""

from collections.abc import Callable, Mapping
from typing import Any

from fairlead_fetch.report import Refused
from fairlead_fetch.source import Item, Unpacking

IMAGE_CONFIGS = ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")
TITLE = "org.opencontainers.image.title"
MODEL_PATH = "org.cncf.model.filepath"  # of the CNCF's model format, for layers that are one file
UNPACK = "io.deis.oras.content.unpack"  # by which oras tells a folder from a file that happens to be an archive

Layer = Mapping[str, Any]


def items_of(manifest: Mapping[str, Any], whose: str, log: Callable[[str], None]) -> list[Item]:
    """Raises `Refused` when there is nothing in it that can be used."""
    layers: list[Layer] = manifest.get("layers") or []
    titled = any(_title(layer) for layer in layers)
    of_image = not titled and manifest.get("config", {}).get("mediaType") in IMAGE_CONFIGS
    items = []
    for number, layer in enumerate(layers, start=1):
        if layer.get("urls"):
            raise Refused(f"layer {number} of {whose} is kept outside of the registry: push it with its layers")
        item = _item(layer, number, of_image)
        if item:
            items.append(item)
        else:
            log(f"layer {number} of {whose} has no title and is no archive ({layer.get('mediaType')}): left out")
    if not items:
        raise Refused(f"{whose} has no layers with files: push the model as an image, or with oras")
    return items


def _item(layer: Layer, number: int, of_image: bool) -> Item | None:
    title, kind = _title(layer), str(layer.get("mediaType", ""))
    digest, size = str(layer["digest"]), int(layer["size"])
    if title and not (_is_tar(kind) and (layer.get("annotations") or {}).get(UNPACK) == "true"):
        return Item(path=title.removeprefix("./"), where=digest, size=size, digest=digest)
    if title or _is_tar(kind):
        unpacking = Unpacking(folder=title.removeprefix("./"), of_image=of_image)
        return Item(path=f"layer {number}", where=digest, size=size, digest=digest, unpack=unpacking)
    return None


def _title(layer: Layer) -> str:
    annotations = layer.get("annotations") or {}
    raw = "" if _is_tar(str(layer.get("mediaType", ""))) else annotations.get(MODEL_PATH, "")
    return str(annotations.get(TITLE) or raw)


def _is_tar(kind: str) -> bool:
    """By the end of the media type: `….tar`, `….tar+gzip`, `….tar+zstd`, Docker's `….tar.gzip`."""
    return kind.endswith((".tar", ".tar+gzip", ".tar+zstd", ".tar.gzip", ".tar.zstd"))

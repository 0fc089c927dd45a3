"""Archives and the layers of images, as tools make them and as attackers would."""

import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from typing import Any

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"

Member = tuple[str, bytes] | tarfile.TarInfo


def tar(*members: Member) -> bytes:
    """Files by name and content, or whatever a TarInfo describes."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as files:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                files.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                files.addfile(info, io.BytesIO(member[1]))
    return archive.getvalue()


def tgz(*members: Member) -> bytes:
    return gzip.compress(tar(*members), mtime=0)


def zipped(*members: tuple[str, bytes], mode: int = 0o100644) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            files.writestr(info, content)
    return archive.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def link(name: str, target: str) -> tarfile.TarInfo:
    return special(name, tarfile.SYMTYPE, target)


def hard_link(name: str, target: str) -> tarfile.TarInfo:
    return special(name, tarfile.LNKTYPE, target)


def manifest(
    blob: Callable[..., dict[str, Any]], layers: list[dict[str, Any]], config: str = CONFIG, content: bytes = b"{}"
) -> dict[str, Any]:
    """Of an image, or with an empty configuration of an artifact."""
    return {"schemaVersion": 2, "mediaType": IMAGE, "config": blob(content, config), "layers": layers}


def image_config(*layers: bytes) -> bytes:
    """What a container runtime wants to know of an image: its layers, each a tar that is not compressed."""
    digests = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
    rootfs = {"type": "layers", "diff_ids": digests}
    return json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}).encode()

"""OCI image archives of one layer, written without any tool. Not compressed: they never leave the machine."""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

from localcluster.binaries import architecture
from localcluster.nodefiles import PAUSE
from localcluster.places import IMAGES, ClusterError

MEDIA = "application/vnd.oci.image"


def pause_image(program: Path) -> Path:
    """The image that holds a pod's network open."""
    archive = IMAGES / f"{program.parent.name}.tar"
    if not archive.exists():
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as files:
            _add(files, "pause", program.read_bytes(), mode=0o755)
        write_image(archive, PAUSE, layer.getvalue(), {"Entrypoint": ["/pause"], "User": "65535:65535"})
    return archive


def write_image(archive: Path, name: str, layer: bytes, config: dict[str, Any]) -> None:
    image = {
        "architecture": architecture(),
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{MEDIA}.manifest.v1+json",
        "config": _described(_json(image), "config.v1+json"),
        "layers": [_described(layer, "layer.v1.tar")],
    }
    entry = _described(_json(manifest), "manifest.v1+json") | {"annotations": {"io.containerd.image.name": name}}
    index = {"schemaVersion": 2, "manifests": [entry]}
    archive.parent.mkdir(parents=True, exist_ok=True)
    partial = archive.with_suffix(".partial")
    with tarfile.open(partial, "w") as files:
        _add(files, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(files, "index.json", _json(index))
        for blob in (_json(image), _json(manifest), layer):
            _add(files, f"blobs/{_digest(blob).replace(':', '/')}", blob)
    partial.rename(archive)


def image_in(archive: Path) -> tuple[str, str]:
    """Name and digest of the image in an OCI archive; one that Docker saved may have no digest."""
    with tarfile.open(archive) as files:
        names = files.getnames()
        entry = _read(files, "index.json")["manifests"][0] if "index.json" in names else {}
        annotations = entry.get("annotations", {})
        name = annotations.get("io.containerd.image.name") or annotations.get("org.opencontainers.image.ref.name")
        if "manifest.json" in names:
            name = _read(files, "manifest.json")[0]["RepoTags"][0]
    if not name or ":" not in name:
        raise ClusterError(f"the image in {archive} has no name")
    return name, entry.get("digest", "")


def _described(blob: bytes, kind: str) -> dict[str, Any]:
    return {"mediaType": f"{MEDIA}.{kind}", "digest": _digest(blob), "size": len(blob)}


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode()


def _read(files: tarfile.TarFile, path: str) -> Any:
    content = files.extractfile(path)
    return json.load(content) if content else {}


def _add(files: tarfile.TarFile, path: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(content), mode
    files.addfile(entry, io.BytesIO(content))

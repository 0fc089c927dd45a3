"""How the model's files reach the server: a claim, an image volume, what was fetched, or the server's own image."""

from dataclasses import dataclass
from typing import Any

from fairlead.api.modeldeployment import ModelDeployment
from fairlead.api.names import VOLUME
from fairlead.api.revision import digest
from fairlead.site import Fetching, Site
from fairlead.sources.container import fetching_container, fetching_volumes, patterns
from fairlead.sources.fetched import FETCH_PORT
from fairlead.sources.way import Way, way_of

PLACE = "/mnt/fetched"


@dataclass(frozen=True, kw_only=True)
class Files:
    """A model's part of its pods: `mount` is the server's, and `before` runs before the server."""

    volumes: tuple[dict[str, Any], ...] = ()
    mount: dict[str, Any] | None = None
    before: tuple[dict[str, Any], ...] = ()


def model_files(model: ModelDeployment, path: str, site: Site, uri: str | None) -> Files:
    """The files at `uri`, which is model.uri or what that was found to be, at this path of the server."""
    rest = (uri or "").partition("://")[2]
    match way_of(model.spec.model, site):
        case Way.CLAIM:
            claim, _, folder = rest.partition("/")
            volume = {"name": VOLUME, "persistentVolumeClaim": {"claimName": claim, "readOnly": True}}
            return Files(volumes=(volume,), mount=_mount(path, folder.strip("/")))
        case Way.IMAGE_VOLUME:
            image = {"reference": rest, "pullPolicy": _pull_policy(rest)}
            return Files(volumes=({"name": VOLUME, "image": image},), mount=_mount(path, ""))
        case Way.FETCHED:
            return _fetched(model, path, site.fetching, uri or "")
        case Way.IN_IMAGE:
            return Files()


def _fetched(model: ModelDeployment, path: str, fetching: Fetching, uri: str) -> Files:
    """Fetched into a folder of its own, of which the server sees the finished files alone."""
    fetch = model.spec.model.fetch
    claim = fetch.cache_claim if fetch else None
    checksum = [f"--checksum={fetch.checksum}"] if fetch and fetch.checksum else []
    # On a claim that all share, the folder is named after everything that makes a difference to what is in it.
    wanted = [*checksum, *patterns(model)]
    folder = digest([uri, *wanted])[:32] if claim else "model"
    limit = {"sizeLimit": fetch.space} if fetch and fetch.space else {}
    where: dict[str, Any] = {"persistentVolumeClaim": {"claimName": claim}} if claim else {"emptyDir": limit}
    args = ["fetch", uri, f"{PLACE}/{folder}", *wanted, f"--listen={FETCH_PORT}"]
    container = fetching_container(model, fetching, args, ({"name": VOLUME, "mountPath": PLACE},))
    return Files(
        volumes=({"name": VOLUME, **where}, *fetching_volumes(model)),
        mount=_mount(path, f"{folder}/files"),
        before=(container,),
    )


def _mount(path: str, folder: str) -> dict[str, Any]:
    mount: dict[str, Any] = {"name": VOLUME, "mountPath": path, "readOnly": True}
    return mount | ({"subPath": folder} if folder else {})


def _pull_policy(reference: str) -> str:
    """What the API server would fill in by itself: Always for `latest`, IfNotPresent otherwise."""
    name = reference.partition("@")[0].rpartition("/")[2]
    floating = "@" not in reference and (":" not in name or name.endswith(":latest"))
    return "Always" if floating else "IfNotPresent"

"""How the model's files reach the server: a claim, an image volume, what was fetched, or the server's own image."""

from dataclasses import dataclass
from typing import Any

from fairlead.api.modeldeployment import ModelDeployment
from fairlead.api.names import VOLUME
from fairlead.api.quantity import quantity_value
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
    wanted = [*checksum, *patterns(model)]
    limit = {"sizeLimit": fetch.space} if fetch and fetch.space else {}
    space = [f"--space={int(quantity_value(fetch.space))}"] if fetch and fetch.space else []
    where: dict[str, Any] = {"persistentVolumeClaim": {"claimName": claim}} if claim else {"emptyDir": limit}
    folder = _shared_folder(model, fetching, [uri, *wanted]) if claim else "model"
    args = ["fetch", uri, f"{PLACE}/{folder}", *wanted, *space, f"--listen={FETCH_PORT}"]
    container = fetching_container(model, fetching, args, ({"name": VOLUME, "mountPath": PLACE},))
    return Files(
        volumes=({"name": VOLUME, **where}, *fetching_volumes(model)),
        mount=_mount(path, f"{folder}/files"),
        before=(container,),
    )


def _shared_folder(model: ModelDeployment, fetching: Fetching, wanted: list[str]) -> str:
    """On a claim that all share it is named after all that may make a difference to what is in it.

    `mlflow://fraud/7` is another model on another server, and which server that is says the environment, or the Secret.
    """
    fetch = model.spec.model.fetch
    told = fetch.model_dump(mode="json", include={"env", "secret_name"}) if fetch else {}
    return digest([wanted, told, list(fetching.env)])[:32]


def _mount(path: str, folder: str) -> dict[str, Any]:
    mount: dict[str, Any] = {"name": VOLUME, "mountPath": path, "readOnly": True}
    return mount | ({"subPath": folder} if folder else {})


def _pull_policy(reference: str) -> str:
    """What the API server would fill in by itself: Always for `latest`, IfNotPresent otherwise."""
    name = reference.partition("@")[0].rpartition("/")[2]
    floating = "@" not in reference and (":" not in name or name.endswith(":latest"))
    return "Always" if floating else "IfNotPresent"

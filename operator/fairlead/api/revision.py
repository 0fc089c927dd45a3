"""A revision: an immutable snapshot of what makes the pods of a model, stored as a ControllerRevision.

It holds the rendered pod template, so that neither a new operator nor a changed ModelRuntime restarts a model.
"""

import copy
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from fairlead.api import names
from fairlead.api.fields import Part
from fairlead.api.kinds import CONTROLLER_REVISION, DEPLOYMENT, Kind
from fairlead.api.metrics import MetricsProfile
from fairlead.api.server import Ports


def digest(value: Any) -> str:
    """Hex SHA-256 of a JSON value, the same for the same content whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class SourceRecord(Part):
    """Where the files of a revision come from: what the user wrote, and what that meant when it was made.

    `resolved` means the same bytes for ever; without it, `unresolved` says why that could not be found out.
    """

    uri: str
    resolved: str | None = None
    files: int | None = None
    bytes: int | None = None
    unresolved: str | None = None


class Snapshot(Part):
    """What a revision is made of. Its hash is the revision's name, so it never changes.

    `inputs` is what the user asked for (the parts of the spec that make pods different), `template` the pod template
    without the labels that name the revision, `serving_path` the URL path of Fairlead's own request,
    `metrics` the series by which it is judged, `source` where its files come from, as far as that was looked up.
    """

    inputs: dict[str, Any]
    template: dict[str, Any]
    ports: Ports
    serving_path: str | None = None
    metrics: MetricsProfile | None = None
    model_version: str | None = None
    source: SourceRecord | None = None

    def data(self) -> dict[str, Any]:
        """The snapshot as JSON, as it is stored."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A snapshot with its name. `number` orders the revisions of a model; the one that was wanted last
    has the greatest.

    `data` is the snapshot as it is stored, to the letter: a later version of Fairlead may know more fields, and what is
    stored cannot be changed.

    `wish` is the hash of what the user asked for. `recorded` is False for a revision whose ControllerRevision is lost,
    and that is known from its Deployment alone.
    """

    name: str
    number: int
    wish: str
    snapshot: Snapshot
    data: Mapping[str, Any]
    recorded: bool = True


def wish_digest(inputs: Mapping[str, Any]) -> str:
    """Hash of what the user asked for, short enough for a label value."""
    return digest(inputs)[:32]


def new_revision(model: str, number: int, snapshot: Snapshot) -> Revision:
    """A revision of a model, named after the hash of its content."""
    data = snapshot.data()
    name = names.revision_name(model, digest(data))
    return Revision(name=name, number=number, wish=wish_digest(snapshot.inputs), snapshot=snapshot, data=data)


def read_revision(controller_revision: Mapping[str, Any]) -> Revision | None:
    """The revision that a ControllerRevision stores; None when somebody else made it, or made it up."""
    metadata, data = controller_revision["metadata"], controller_revision.get("data") or {}
    if metadata["name"] != names.revision_name(names.model_of(metadata) or "", digest(data)):
        return None
    try:
        snapshot = Snapshot.model_validate(data)
    except ValidationError:
        return None
    number = int(controller_revision.get("revision") or 0)
    wish = wish_digest(snapshot.inputs)
    return Revision(name=metadata["name"], number=number, wish=wish, snapshot=snapshot, data=data)


def known_revisions(
    children: Mapping[tuple[Kind, str], Mapping[str, Any]],
    read: Callable[[Mapping[str, Any]], Revision | None] = read_revision,
) -> tuple[Revision, ...]:
    """The revisions of a model, from its live objects: those that are recorded, and those that can be recovered."""
    records = [read(live) for (kind, _), live in children.items() if kind == CONTROLLER_REVISION]
    known = {revision.name: revision for revision in records if revision is not None}
    for (kind, name), live in children.items():
        if kind == DEPLOYMENT and name not in known and (lost := recovered_revision(live)) is not None:
            known[name] = lost
    return tuple(known.values())


def recovered_revision(deployment: Mapping[str, Any]) -> Revision | None:
    """The revision behind a Deployment whose ControllerRevision is lost, so that it goes on serving as it is.

    None when it is no Deployment of ours, or was edited beyond recognition.
    """
    labels = deployment["metadata"].get("labels") or {}
    template = copy.deepcopy((deployment.get("spec") or {}).get("template") or {})
    (template.get("metadata") or {}).get("labels", {}).pop(names.REVISION, None)
    containers = (template.get("spec") or {}).get("containers") or []
    server = next((container for container in containers if container.get("name") == names.CONTAINER), None)
    if server is None or labels.get(names.REVISION) != deployment["metadata"]["name"]:
        return None
    ports = {port.get("name"): port.get("containerPort") for port in server.get("ports") or []}
    try:
        snapshot = Snapshot(inputs={}, template=template, ports=Ports(**ports), model_version=labels.get(names.VERSION))
    except ValidationError:
        return None
    name, wish = deployment["metadata"]["name"], str(labels.get(names.WISH) or "")
    return Revision(name=name, number=0, wish=wish, snapshot=snapshot, data={}, recorded=False)

"""Metadata that every object of a model has: name, namespace, labels, and the owner that it is deleted with."""

from collections.abc import Mapping
from typing import Any

from fairlead.api import names
from fairlead.api.kinds import MODEL_DEPLOYMENT, Kind
from fairlead.api.revision import Revision
from fairlead.situation import Identity


def manifest(kind: Kind, identity: Identity, name: str, revision: Revision | None = None) -> dict[str, Any]:
    """Kind and metadata of an object of a model, or of one revision of it."""
    version = revision.snapshot.model_version if revision else None
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {
            "name": name,
            "namespace": identity.namespace,
            "labels": names.labels(identity.name, revision.name if revision else None, version),
            "ownerReferences": [owner_reference(identity)],
        },
    }


def is_part_of(live: Mapping[str, Any], uid: str) -> bool:
    """Whether an object belongs to the ModelDeployment with this uid; an earlier one of its name has another."""
    references = live["metadata"].get("ownerReferences") or ()
    return any(reference.get("controller") and reference.get("uid") == uid for reference in references)


def owner_reference(identity: Identity) -> dict[str, Any]:
    """Makes an object part of its ModelDeployment: deleted with it, and claimed by nobody else.

    `blockOwnerDeletion` is left false: nothing has to be gone before the ModelDeployment may go.
    """
    return {
        "apiVersion": MODEL_DEPLOYMENT.api_version,
        "kind": MODEL_DEPLOYMENT.kind,
        "name": identity.name,
        "uid": identity.uid,
        "controller": True,
    }

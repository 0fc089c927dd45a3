"""The ControllerRevision that stores a revision."""

from typing import Any

from fairlead.api import names
from fairlead.api.kinds import CONTROLLER_REVISION
from fairlead.api.revision import Revision
from fairlead.metadata import manifest
from fairlead.situation import Identity


def controller_revision(identity: Identity, revision: Revision) -> dict[str, Any]:
    """The stored form of a revision."""
    built = manifest(CONTROLLER_REVISION, identity, revision.name, revision)
    built["metadata"]["labels"][names.WISH] = revision.wish
    return {**built, "revision": revision.number, "data": dict(revision.data)}

"""The ServiceAccount of a model: an identity without any rights."""

from typing import Any

from fairlead.api.kinds import SERVICE_ACCOUNT
from fairlead.metadata import manifest
from fairlead.situation import Identity


def service_account(identity: Identity) -> dict[str, Any]:
    """The ServiceAccount; its token is mounted nowhere."""
    return {**manifest(SERVICE_ACCOUNT, identity, identity.name), "automountServiceAccountToken": False}

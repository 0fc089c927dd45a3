"""The Kubernetes Event that tells of something that happened to a model."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fairlead.api.kinds import EVENT, MODEL_DEPLOYMENT
from fairlead.api.names import DOMAIN
from fairlead.plan import Event
from fairlead.situation import Identity

QUIET = timedelta(hours=1)


class Told:
    """Which Warnings were told lately: one of a reason that comes and goes is told once an hour for each generation.

    A container that fails over and over is failing, then starting, then failing; each of these is news by itself. Only
    this process remembers: the next leader tells anew what changes under it.
    """

    def __init__(self) -> None:
        self._at: dict[tuple[str, int, str], datetime] = {}

    def is_repeated(self, event: Event, identity: Identity, now: datetime) -> bool:
        """Whether to keep quiet about it; it counts as told otherwise."""
        self._at = {told: at for told, at in self._at.items() if now - at < QUIET}
        if event.type != "Warning":
            return False
        key = (identity.uid, identity.generation, event.reason)
        repeated = key in self._at
        self._at.setdefault(key, now)
        return repeated


def event_manifest(event: Event, identity: Identity, reporter: str, now: datetime) -> dict[str, Any]:
    """The manifest of an Event; `reporter` names the process that tells of it."""
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.kind,
        "metadata": {"generateName": f"{identity.name}-", "namespace": identity.namespace},
        "eventTime": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "type": event.type,
        "reason": event.reason,
        "action": event.action,
        "note": event.message.encode()[:1024].decode(errors="ignore"),
        "reportingController": f"{DOMAIN}/operator",
        "reportingInstance": reporter[:128],
        "regarding": {
            "apiVersion": MODEL_DEPLOYMENT.api_version,
            "kind": MODEL_DEPLOYMENT.kind,
            "name": identity.name,
            "namespace": identity.namespace,
            "uid": identity.uid,
        },
    }

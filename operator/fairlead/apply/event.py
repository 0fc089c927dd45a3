"""The Kubernetes Event that tells of something that happened to a model."""

from datetime import UTC, datetime
from typing import Any

from fairlead.api.kinds import EVENT, MODEL_DEPLOYMENT
from fairlead.api.names import DOMAIN
from fairlead.plan import Event
from fairlead.situation import Identity


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

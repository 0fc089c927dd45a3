"""OUT: everything that one decision changes, as a frozen value. Made by reconcile, carried out by apply/."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from fairlead.api.kinds import Kind
from fairlead.evidence.trial import Trial

Manifest = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Apply:
    """Make an object be so, by server-side apply; nothing is written when it is so already."""

    manifest: Manifest


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Set the number of replicas of a Deployment, by its scale subresource.

    Replicas are no part of what is applied: dropping an applied field, when an autoscaler takes over, would reset the
    number to 1 (kubernetes.io/docs/reference/using-api/server-side-apply, "Transferring ownership").
    """

    deployment: str
    replicas: int


@dataclass(frozen=True, kw_only=True)
class Delete:
    """Delete an object that was seen with this uid.

    `waits` says that it stays until what it has made is gone.
    """

    kind: Kind
    name: str
    uid: str
    waits: bool = False


Step = Apply | Scale | Delete


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened, told in the past tense; becomes a Kubernetes Event."""

    type: Literal["Normal", "Warning"]
    reason: str
    action: str
    message: str


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """Something for the operator's log: a sentence, and fields for programs."""

    message: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Steps in the order in which they are carried out, the status that is written after them, and when to look again.

    `look_again` is None when only a change can make a difference.
    """

    steps: tuple[Step, ...]
    status: Manifest
    events: tuple[Event, ...] = ()
    log: tuple[LogLine, ...] = ()
    look_again: timedelta | None = None
    revision: str | None = None
    trial: Trial | None = None

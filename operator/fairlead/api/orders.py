"""A person's orders: annotations of a ModelDeployment, bound to one revision: `fairlead.dev/abort: fraud-5d9c7a01`.

They are no part of the spec, so nothing that owns the spec puts them back. The value says which revision, and may say
when and by whom: `fraud-5d9c7a01 at 2026-01-05T09:00:00Z by jane@example.com`. The time makes a value new: the same
order given twice is two orders. The name comes last, since names may hold spaces.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from fairlead.api.names import DOMAIN

LONGEST = 512
"""Characters of a value that are read and remembered."""


class Action(StrEnum):
    """What a person may decide about a revision; the name of the annotation, after `fairlead.dev/`."""

    PROMOTE = "promote"
    """It takes over as soon as it has the pods for all traffic, whatever the evidence says."""
    APPROVE = "approve"
    """It may take over once the evidence is for it; spec.rollout.approval asks for that."""
    START = "start"
    """It is tried although too little of the error budget is left, or it is not known how much."""
    RESUME = "resume"
    """A pause that was ordered is over."""
    RETRY = "retry"
    """It has failed, and is tried anew."""
    PAUSE = "pause"
    """Its weight does not grow, and it is not promoted."""
    ABORT = "abort"
    """It is taken out of the traffic, and counts as failed."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """One order. `at` is when it was given, and `by` who gave it, where the value says so."""

    action: Action
    value: str
    revision: str
    at: datetime | None = None
    by: str | None = None


_NAME = r"[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]{1,256}"  # nothing that a terminal takes for more
_VALUE = re.compile(rf"(?P<revision>[a-z0-9][-a-z0-9]{{0,62}})( at (?P<at>[^ ]{{1,40}}))?( by (?P<by>{_NAME}))?")

GRAMMAR = "a revision's name, which `at TIME` and `by NAME` may follow"


def annotation(action: Action) -> str:
    """The annotation's name."""
    return f"{DOMAIN}/{action}"


def order_value(revision: str, at: datetime | None, by: str | None) -> str:
    """The annotation's value."""
    when = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else ""
    return revision + (f" at {when}" if when else "") + (f" by {by}" if by else "")


def read_order(action: Action, value: str) -> Order | None:
    """What a value orders; None when it cannot be read."""
    found = _VALUE.fullmatch(value.strip())
    if found is None:
        return None
    try:
        at = datetime.fromisoformat(found["at"]) if found["at"] else None
    except ValueError:
        return None
    if at is not None and at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return Order(action=action, value=value, revision=found["revision"], at=at, by=found["by"])

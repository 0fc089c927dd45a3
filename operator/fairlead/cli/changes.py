"""A model's changes as lines of text, one each: for logs, and for terminals that cannot be drawn on."""

from fairlead.api.history import EvidenceStatus
from fairlead.api.reasons import Reason
from fairlead.cli.standing import Standing
from fairlead.cli.told import e_value

NUMBERS = (Reason.ON_TRIAL, Reason.PROMOTING)
"""Reasons of Ready that say less than the numbers do."""


def change(found: Standing) -> str:
    """How a model stands, in one line. It is the same line while nothing changes."""
    head = f"{found.phase:<10} {found.named(found.canary or _stable(found))}"
    ready = found.condition("Ready")
    if found.outdated:
        return f"{head}: the spec is newer, and Fairlead has not looked at it yet"
    if found.evidence is None or ready is None or ready.reason not in NUMBERS:
        return f"{head}: {found.message}"
    return f"{head}  {numbers(found, found.evidence)}"


def numbers(found: Standing, evidence: EvidenceStatus) -> str:
    """Weight, evidence and counts of a trial."""
    weight = f"{found.weight or 0:.3g} % of the traffic"
    against = f"against {e_value(evidence.against)} of {evidence.against_limit}"
    asked = ", ".join(f"{cell.name} {e_value(cell.better or '0')}" for cell in evidence.asked)
    good = f"good enough {asked} of {evidence.better_limit}"
    bad = ", ".join(
        f"{cell.name} {cell.canary.bad}/{cell.canary.requests} beside {cell.stable.bad}/{cell.stable.requests}"
        for cell in evidence.asked
    )
    return " | ".join((weight, against, good, f"bad {bad}"))


def _stable(found: Standing) -> str | None:
    return found.status.stable.revision if found.status.stable else None

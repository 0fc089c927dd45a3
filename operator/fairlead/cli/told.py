"""What is told of a trial or of a decision, in words and in rows: the same for every command that tells of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from fairlead.api.history import ArmCounts, CellStatus, Decided, EvidenceStatus, Outcome
from fairlead.api.status import RolloutStatus, StableStatus, Status
from fairlead.api.times import format_time
from fairlead.cli.errors import CommandError

HEADINGS = ("", "canary", "stable", "worse", "× weight", "objective", "× weight", "good enough")

ENDED = {
    Outcome.PROMOTED: "took over production traffic",
    Outcome.ROLLED_BACK: "was rolled back",
    Outcome.ABORTED: "was taken out of its trial",
    Outcome.SUPERSEDED: "was superseded by another revision",
}


@dataclass(frozen=True, kw_only=True)
class Told:
    """A trial that is on, or a decision: sentences, the first of which is the gist, and the numbers."""

    canary: str
    stable: str | None
    sentences: tuple[str, ...]
    evidence: EvidenceStatus | None


def status_of(model: dict[str, Any]) -> Status:
    """The status of a ModelDeployment as the API server returns it. Raises CommandError."""
    try:
        return Status.model_validate(model.get("status") or {})
    except ValidationError as wrong:
        name = model["metadata"]["name"]
        raise CommandError(f"the status of ModelDeployment {name} cannot be read: {wrong}") from wrong


def told(name: str, status: Status, record: int | None = None) -> Told | None:
    """The trial that is on, or else the last decision; with `record`, that one, 1 being the last.

    None when nothing has been decided and nothing is on trial. Raises CommandError for a record that is not there.
    """
    rollout = status.rollout
    if record is not None:
        if not 1 <= record <= len(status.history):
            there = f"it has {len(status.history)}, and 1 is the last" if status.history else "it has none so far"
            raise CommandError(f"there is no record {record} of ModelDeployment {name}: {there}")
        return _decided(status.history[record - 1])
    if rollout is not None and rollout.evidence is not None and rollout.revision is not None:
        return _on_trial(status, rollout, rollout.revision)
    return _decided(status.history[0]) if status.history else None


def _on_trial(status: Status, rollout: RolloutStatus, canary: str) -> Told:
    weight = f", with {rollout.weight} % of the traffic" if rollout.weight else ""
    ready = next((found.message for found in status.conditions if found.type == "Ready"), "")
    gist = f"{canary} is on trial{weight}, beside {_name(status.stable)}."
    stable = status.stable.revision if status.stable else None
    return Told(canary=canary, stable=stable, sentences=(gist, ready), evidence=rollout.evidence)


def _decided(decided: Decided) -> Told:
    version = f" (version {decided.model_version})" if decided.model_version else ""
    ended = ENDED.get(decided.outcome, f"was {decided.outcome.lower()}")
    lasted = f", {decided.lasted} after it was asked for" if decided.lasted else ""
    weight = f" It had {decided.weight} % of the traffic." if decided.weight else ""
    return Told(
        canary=decided.revision,
        stable=decided.stable,
        sentences=(
            f"{decided.revision}{version} {ended} at {format_time(decided.time)}{lasted}.{weight}",
            f"Because: {decided.message} ({decided.reason})",
            f"Decided by: {decided.by or 'Fairlead'}",
            *([f"Approved by: {decided.approved_by}"] if decided.approved_by else []),
            *([f"Error budget left when it began: {decided.error_budget}"] if decided.error_budget else []),
        ),
        evidence=decided.evidence,
    )


def _name(stable: StableStatus | None) -> str:
    return stable.revision if stable else "nothing"


def evidence_of(found: EvidenceStatus) -> float:
    """The evidence for a rollback, computed again: the weighted sum over all cells."""
    compared = sum(float(cell.weight) * float(cell.worse) for cell in found.cells)
    return compared + sum(float(cell.beyond_weight or 0) * float(cell.beyond or 0) for cell in found.cells)


def counted(found: EvidenceStatus) -> str:
    """Where the numbers come from."""
    return f"Counted until {format_time(found.looked)}, from {found.source}: bad requests of all."


def conclusions(found: EvidenceStatus) -> Iterator[str]:
    """What follows from the numbers, computed again from them."""
    again, limit = evidence_of(found), found.against_limit
    yield f"Evidence for a rollback: the sum of all × weight is {again:.3g}; from {limit} on it is rolled back."
    yield from _measure(found)
    if not found.asked:
        return
    shown = f"not shown by {' and '.join(cell.name for cell in found.short)}" if found.short else "all have shown it"
    names = " and ".join(cell.name for cell in found.asked)
    yield f"Good enough to be promoted: {found.better_limit} or more in {names}; {shown}."


def _measure(found: EvidenceStatus) -> Iterator[str]:
    """What is the matter with the stable revision, as far as it changes the limits."""
    if found.unsteady is not None and float(found.unsteady) > 1:
        no_measure = float(found.unsteady) >= float(found.unsteady_limit or "inf")
        none = "; nothing is promoted meanwhile" if no_measure else ""
        yield (
            f"The stable pods differ among each other ({e_value(found.unsteady)} of {found.unsteady_limit}), "
            f"which raises the limit for a rollback as many times{none}."
        )
    if found.breaching:
        yield "The stable revision breaks its own objective: nothing is promoted meanwhile."


def e_value(number: str) -> str:
    """An e-value for people: beyond some size it says nothing more."""
    value = float(number)
    if value < 0.001:
        return "<0.001"
    if value >= 1e6:
        return ">1,000,000"
    return f"{value:,.0f}" if value >= 100 else number


def row(cell: CellStatus) -> tuple[str, ...]:
    """What a cell says, under HEADINGS."""
    return (
        cell.name,
        share(cell.canary),
        share(cell.stable),
        cell.worse,
        f"{float(cell.worse) * float(cell.weight):.3g}",
        cell.beyond or "",
        f"{float(cell.beyond) * float(cell.beyond_weight or 0):.3g}" if cell.beyond else "",
        cell.better or "",
    )


def share(counts: ArmCounts) -> str:
    """Bad requests of all, and in percent."""
    percent = f" ({100 * counts.bad / counts.requests:.3g} %)" if counts.requests else ""
    return f"{counts.bad} of {counts.requests}{percent}"

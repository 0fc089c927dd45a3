"""`fairlead why`: the trial that is on, or the last decision, in words and numbers, computed again from its record."""

import argparse
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from fairlead.api.history import ArmCounts, CellStatus, Decided, EvidenceStatus, Outcome
from fairlead.api.status import StableStatus, Status
from fairlead.api.times import format_time
from fairlead.cli.commands import Commands, about_one_model, asked_model
from fairlead.cli.errors import CommandError

HEADINGS = ("", "canary", "stable", "worse", "× weight", "objective", "× weight", "good enough")


def register(commands: Commands) -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "why",
        help="say why a revision was promoted or rolled back, or how its trial stands",
        description="Tells the last decision about a ModelDeployment, or the trial that is on, in words and in "
        "the numbers that it rests on, and computes the evidence again from them.",
    )
    about_one_model(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> str:
    return why(asked_model(options))


def why(model: dict[str, Any]) -> str:
    """What is to be told of a ModelDeployment as the API server returns it. Raises CommandError."""
    name = model["metadata"]["name"]
    try:
        status = Status.model_validate(model.get("status") or {})
    except ValidationError as wrong:
        raise CommandError(f"the status of ModelDeployment {name} cannot be read: {wrong}") from wrong
    rollout = status.rollout
    if rollout is not None and rollout.evidence is not None and rollout.revision is not None:
        weight = f", with {rollout.weight} % of the traffic" if rollout.weight else ""
        head = f"{rollout.revision} is on trial{weight}, beside {_name(status.stable)}."
        ready = next((found.message for found in status.conditions if found.type == "Ready"), "")
        return "\n".join((head, ready, "", *_evidence(rollout.evidence))) + "\n"
    if status.history:
        return "\n".join(_decision(status.history[0])) + "\n"
    serves = f"{_name(status.stable)} serves" if status.stable else "nothing serves yet"
    return f"No decision has been taken about {name} so far: {serves}, and nothing else was tried.\n"


def evidence_of(found: EvidenceStatus) -> float:
    """The evidence for a rollback, computed again: the weighted sum over all cells."""
    compared = sum(float(cell.weight) * float(cell.worse) for cell in found.cells)
    return compared + sum(float(cell.beyond_weight or 0) * float(cell.beyond or 0) for cell in found.cells)


def _name(stable: StableStatus | None) -> str:
    return stable.revision if stable else "nothing"


def _decision(decided: Decided) -> Iterator[str]:
    told = {
        Outcome.PROMOTED: "took over production traffic",
        Outcome.ROLLED_BACK: "was rolled back",
        Outcome.ABORTED: "was taken out of its trial",
        Outcome.SUPERSEDED: "was superseded by another revision",
    }[decided.outcome]
    version = f" (version {decided.model_version})" if decided.model_version else ""
    lasted = f", {decided.lasted} after it was asked for" if decided.lasted else ""
    weight = f" It had {decided.weight} % of the traffic." if decided.weight else ""
    yield f"{decided.revision}{version} {told} at {format_time(decided.time)}{lasted}.{weight}"
    yield f"Because: {decided.message} ({decided.reason})"
    if decided.evidence is not None:
        yield ""
        yield from _evidence(decided.evidence)


def _evidence(found: EvidenceStatus) -> Iterator[str]:
    yield f"Counted until {format_time(found.looked)}, from {found.source}: bad requests of all."
    yield ""
    rows = [HEADINGS, *(_row(cell) for cell in found.cells)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(HEADINGS))]
    yield from ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    yield ""
    again, limit = evidence_of(found), found.against_limit
    yield f"Evidence for a rollback: the sum of all × weight is {again:.3g}; from {limit} on it is rolled back."
    asked = [cell for cell in found.cells if cell.better is not None]
    short = [cell.name for cell in asked if float(cell.better or 0) < float(found.better_limit)]
    shown = f"not yet shown by {' and '.join(short)}" if short else "all have shown it"
    names = " and ".join(cell.name for cell in asked)
    yield f"Good enough to be promoted: {found.better_limit} or more in {names}; {shown}."


def _row(cell: CellStatus) -> tuple[str, ...]:
    return (
        cell.name,
        _share(cell.canary),
        _share(cell.stable),
        cell.worse,
        f"{float(cell.worse) * float(cell.weight):.3g}",
        cell.beyond or "",
        f"{float(cell.beyond) * float(cell.beyond_weight or 0):.3g}" if cell.beyond else "",
        cell.better or "",
    )


def _share(counts: ArmCounts) -> str:
    percent = f" ({100 * counts.bad / counts.requests:.3g} %)" if counts.requests else ""
    return f"{counts.bad} of {counts.requests}{percent}"

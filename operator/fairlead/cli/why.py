"""`fairlead why`: the trial that is on, or a decision, in words and numbers, computed again from its record."""

import argparse
from collections.abc import Iterator
from typing import Any

from fairlead.api.history import EvidenceStatus
from fairlead.cli import table
from fairlead.cli.commands import Commands, about_one_model, about_one_record, asked_model
from fairlead.cli.told import HEADINGS, conclusions, counted, row, status_of, told


def register(commands: Commands) -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "why",
        help="say why a revision was promoted or rolled back, or how its trial stands",
        description="Tells the last decision about a ModelDeployment, or the trial that is on, in words and in "
        "the numbers that it rests on, and computes the evidence again from them.",
    )
    about_one_model(parser)
    about_one_record(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> str:
    return why(asked_model(options), options.record)


def why(model: dict[str, Any], record: int | None = None) -> str:
    """What is to be told of a ModelDeployment as the API server returns it. Raises CommandError."""
    name, status = model["metadata"]["name"], status_of(model)
    found = told(name, status, record)
    if found is None:
        serves = f"{status.stable.revision} serves" if status.stable else "nothing serves yet"
        return f"No decision has been taken about {name} so far: {serves}, and nothing else was tried.\n"
    numbers = ("", *_evidence(found.evidence)) if found.evidence else ()
    return "\n".join((*found.sentences, *numbers)) + "\n"


def _evidence(found: EvidenceStatus) -> Iterator[str]:
    yield counted(found)
    yield ""
    yield from table.lines([HEADINGS, *(row(cell) for cell in found.cells)])
    yield ""
    yield from conclusions(found)

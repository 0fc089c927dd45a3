"""`fairlead report`: a trial or a decision as a page to keep, to print and to send around."""

import argparse
from pathlib import Path
from typing import Any

from fairlead.api.trace import points
from fairlead.cli.commands import Commands, about_one_model, about_one_record, asked_model
from fairlead.cli.errors import CommandError
from fairlead.cli.page import Plots, page
from fairlead.cli.told import Told, status_of, told


def register(commands: Commands) -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "report",
        help="write a page about a trial or a decision, with plots",
        description="Writes one HTML file that needs nothing else: what was decided and why, the weight, the shares of "
        "bad requests and the e-values over time, all numbers, and all decisions that are remembered.",
    )
    about_one_model(parser)
    about_one_record(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="where to write it; absent: NAME.html")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> str:
    file = Path(options.output or f"{options.name}.html")
    text = report(asked_model(options), options.record)
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as wrong:
        raise CommandError(f"{file} cannot be written: {wrong}") from wrong
    return f"{file}\n"


def report(model: dict[str, Any], record: int | None = None) -> str:
    """The page about a ModelDeployment as the API server returns it. Raises CommandError."""
    metadata, status = model["metadata"], status_of(model)
    found = told(metadata["name"], status, record)
    if found is None:
        raise CommandError(f"nothing was decided about {metadata['name']} so far, and nothing is on trial: no report")
    return page(f"{metadata['namespace']}/{metadata['name']}", found, status.history, _plots(found))


def _plots(found: Told) -> Plots:
    """Nothing where no course was recorded, as with a revision that failed before it got a request."""
    evidence = found.evidence
    course = points(evidence.trace.points) if evidence is not None and evidence.trace is not None else ()
    course = tuple(point for point in course if evidence is not None and len(point.cells) == len(evidence.cells))
    if evidence is None or not course:
        return {}
    try:
        from fairlead.cli import plots
    except ImportError as missing:
        raise CommandError(
            "the plots are drawn with matplotlib, which is not installed: install Fairlead with its extra `report` "
            "(pip install '.[report]')"
        ) from missing
    return {
        "weight": plots.weight(course),
        "shares": plots.shares(course, evidence),
        "e-values": plots.e_values(course, evidence),
    }

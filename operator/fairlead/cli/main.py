"""The command line: parses arguments, and turns what goes wrong into a sentence and an exit code."""

import argparse
import sys
from collections.abc import Sequence

from fairlead.cli.errors import CommandError
from fairlead.cli.render import render
from fairlead.cli.why import why


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns 0, or 1 when it cannot be done (argparse exits with 2 for a wrong call)."""
    options = _parser().parse_args(arguments)
    try:
        sys.stdout.write(options.run(options))
    except CommandError as wrong:
        print(f"fairlead: {wrong}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fairlead", description="Models in production on Kubernetes.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    made = commands.add_parser(
        "render",
        help="print all objects of the ModelDeployments in a file, offline",
        description="Prints every object that Fairlead would make for the ModelDeployments in the files, without a "
        "cluster. ModelRuntimes are taken from the files, else from those that are shipped.",
    )
    made.add_argument("-f", "--file", action="append", required=True, help="YAML file, or - for standard input")
    made.add_argument("-n", "--namespace", default="default", help="namespace of resources that name none")
    made.set_defaults(run=lambda options: render(options.file, options.namespace))
    asked = commands.add_parser(
        "why",
        help="say why a revision was promoted or rolled back, or how its trial stands",
        description="Tells the last decision about a ModelDeployment, or the trial that is on, in words and in "
        "the numbers that it rests on, and computes the evidence again from them.",
    )
    asked.add_argument("name", help="name of the ModelDeployment")
    asked.add_argument("-n", "--namespace", help="its namespace; absent: that of the current context")
    asked.set_defaults(run=_why)
    return parser


def _why(options: argparse.Namespace) -> str:
    from fairlead.cli import cluster  # the official client takes a second to import, which `render` need not wait for

    return why(cluster.model(options.namespace or cluster.namespace_of_context(), options.name))

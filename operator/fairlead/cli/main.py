"""The command line: parses arguments, and turns what goes wrong into a sentence and an exit code."""

import argparse
import sys
from collections.abc import Sequence

from fairlead.cli.errors import CommandError
from fairlead.cli.render import render


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns 0, or 1 when it cannot be done (argparse exits with 2 for a wrong call)."""
    options = _parser().parse_args(arguments)
    try:
        sys.stdout.write(render(options.file, options.namespace))
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
    return parser

"""The command line: parses arguments, and turns what goes wrong into a sentence and an exit code."""

import argparse
import sys
from collections.abc import Sequence

from fairlead.cli import ordering, plan, render, report, status, wait, watch, why
from fairlead.cli.errors import CommandError

COMMANDS = (render, plan, report, status, watch, why, ordering, wait)
"""Each is a module with `register(commands)`, which adds its parsers; each sets `run`, which is given the options.

What `run` returns is printed. A number is the exit code of a command that has printed by itself.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns 0, or 1 when it cannot be done (argparse exits with 2 for a wrong call)."""
    options = _parser().parse_args(arguments)
    try:
        done: str | int = options.run(options)
    except CommandError as wrong:
        print(f"fairlead: {wrong}", file=sys.stderr)
        return 1
    if isinstance(done, int):
        return done
    sys.stdout.write(done)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fairlead", description="Models in production on Kubernetes.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.register(commands)
    return parser

"""What several commands share on the command line."""

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - there is no other name for it
else:
    Commands = Any


def about_one_model(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that say which ModelDeployment a command is about."""
    parser.add_argument("name", help="name of the ModelDeployment")
    parser.add_argument("-n", "--namespace", help="its namespace; absent: that of the current context")


def about_one_record(parser: argparse.ArgumentParser) -> None:
    """Adds the option that says which decision a command is about."""
    parser.add_argument(
        "--record",
        type=int,
        metavar="N",
        help="the N-th last decision, 1 being the last; absent: the trial that is on, or else the last decision",
    )


def asked_model(options: argparse.Namespace) -> dict[str, Any]:
    """The ModelDeployment that the options of about_one_model name. Raises CommandError."""
    from fairlead.cli import cluster  # the official client takes a second to import, which `render` need not wait for

    return cluster.model(options.namespace or cluster.namespace_of_context(), options.name)

"""`fairlead watch`: a model as it changes, drawn on a terminal, or a line for each change where there is none."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

from fairlead.api.fields import parse_duration
from fairlead.cli.changes import change
from fairlead.cli.commands import Commands, about_one_model
from fairlead.cli.errors import CommandError
from fairlead.cli.standing import Standing, standing, verdict

DECIDED_FOR, DECIDED_AGAINST, TIMED_OUT, INTERRUPTED = 0, 1, 3, 130
"""Exit codes. 1 is that of every command that cannot be done, too, and 2 that of a wrong call."""

REDRAWN = 1.0  # seconds

Show = Callable[[Standing, str | None], None]
"""Is told how the model stands, and why nothing newer is known, if that is so."""


def register(commands: Commands) -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "watch",
        help="follow a rollout as it goes on",
        description="Follows a ModelDeployment: phase, weight, evidence against its limits, counts. On a terminal it "
        "is a picture, elsewhere a line for each change. Ctrl-C ends it.",
        epilog="Exit codes with --until-decided: 0 the revision that the spec asks for serves, 1 it was rolled back "
        "(or the command cannot be done), 3 there was no decision within --timeout.",
    )
    about_one_model(parser)
    parser.add_argument("--until-decided", action="store_true", help="end when what the spec asks for is in or out")
    parser.add_argument(
        "--timeout", type=_duration, metavar="TIME", help="end after this time, such as 15m, with code 3"
    )
    parser.add_argument("--plain", action="store_true", help="lines instead of a picture, on a terminal as well")
    parser.set_defaults(run=_run)


def _duration(text: str) -> timedelta:
    found = parse_duration(text)
    if not isinstance(found, timedelta):
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 15m")
    return found


def _run(options: argparse.Namespace) -> int:
    from fairlead.cli import cluster

    namespace = options.namespace or cluster.namespace_of_context()
    cluster.model(namespace, options.name)  # what is not there cannot be watched, and is told at once
    drawing = sys.stdout.isatty() and not options.plain
    try:
        with on_a_terminal() if drawing else in_lines() as show:
            return _watch(namespace, options, show)
    except KeyboardInterrupt:
        return INTERRUPTED


def _watch(namespace: str, options: argparse.Namespace, show: Show) -> int:
    from fairlead.cli.watching import follow

    ends = time.monotonic() + options.timeout.total_seconds() if options.timeout else None
    found: Standing | None = None
    trouble: str | None = None
    with closing(follow(namespace, options.name, REDRAWN)) as changes:
        for seen in changes:
            if seen is not None:
                trouble = seen.trouble
                if trouble is None and seen.model is None:
                    raise CommandError(f"ModelDeployment {options.name} was deleted")
                found = standing(seen.model) if seen.model is not None else found
            if found is not None:
                show(found, trouble)
                decided = verdict(found) if options.until_decided else None
                if decided is not None:
                    return DECIDED_FOR if decided else DECIDED_AGAINST
            if ends is not None and time.monotonic() > ends:
                break
    return TIMED_OUT


@contextmanager
def in_lines() -> Iterator[Show]:
    """Prints a line whenever something is different from what was printed last."""
    last: tuple[str | None, str | None] = None, None

    def show(found: Standing, trouble: str | None) -> None:
        nonlocal last
        now = trouble, change(found)
        for line, before in zip(now, last, strict=True):
            if line is not None and line != before:
                print(f"{datetime.now(UTC):%H:%M:%S} {line}", flush=True)
        last = now

    yield show


@contextmanager
def on_a_terminal() -> Iterator[Show]:
    """Draws a picture; without rich, which is not in the operator's image, it prints lines."""
    try:
        from rich.live import Live

        from fairlead.cli.live import picture
    except ImportError:
        print(
            "fairlead: rich draws the picture, and is not installed (pip install '.[cli]'): lines instead",
            file=sys.stderr,
        )
        with in_lines() as show:
            yield show
        return
    with Live(auto_refresh=False) as live:

        def draw(found: Standing, trouble: str | None) -> None:
            live.update(picture(found, datetime.now(UTC), trouble), refresh=True)

        yield draw

"""`fairlead wait`: for CI, until a revision has taken over or has failed; the exit code says which."""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import Any, Literal

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from fairlead.api.fields import parse_duration
from fairlead.api.phases import ON_TRIAL
from fairlead.api.reasons import Phase
from fairlead.api.status import Status
from fairlead.cli.commands import Commands, about_one_model
from fairlead.cli.errors import CommandError

Goal = Literal["promoted", "decided"]


class Ended(IntEnum):
    """Exit codes."""

    PROMOTED = 0
    FAILED = 1
    WRONG_CALL = 2
    TIMEOUT = 3


@dataclass(frozen=True)
class Result:
    """How it ended, and a sentence about it."""

    ended: Ended
    message: str


@dataclass(frozen=True)
class Seen:
    """One sight of a model: its status, and the generation of its spec."""

    status: Status
    generation: int

    @property
    def is_current(self) -> bool:
        """Whether the status is about the spec as it is now."""
        return self.status.observed_generation >= self.generation

    @property
    def subject(self) -> str | None:
        """The revision that the spec asks for; None while that cannot be made, and so has no name yet."""
        status = self.status
        if status.rollout is not None and (status.rollout.revision is not None or status.rollout.phase == Phase.HELD):
            return status.rollout.revision
        named = status.failed or status.stable
        return named.revision if named is not None else None


def register(commands: Commands) -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "wait",
        help="wait until a revision has taken over or has failed; for CI",
        description="Waits for the revision that the spec asks for now. Exit codes: 0 it has taken over, 1 it was "
        "rolled back, aborted or superseded, 2 the question makes no sense, 3 the time is over.",
    )
    about_one_model(parser)
    parser.add_argument(
        "--for",
        dest="goal",
        choices=("promoted", "decided"),
        default="promoted",
        help="promoted (default): until it serves and its guard period is over. decided: until there is a verdict; "
        "one that waits for approval ends with 0, one that is held without a verdict with 3",
    )
    parser.add_argument("--timeout", type=_duration, default="30m", help="such as 1h30m or 45s; 30m when absent")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from fairlead.cli import cluster

    try:
        namespace = options.namespace or cluster.namespace_of_context()
        cluster.model(namespace, options.name)  # what is not there cannot be waited for, and is told at once
        result = wait(_models(namespace, options.name, options.timeout), options.goal)
    except CommandError as wrong:
        print(f"fairlead: {wrong}", file=sys.stderr)
        return int(Ended.WRONG_CALL)
    print(result.message, file=sys.stdout if result.ended == Ended.PROMOTED else sys.stderr)
    return int(result.ended)


def _models(namespace: str, name: str, timeout: timedelta) -> Iterator[dict[str, Any]]:
    """The ModelDeployment now, and after every change, until the time is over. Raises CommandError when it is gone.

    An API server that does not answer for a while is waited for: a pipeline must not fail for that.
    """
    from fairlead.cli.watching import follow

    end = time.monotonic() + timeout.total_seconds()
    with closing(follow(namespace, name, every=1.0)) as seen:
        for each in seen:
            if each is not None and each.model is not None:
                yield each.model
            elif each is not None and each.trouble is None:
                raise CommandError(f"ModelDeployment {name} in namespace {namespace} was deleted")
            if time.monotonic() >= end:
                return


def _duration(text: str) -> Any:
    try:
        return parse_duration(text)
    except PydanticCustomError as wrong:
        raise argparse.ArgumentTypeError(f"{text!r} {wrong.message()}") from wrong


def wait(models: Iterable[dict[str, Any]], goal: Goal) -> Result:
    """The result, from a model as it is seen again and again until the time is over."""
    subject, last = None, "Fairlead has not looked at it"
    for model in models:
        seen = seen_of(model)
        if not seen.is_current:
            continue
        subject = subject or seen.subject
        result = result_of(seen, subject, goal)
        if result is not None:
            return result
        ready = next((found for found in seen.status.conditions if found.type == "Ready"), None)
        last = ready.message if ready else last
    return Result(Ended.TIMEOUT, f"the time is over: {last}")


def seen_of(model: dict[str, Any]) -> Seen:
    """What is seen of a ModelDeployment as the API server returns it. Raises CommandError."""
    try:
        status = Status.model_validate(model.get("status") or {})
    except ValidationError as wrong:
        raise CommandError(f"the status of {model['metadata']['name']} cannot be read: {wrong}") from wrong
    return Seen(status, int(model["metadata"].get("generation") or 0))


def result_of(seen: Seen, subject: str | None, goal: Goal) -> Result | None:
    """How it has ended for that revision; None while it has not."""
    status, rollout = seen.status, seen.status.rollout
    if rollout is None or subject is None:
        return None
    if status.failed is not None and status.failed.revision == subject:
        return Result(Ended.FAILED, f"{subject} has failed: {status.failed.message}")
    if rollout.revision is not None and rollout.revision != subject:
        return Result(Ended.FAILED, f"{subject} was superseded by {rollout.revision}")
    if rollout.revision is None and status.stable is not None and rollout.phase != Phase.HELD:
        if status.stable.revision != subject:
            return Result(Ended.FAILED, f"{subject} is not wanted any more: {status.stable.revision} serves")
        over = rollout.phase != Phase.GUARDING or goal == "decided"
        return Result(Ended.PROMOTED, f"{subject} has taken over") if over else None
    if goal == "decided" and rollout.phase in ON_TRIAL and rollout.revision == subject:
        return _verdict(rollout.phase, subject)
    return None


def _verdict(phase: Phase, subject: str) -> Result | None:
    match phase:
        case Phase.AWAITING_APPROVAL:
            return Result(Ended.PROMOTED, f"{subject} is good enough, and waits for approval")
        case Phase.PROMOTING:
            return Result(Ended.PROMOTED, f"{subject} takes over")
        case Phase.HELD:
            return Result(Ended.TIMEOUT, f"there is no verdict on {subject} in time: a person has to decide")
        case _:
            return None

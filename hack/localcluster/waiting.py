"""Waiting, always with a deadline, and one user at a time."""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from localcluster.places import ClusterError, Progress

BETWEEN_LOOKS = 0.05

T = TypeVar("T")


class DeadlineError(ClusterError):
    """The deadline passed."""


def until(look: Callable[[], T | None], what: str, *, seconds: float) -> T:
    """Calls `look` until it returns something true."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise DeadlineError(f"{what}: still not so after {seconds:.0f} s")
        time.sleep(BETWEEN_LOOKS)
    return seen


@contextmanager
def one_at_a_time(lock: Path, progress: Progress) -> Iterator[None]:
    """Holds `lock`. It is the kernel's, so a holder that was killed holds nothing."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for another hack/cluster to finish")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield

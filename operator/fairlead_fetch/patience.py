"""Trying again: with back-off, and for so long after the last sign of life."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from fairlead_fetch.report import Unreachable

FOR_FETCHING = 120.0  # seconds
FOR_RESOLVING = 20.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 20.0

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Patience:
    """`seconds` count from the first failure after something arrived."""

    seconds: float
    log: Callable[[str], None]

    def keep_trying(self, attempt: Callable[[], Result], arrived: Callable[[], int] = lambda: 0) -> Result:
        """`arrived` is how many bytes there are by now. Raises the last `Unreachable`, with how long it was tried."""
        tries, began, before = 0, time.monotonic(), arrived()
        while True:
            try:
                return attempt()
            except Unreachable as error:
                if arrived() > before:
                    tries, began, before = 0, time.monotonic(), arrived()
                tries += 1
                pause = min(FIRST_PAUSE * 2 ** (tries - 1), LONGEST_PAUSE) * random.uniform(0.8, 1.2)
                waited = time.monotonic() - began
                if waited + pause > self.seconds:
                    raise Unreachable(f"{error} (tried {tries} times in {waited:.0f} s)") from error
                self.log(f"{error}; trying again in {pause:.0f} s")
            time.sleep(pause)

"""What the commands of this folder have in common: numbers to measure, progress, and figures as far as they came."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import TypeVar

from localcluster import ClusterError

BEGAN = time.monotonic()

F = TypeVar("F")


def number(least: int, most: int, why: str = "") -> Callable[[str], int]:
    """A type of argument: `1,000` → 1000, within bounds. `why` says what sets the greatest."""

    def parse(text: str) -> int:
        found = int(text.replace(",", ""))
        if not least <= found <= most:
            raise argparse.ArgumentTypeError(f"from {least} to {most:,}{f': {why}' if why else ''}")
        return found

    return parse


def tell(text: str) -> None:
    """With the time and the load of the machine: whoever measures beside others should see it."""
    load = " ".join(f"{average:.1f}" for average in os.getloadavg())
    print(f"[{time.monotonic() - BEGAN:6.0f} s, load {load}] {text}", file=sys.stderr, flush=True)


def take_each(
    program: str, counts: Sequence[int], take: Callable[[int], F], table: Callable[[Sequence[F]], str]
) -> list[F]:
    """The figures of each number, printed as a table. Those taken before something goes wrong are printed as well."""
    signal.signal(signal.SIGTERM, _end)
    figures: list[F] = []
    try:
        for count in counts:
            figures.append(take(count))
            tell(f"{count:,} done\n{table(figures[-1:])}")
    except (RuntimeError, AssertionError, ClusterError) as wrong:
        print(f"{program}: {wrong}", file=sys.stderr)
    if figures:
        print(f"\n{table(figures)}")
    return figures


def _end(number: int, frame: FrameType | None) -> None:
    """SIGTERM ends like Ctrl-C: the processes are taken along."""
    sys.exit(128 + number)

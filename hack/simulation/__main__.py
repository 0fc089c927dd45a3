"""The command `hack/bench/evidence`."""

import argparse
import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from simulation.batches import MOST_PROCESSES, everything
from simulation.catalogue import catalogue, quick
from simulation.kept import Kept
from simulation.scenarios import Scenario
from simulation.table import Line, tables

BEGAN = time.monotonic()
RUNS, QUICK_RUNS = 2000, 100


def main() -> int:
    """Exit code 1 when it was stopped. What was played until then is printed."""
    parser = argparse.ArgumentParser(
        prog="hack/bench/evidence", description="How often and how fast canaries are judged right."
    )
    parser.add_argument("--runs", type=int, metavar="N", help=f"runs of each scenario, {RUNS:,} if not given")
    parser.add_argument(
        "--only",
        default="",
        metavar="WORD",
        help="only scenarios with this in their name, as it is told meanwhile; or a regular expression",
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_RUNS} runs of some scenarios: less than a minute")
    parser.add_argument("--processes", type=int, choices=range(1, MOST_PROCESSES + 1), default=MOST_PROCESSES)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="go on from what is kept there, and keep the rest")
    parser.add_argument("--kept", type=Path, metavar="FOLDER", help="only print what is kept there")
    arguments = parser.parse_args()
    runs = arguments.runs or (QUICK_RUNS if arguments.quick else RUNS)
    scenarios = [
        each for each in catalogue() if re.search(arguments.only, each.key) and (quick(each) or not arguments.quick)
    ]
    if not scenarios:
        parser.error(f"no scenario has {arguments.only!r} in its name")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    lines: list[Line] = []
    with contextlib.suppress(KeyboardInterrupt):
        for line in _lines(scenarios, runs, arguments):
            lines.append(line)
            _tell(f"{len(lines)} of {len(scenarios)}, {line.scenario.key}")
    in_order = {scenario: n for n, scenario in enumerate(scenarios)}
    print(tables(sorted(lines, key=lambda line: in_order[line.scenario]), runs))
    return 0 if len(lines) == len(scenarios) else 1


def _lines(scenarios: Sequence[Scenario], runs: int, arguments: argparse.Namespace) -> Iterator[Line]:
    """Kept ones first, then those that have to be played; in the order of the table only where nothing was kept."""
    folder = arguments.kept or arguments.keep
    kept = Kept(folder) if folder else None
    known = {each: line for each in scenarios if kept and (line := kept.line(each, runs))}
    yield from known.values()
    if arguments.kept:
        return
    for line in everything([each for each in scenarios if each not in known], runs, arguments.processes):
        if kept:
            kept.keep(line, runs)
        yield line


def _tell(text: str) -> None:
    """With the time and the load of the machine: whoever measures beside others should see it."""
    load = " ".join(f"{average:.1f}" for average in os.getloadavg())
    print(f"[{time.monotonic() - BEGAN:6.0f} s, load {load}] {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

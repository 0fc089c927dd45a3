"""The command `hack/bench/rollouts`: what many canaries at once cost, as a table for people."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median

from bench.table import lines
from bench.trying import WATCHED, Figures, measured
from localcluster import ClusterError

BEGAN = time.monotonic()

MEASURES: tuple[tuple[str, Callable[[Figures], str]], ...] = (
    ("all on trial after", lambda f: f"{f.on_trial:.0f} s"),
    ("with all on trial: seconds watched", lambda f: f"{WATCHED}"),
    ("… CPU of the operator, of one core", lambda f: f"{100 * f.cpu / WATCHED:.0f} %"),
    ("… CPU per reading and rollout, with everything", lambda f: f"{1000 * f.cpu / max(f.sweeps, 1):.1f} ms"),
    ("… of it, the look that judges", lambda f: f"{1000 * f.judge_cpu / max(f.judged, 1):.1f} ms"),
    ("… seconds from one reading of a rollout to the next", lambda f: f"{f.rollouts * WATCHED / max(f.sweeps, 1):.1f}"),
    ("… duration of a reading", lambda f: f"{1000 * f.sweep_seconds / max(f.sweeps, 1):.0f} ms"),
    (
        "… age of the oldest evidence, median / most",
        lambda f: f"{median(f.oldest):.0f} / {max(f.oldest):.0f} s",
    ),
    (
        "… status writes per rollout and minute",
        lambda f: f"{60 * f.requests.written['status'] / WATCHED / f.rollouts:.1f}",
    ),
    ("… other writes", lambda f: f"{f.requests.writes - _status(f):.0f}"),
    ("all decided after", lambda f: f"{f.decided:.0f} s"),
    ("… how", lambda f: ", ".join(f"{n:,} {outcome}" for outcome, n in sorted(f.outcomes.items()))),
    ("all Ready again after", lambda f: f"{f.settled:.0f} s"),
    ("writes per rollout, from its beginning to its end", lambda f: f"{f.writes / f.rollouts:.1f}"),
    ("memory, the most", lambda f: f"{f.peak:.0f} MiB"),
)


def _status(figures: Figures) -> int:
    return figures.requests.written["status"]


def main() -> int:
    """Exit code 1 when something could not be measured. What was measured until then is printed."""
    parser = argparse.ArgumentParser(prog="hack/bench/rollouts", description="What N canaries at once cost.")
    parser.add_argument("rollouts", nargs="+", type=_count, metavar="N", help="how many canaries at once, 1 to 1,000")
    counts = parser.parse_args().rollouts
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    figures: list[Figures] = []
    try:
        for count in counts:
            figures.append(measured(count, _tell))
            _tell(f"done\n{_table(figures[-1:])}")
    except (RuntimeError, AssertionError, ClusterError) as wrong:
        print(f"hack/bench/rollouts: {wrong}", file=sys.stderr)
    print(f"\n{_table(figures)}")
    if len(figures) > 1:
        first, *_, last = (1000 * each.cpu / max(each.sweeps, 1) for each in figures)
        print(f"\nCPU per reading and rollout with {counts[-1]:,} : {counts[0]:,} rollouts: {last / first:.2f}")
    return 0 if len(figures) == len(counts) else 1


def _count(text: str) -> int:
    count = int(text.replace(",", ""))
    if not 1 <= count <= 1000:
        raise argparse.ArgumentTypeError("from 1 to 1,000")
    return count


def _table(columns: Sequence[Figures]) -> str:
    head = ["canaries at once", *(f"{each.rollouts:,}" for each in columns)]
    return lines([head, *([what, *(cell(each) for each in columns)] for what, cell in MEASURES)])


def _tell(text: str) -> None:
    load = " ".join(f"{average:.1f}" for average in os.getloadavg())
    print(f"[{time.monotonic() - BEGAN:6.0f} s, load {load}] {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

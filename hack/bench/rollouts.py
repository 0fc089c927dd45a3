"""The command `hack/bench/rollouts`: what many canaries at once cost, as a table for people."""

import argparse
import sys
from collections.abc import Callable, Sequence
from statistics import median

from bench.commands import number, take_each, tell
from bench.table import lines
from bench.trying import WATCHED, Figures, measured

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
    parser.add_argument(
        "rollouts", nargs="+", type=number(1, 1000), metavar="N", help="how many canaries at once, 1 to 1,000"
    )
    counts = parser.parse_args().rollouts
    figures = take_each("hack/bench/rollouts", counts, lambda count: measured(count, tell), _table)
    if len(figures) > 1:
        first, *_, last = (1000 * each.cpu / max(each.sweeps, 1) for each in figures)
        print(f"\nCPU per reading and rollout with {counts[-1]:,} : {counts[0]:,} rollouts: {last / first:.2f}")
    return 0 if len(figures) == len(counts) else 1


def _table(columns: Sequence[Figures]) -> str:
    head = ["canaries at once", *(f"{each.rollouts:,}" for each in columns)]
    return lines([head, *([what, *(cell(each) for each in columns)] for what, cell in MEASURES)])


if __name__ == "__main__":
    sys.exit(main())

"""The command `hack/bench/rules`: what the rules of many models cost a Prometheus, as a table for people."""

import argparse
import sys
from collections.abc import Callable, Sequence

from bench.commands import number, take_each, tell
from bench.evaluating import PODS, REVISIONS, WATCHED, Figures, take
from bench.table import lines

MEASURES: tuple[tuple[str, Callable[[Figures], str]], ...] = (
    ("days in the past", lambda f: f"{f.days}"),
    ("… samples of it", lambda f: f"{f.samples:,}"),
    ("each model: pods", lambda f: f"{PODS * len(REVISIONS)}"),
    ("… rules that record / that alert, in groups", lambda f: f"{f.recording} / {f.alerting}, in {f.groups}"),
    ("… series of its pods that the scrapes bring", lambda f: f"{f.raw:.0f}"),
    ("… series that are recorded", lambda f: f"{f.recorded:.0f}"),
    ("seconds of evaluation in a minute", lambda f: f"{f.evaluating:.2f}"),
    ("… for each model", lambda f: f"{1000 * f.evaluating / f.models:.1f} ms"),
    ("… the slowest group", lambda f: f"{1000 * f.slowest:.0f} ms"),
    ("… evaluations missed / failed", lambda f: f"{f.missed} / {f.failed}"),
    ("CPU of Prometheus, of one core: with rules", lambda f: f"{_share(f.with_rules.cpu)}"),
    ("… without, scraping only", lambda f: f"{_share(f.without.cpu)}"),
    ("… the rules of a model in a minute", lambda f: f"{1000 * _cpu(f) / f.models:.1f} ms"),
    ("memory at the end / at most: with rules", lambda f: f"{f.with_rules.memory:.0f} / {f.with_rules.peak:.0f} MiB"),
    ("… without", lambda f: f"{f.without.memory:.0f} / {f.without.peak:.0f} MiB"),
)


def _share(cpu: float) -> str:
    return f"{100 * cpu / WATCHED:.1f} %"


def _cpu(figures: Figures) -> float:
    return 60 / WATCHED * (figures.with_rules.cpu - figures.without.cpu)


def main() -> int:
    """Exit code 1 when something could not be measured. What was measured until then is printed."""
    parser = argparse.ArgumentParser(prog="hack/bench/rules", description="What the rules of N models cost Prometheus.")
    parser.add_argument(
        "models", nargs="*", type=number(1, 10_000), metavar="N", help="how many models; 100 and 1,000 by default"
    )
    parser.add_argument(
        "--days", type=number(0, 30), default=3, help="how long a past the recorded series get, 0 to 30; 3 by default"
    )
    asked = parser.parse_args()
    counts = asked.models or [100, 1000]
    figures = take_each("hack/bench/rules", counts, lambda count: take(count, asked.days, tell), _table)
    if len(figures) > 1:
        first, *_, last = (_cpu(each) / each.models for each in figures)
        print(f"\nCPU of the rules of a model with {counts[-1]:,} : {counts[0]:,} models: {last / first:.2f}")
    return 0 if len(figures) == len(counts) else 1


def _table(columns: Sequence[Figures]) -> str:
    head = ["models", *(f"{each.models:,}" for each in columns)]
    return lines([head, *([what, *(cell(each) for each in columns)] for what, cell in MEASURES)])


if __name__ == "__main__":
    sys.exit(main())

"""The command `hack/bench/rules`: what the rules of many models cost a Prometheus, as a table for people."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence

from bench.evaluating import PODS, REVISIONS, WATCHED, Figures, take
from bench.table import lines
from localcluster import ClusterError

BEGAN = time.monotonic()

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
        "models", nargs="*", type=_number(1, 10_000), metavar="N", help="how many models; 100 and 1,000 by default"
    )
    parser.add_argument(
        "--days", type=_number(0, 30), default=3, help="how long a past the recorded series get, 0 to 30; 3 by default"
    )
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    counts, figures = asked.models or [100, 1000], []
    try:
        for count in counts:
            figures.append(take(count, asked.days, _tell))
            _tell(f"done\n{_table(figures[-1:])}")
    except (RuntimeError, AssertionError, ClusterError) as wrong:
        print(f"hack/bench/rules: {wrong}", file=sys.stderr)
    print(f"\n{_table(figures)}")
    return 0 if len(figures) == len(counts) else 1


def _number(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        found = int(text.replace(",", ""))
        if not least <= found <= most:
            raise argparse.ArgumentTypeError(f"from {least} to {most:,}")
        return found

    return number


def _table(columns: Sequence[Figures]) -> str:
    head = ["models", *(f"{each.models:,}" for each in columns)]
    return lines([head, *([what, *(cell(each) for each in columns)] for what, cell in MEASURES)])


def _tell(text: str) -> None:
    load = " ".join(f"{average:.1f}" for average in os.getloadavg())
    print(f"[{time.monotonic() - BEGAN:6.0f} s, load {load}] {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

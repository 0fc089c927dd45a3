"""The command `hack/bench/scale`."""

import argparse
import os
import signal
import sys
import time
from functools import partial
from types import FrameType

from bench.measuring import MORE, Figures, measure
from bench.table import ratios, table
from bench.world import MOST
from localcluster import ClusterError

BEGAN = time.monotonic()
QUIET, QUICK = 60, 15  # seconds


def main() -> int:
    """Exit code 1 when something could not be measured. What was measured until then is printed."""
    parser = argparse.ArgumentParser(prog="hack/bench/scale", description="What the operator costs with N models.")
    parser.add_argument("models", nargs="+", type=_count, metavar="N", help="how many; one N alone means N/10 and N")
    parser.add_argument("--quick", action="store_true", help=f"quiet times of {QUICK} s instead of {QUIET} s")
    parser.add_argument(
        "--copied",
        action="store_true",
        help=f"N models that are there already, and {MORE} new ones: minutes, not an hour",
    )
    arguments = parser.parse_args()
    counts = arguments.models if len(arguments.models) > 1 else [max(2, arguments.models[0] // 10), *arguments.models]
    quiet = QUICK if arguments.quick else QUIET
    signal.signal(signal.SIGTERM, _end)
    measured: list[Figures] = []
    try:
        for count in counts:
            measured.append(measure(count, quiet, copied=arguments.copied, progress=partial(_tell, count)))
            _tell(count, f"done\n{table(measured[-1:])}")
    except (RuntimeError, AssertionError, ClusterError) as wrong:
        print(f"hack/bench/scale: {wrong}", file=sys.stderr)
    if measured:
        print(f"\n{table(measured)}\n\n{ratios(measured)}")
    return 0 if len(measured) == len(counts) else 1


def _count(text: str) -> int:
    count = int(text.replace(",", ""))
    if not 2 <= count <= MOST:
        raise argparse.ArgumentTypeError(f"from 2 to {MOST}: the pretended nodes take no more pods")
    return count


def _tell(count: int, text: str) -> None:
    """With the time and the load of the machine: whoever measures beside others should see it."""
    load = " ".join(f"{average:.1f}" for average in os.getloadavg())
    print(f"[{time.monotonic() - BEGAN:6.0f} s, load {load}] {count:,} models: {text}", file=sys.stderr, flush=True)


def _end(number: int, frame: FrameType | None) -> None:
    """SIGTERM ends like Ctrl-C: the processes are taken along."""
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())

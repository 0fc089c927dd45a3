"""The command `hack/bench/scale`."""

import argparse
import sys

from bench.commands import number, take_each, tell
from bench.measuring import MORE, measure
from bench.table import ratios, table
from bench.world import MOST

QUIET, QUICK = 60, 15  # seconds


def main() -> int:
    """Exit code 1 when something could not be measured. What was measured until then is printed."""
    models = number(2, MOST, "the pretended nodes take no more pods")
    parser = argparse.ArgumentParser(prog="hack/bench/scale", description="What the operator costs with N models.")
    parser.add_argument("models", nargs="+", type=models, metavar="N", help="how many; one N alone means N/10 and N")
    parser.add_argument("--quick", action="store_true", help=f"quiet times of {QUICK} s instead of {QUIET} s")
    parser.add_argument(
        "--copied",
        action="store_true",
        help=f"N models that are there already, and {MORE} new ones: minutes, not an hour",
    )
    arguments = parser.parse_args()
    counts = arguments.models if len(arguments.models) > 1 else [max(2, arguments.models[0] // 10), *arguments.models]
    quiet = QUICK if arguments.quick else QUIET
    figures = take_each(
        "hack/bench/scale",
        counts,
        lambda count: measure(
            count, quiet, copied=arguments.copied, progress=lambda text: tell(f"{count:,} models: {text}")
        ),
        table,
    )
    if figures:
        print(f"\n{ratios(figures)}")
    return 0 if len(figures) == len(counts) else 1


if __name__ == "__main__":
    sys.exit(main())

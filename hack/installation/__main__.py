"""Writes the files of the installation, or lists the stale ones: `python -m installation [--check]`."""

import argparse
import sys
from pathlib import Path

from installation.files import stale, write
from localcluster import ClusterError, binary

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Exit code 1 when `--check` finds a stale file."""
    parser = argparse.ArgumentParser(prog="python -m installation", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; list stale files and exit with 1")
    check = parser.parse_args().check
    try:
        helm = binary("helm")
    except ClusterError as error:
        sys.exit(f"hack/generate: {error}")
    found = stale(ROOT, helm) if check else write(ROOT, helm)
    for path in found:
        print(f"{path} is stale; run hack/generate" if check else f"wrote {path}")
    return 1 if check and found else 0


if __name__ == "__main__":
    sys.exit(main())

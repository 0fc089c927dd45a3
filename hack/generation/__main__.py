"""Writes the generated files, or lists the stale ones."""

import argparse
import sys
from pathlib import Path

from generation.files import generated, stale

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Exit code 1 when `--check` finds a stale file."""
    parser = argparse.ArgumentParser(prog="hack/generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; list stale files and exit with 1")
    check = parser.parse_args().check
    found = stale(ROOT)
    for path in found:
        print(f"{path} is stale; run hack/generate" if check else f"wrote {path}")
        if not check:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(generated()[path], encoding="utf-8")
    return 1 if check and found else 0


if __name__ == "__main__":
    sys.exit(main())

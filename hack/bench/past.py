"""A past for a Prometheus: samples of recorded series, as if their rules had been evaluated for days.

Without it a window of three days would hold a few minutes, and cost next to nothing.
"""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from localcluster import ClusterError, packages

STEP = timedelta(minutes=1)
BLOCK = timedelta(hours=18)
"""What one block of Prometheus holds; of shorter ones it would make such blocks first, while it is measured."""
AS_BLOCKS = f"--storage.tsdb.max-block-duration={BLOCK // timedelta(hours=1)}h"
"""Has Prometheus leave them as they are."""


@dataclass(frozen=True, kw_only=True)
class Steady:
    """A series that always had the same value."""

    name: str
    labels: Mapping[str, str]
    value: float


def fill(folder: Path, series: Sequence[Steady], until: datetime, past: timedelta) -> int:
    """Writes blocks into the folder of a Prometheus that is not running; returns how many samples."""
    packages.install({"prometheus": "promtool"}, print)
    end, samples = _minute(until), 0
    at = _minute(until - past)
    while at < end:
        # Blocks begin at multiples of their length: a file is one of them, or promtool reads it once for each.
        stop = min(end, (at // _seconds(BLOCK) + 1) * _seconds(BLOCK))
        samples += _block(folder, series, range(at, stop, _seconds(STEP)))
        at = stop
    return samples


def _block(folder: Path, series: Sequence[Steady], times: range) -> int:
    file = folder.parent / "past.txt"
    ends = [f" {time}\n" for time in times]
    with file.open("w") as text:
        for name in sorted({each.name for each in series}):
            text.write(f"# TYPE {name} gauge\n")
            for each in (each for each in series if each.name == name):
                labels = ",".join(f'{label}="{value}"' for label, value in each.labels.items())
                sample = f"{name}{{{labels}}} {each.value}"
                text.write("".join([sample + end for end in ends]))
        text.write("# EOF\n")
    promtool = packages.program_path("promtool")
    assert promtool is not None
    longest = f"--max-block-duration={_seconds(BLOCK)}s"
    writing: list[str | Path] = [promtool, "tsdb", "create-blocks-from", "openmetrics", longest, file, folder]
    run = subprocess.run(writing, capture_output=True, text=True, check=False)
    file.unlink()
    if run.returncode != 0:
        raise ClusterError(f"promtool cannot write the past: {run.stderr[-2000:]}")
    return len(ends) * len(series)


def _minute(time: datetime) -> int:
    return int(time.timestamp()) // 60 * 60


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())

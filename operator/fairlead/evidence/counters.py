"""Counters of pods at two times → what was counted in between, per arm. The step from raw numbers to evidence.

A counter only ever grows while its process runs: so the difference of two readings of one process is what happened in
between, and nothing is ever extrapolated. Readings that are missing leave no gap: the next one brings what happened
since the last. A process that starts again is another one, and begins at 0. Where a counter goes down all the same, it
is not known what was counted in between, and nothing is taken for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np

from fairlead.evidence.judge import Counted

TORN = 10
"""By so many bad events at most may a reading be ahead of the next one: those that ended while it was written."""


class Count(NamedTuple):
    """Requests, and how many of them were bad, since a pod's process started."""

    requests: float
    bad: float


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one pod said: a count per cell. A cell that it said nothing about is absent.

    `process` names the process that counts (from the container's id), `since` is when it started.
    """

    process: str
    since: datetime
    counts: Mapping[str, Count]


Known = Mapping[str, Mapping[str, Count]]
"""What has been taken into account so far: process → cell → count."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What was counted since the last look, and what is known now."""

    counted: Counted
    known: Known


def difference(
    known: Known, readings: Mapping[str, Reading], cells: tuple[str, ...], last_look: datetime | None
) -> Difference:
    """What the pods of one arm have counted since the last look, pods in the order of their names.

    A process that is seen for the first time counts from 0 when it started after the last look; otherwise what it
    counted before is nobody's evidence, and it only begins to be known. Processes that were not read stay known.
    """
    rows: list[list[Count]] = []
    now_known = dict(known)
    for _, reading in sorted(readings.items()):
        before = known.get(reading.process)
        fresh = last_look is not None and reading.since > last_look
        start = before if before is not None else {} if fresh else reading.counts
        grown = {cell: _grown(start.get(cell), reading.counts.get(cell)) for cell in cells}
        rows.append([grown[cell].counted for cell in cells])
        now_known[reading.process] = {cell: each.known for cell, each in grown.items() if each.known is not None}
    counts = np.array(rows, dtype=float).reshape(len(rows), len(cells), 2)
    return Difference(counted=Counted(requests=counts[..., 0], bad=counts[..., 1]), known=now_known)


class _Grown(NamedTuple):
    counted: Count
    known: Count | None


def _grown(before: Count | None, after: Count | None) -> _Grown:
    """What was counted between two readings of one cell of one process, and up to where.

    A cell that a process has not said anything about had no request yet. More bad events than requests can be read when
    the process counts them one after the other; the rest is taken with the next window. And a few bad events less than
    before are taken for a reading that was ahead: what was known stays known, so that none is counted twice.
    """
    if after is None:
        return _Grown(Count(0, 0), before)
    before = before or Count(0, 0)
    if _other_counter(before, after):
        return _Grown(Count(0, 0), after)
    requests = after.requests - before.requests
    bad = min(max(after.bad - before.bad, 0), requests)
    return _Grown(Count(requests, bad), Count(after.requests, before.bad + bad))


def _other_counter(before: Count, after: Count) -> bool:
    """Whether the same process answers with another counter: a worker inside it restarted, or several take turns.

    How far that one had been before is not known: so it only begins to be known.
    """
    return after.requests < before.requests or after.bad < before.bad - TORN

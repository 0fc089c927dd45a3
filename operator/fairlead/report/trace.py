"""The course of a trial, told in status: a point is added with all evidence that is written, and never else."""

from fairlead.api.history import CellStatus, EvidenceStatus, Trace
from fairlead.api.times import format_time
from fairlead.api.trace import CellPoint, Point, point_text, power, thinned
from fairlead.evidence.trial import Trial

MOST, LONGEST = 48, 16_000
"""Points, and characters, of a trial that is on."""

MOST_RECORDED, LONGEST_RECORDED = 16, 5_000
"""The same of a trial that is over: ten of these are kept."""


def extended(before: Trace | None, found: EvidenceStatus, trial: Trial, weight: float) -> Trace:
    """The trace with one more point: what was found now, at this weight in percent."""
    so_far = before.points if before is not None and format_time(before.since) == format_time(trial.began) else ()
    seconds = round((trial.looked - trial.began).total_seconds())
    if so_far and so_far[-1].startswith(f"{seconds} "):
        so_far = so_far[:-1]  # of the same look, with the weight that was before
    point = Point(
        seconds=seconds,
        weight=weight,
        against=power(float(found.against)),
        cells=tuple(_cell(cell) for cell in found.cells),
    )
    return Trace(since=trial.began, points=thinned((*so_far, point_text(point)), MOST, LONGEST))


def recorded(trace: Trace | None) -> Trace | None:
    """The trace as a record keeps it."""
    if trace is None:
        return None
    return Trace(since=trace.since, points=thinned(trace.points, MOST_RECORDED, LONGEST_RECORDED))


def _cell(cell: CellStatus) -> CellPoint:
    return CellPoint(
        canary=(cell.canary.requests, cell.canary.bad),
        stable=(cell.stable.requests, cell.stable.bad),
        worse=power(float(cell.worse)),
        better=None if cell.better is None else power(float(cell.better)),
    )

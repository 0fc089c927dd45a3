"""The course of a trial over time, as status keeps it: one short text per point, and not too many of them.

    75 12.5 -0.31;1234,5,4321,17,-0.29,1.3;1234,40,4321,150,0.02;,12,,44,-0.1,0.4
    │  │    │     └ one part for each cell, in the order of `cells` beside the trace:
    │  │    │       requests to the canary, bad ones, requests to the stable revision, bad ones, worse, better
    │  │    └ evidence for a rollback
    │  └ the canary's share of traffic, in percent
    └ seconds since the trial began

Counts are sums since the trial began. E-values are powers of ten: 1.3 is 20. A number of requests that is left out is
that of the cell before; `better` is left out where it is not asked for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log10

MOST = 99.0
"""Powers of ten beyond which an e-value says nothing more."""


@dataclass(frozen=True, kw_only=True)
class CellPoint:
    """One cell at one time: (requests, bad ones) so far, and e-values as powers of ten."""

    canary: tuple[int, int]
    stable: tuple[int, int]
    worse: float
    better: float | None = None


@dataclass(frozen=True, kw_only=True)
class Point:
    """A trial at one time."""

    seconds: int
    weight: float
    against: float
    cells: tuple[CellPoint, ...]


def power(e_value: float) -> float:
    """An e-value as a power of ten, with two digits after the point."""
    return round(min(max(log10(e_value), -MOST), MOST), 2) if e_value > 0 else -MOST


def point_text(point: Point) -> str:
    """A point as it is kept."""
    return ";".join((f"{point.seconds} {point.weight:.3g} {point.against:.3g}", *_cell_texts(point.cells)))


def points(texts: Sequence[str]) -> tuple[Point, ...]:
    """The points of a trace; what somebody has edited so that it makes no sense is left out."""
    return tuple(found for text in texts if (found := _point(text)) is not None)


def thinned(texts: Sequence[str], most: int, longest: int) -> tuple[str, ...]:
    """At most so many points, and characters in all, spread as evenly over time as can be; both ends stay.

    What goes is the point whose neighbours are the closest to each other, the earlier one where several are.
    """
    kept = [(seconds, text) for text in texts if (seconds := _seconds(text)) is not None]
    while len(kept) > 2 and (len(kept) > most or sum(len(text) for _, text in kept) > longest):
        gaps = [after - before for (before, _), (after, _) in zip(kept, kept[2:], strict=False)]
        del kept[1 + gaps.index(min(gaps))]
    return tuple(text for _, text in kept)


def _cell_texts(cells: tuple[CellPoint, ...]) -> Iterator[str]:
    before: tuple[int, int] | None = None
    for cell in cells:
        requests = cell.canary[0], cell.stable[0]
        canary, stable = ("", "") if requests == before else map(str, requests)
        better = "" if cell.better is None else f",{cell.better:g}"
        yield f"{canary},{cell.canary[1]},{stable},{cell.stable[1]},{cell.worse:g}{better}"
        before = requests


def _seconds(text: str) -> int | None:
    """When a point was, without reading the rest of it: that would cost more than the evidence itself."""
    head = text.partition(" ")[0]
    return int(head) if head.isdecimal() else None


def _point(text: str) -> Point | None:
    head, *rest = text.split(";")
    try:
        seconds, weight, against = head.split(" ")
        return Point(
            seconds=int(seconds), weight=float(weight), against=float(against), cells=tuple(_cell_points(rest))
        )
    except ValueError:
        return None


def _cell_points(texts: list[str]) -> Iterator[CellPoint]:
    requests: tuple[str, str] = ("0", "0")
    for text in texts:
        canary, canary_bad, stable, stable_bad, worse, *better = text.split(",")
        requests = (canary, stable) if canary else requests
        yield CellPoint(
            canary=(int(requests[0]), int(canary_bad)),
            stable=(int(requests[1]), int(stable_bad)),
            worse=float(worse),
            better=float(better[0]) if better else None,
        )

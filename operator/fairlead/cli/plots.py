"""The course of a trial as plots, as SVG that goes into a page: the same text for the same trial.

Lines differ in colour, dash and marker, in colours that colour-blind people can tell apart (Okabe and Ito 2008).
"""

import re
from collections.abc import Sequence
from io import StringIO
from itertools import cycle
from math import ceil, sqrt
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator

from fairlead.api.history import EvidenceStatus
from fairlead.api.trace import CellPoint, Point

STABLE, CANARY, REST = "#0072B2", "#D55E00", ("#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ((4, 1.5), (1, 1), (6, 1, 1, 1), (3, 1, 1, 1, 1, 1), (8, 2))
MARKERS = "s^Dv*"
NORMAL_975 = 1.959963984540054
"""97.5 % quantile of the standard normal distribution."""
LOWEST, HIGHEST = 1e-3, 1e6
"""E-values beyond these are drawn there: they tell nothing more."""
WIDTH = 8.4
STEPS, TICKS = (5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600), 7
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "legend.frameon": False,
}

Course = Sequence[Point]


def weight(course: Course) -> str:
    """The canary's share of traffic over time."""
    with rc_context({**STYLE, "svg.hashsalt": "weight"}):
        figure = Figure(figsize=(WIDTH, 2.3), layout="constrained")
        axes = figure.subplots()
        shares = [point.weight for point in course]
        axes.fill_between(_times(course), shares, step="post", color=CANARY, alpha=0.15, linewidth=0)
        axes.step(_times(course), shares, where="post", color=CANARY, marker="o", markersize=3)
        axes.set(ylim=(0, max(5.0, *shares) * 1.15), ylabel="traffic to the canary, %")
        _over_time(axes, course)
        return _svg(figure, "weight")


def shares(course: Course, found: EvidenceStatus) -> str:
    """The bad shares of both revisions over time, with intervals, for the cells that decide about a promotion."""
    asked = [n for n, cell in enumerate(found.cells) if cell.better is not None]
    columns = min(len(asked), 2)
    rows = ceil(len(asked) / columns)
    with rc_context({**STYLE, "svg.hashsalt": "shares"}):
        figure = Figure(figsize=(WIDTH, 2.7 * rows + 0.3), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False).flat
        for axes, n in zip(grid, asked, strict=False):
            _share(axes, course, n, found.cells[n].name)
        for axes in list(grid)[len(asked) :]:
            axes.set_visible(False)
        first = figure.axes[0]
        handles, labels = first.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
        return _svg(figure, "shares")


def e_values(course: Course, found: EvidenceStatus) -> str:
    """What speaks against the canary, and for it, over time, with the limits from which on it is decided."""
    with rc_context({**STYLE, "svg.hashsalt": "e-values"}):
        figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
        axes = figure.subplots()
        _limits(axes, found)
        _e_value(axes, course, [point.against for point in course], "against it", color=CANARY, marker="o")
        styles = zip(cycle(REST), cycle(DASHES), cycle(MARKERS), strict=False)
        for n, cell in enumerate(found.cells):
            if cell.better is not None:
                colour, dashes, marker = next(styles)
                better = [_cell(point, n).better or 0.0 for point in course]
                label = f"good enough: {cell.name}"
                _e_value(axes, course, better, label, color=colour, dashes=dashes, marker=marker)
        bottom, top = axes.get_ylim()
        axes.set(ylim=(max(bottom, LOWEST * 0.7), min(top, HIGHEST * 1.5)), ylabel="e-value")
        _over_time(axes, course)
        figure.legend(loc="outside lower center", ncols=3)
        return _svg(figure, "e-values")


def wilson(requests: int, bad: int) -> tuple[float, float]:
    """A 95 % interval for a share, in percent; all of them without requests (Wilson 1927)."""
    if not requests:
        return 0.0, 100.0
    z2, share = NORMAL_975**2, bad / requests
    middle = share + z2 / (2 * requests)
    spread = NORMAL_975 * sqrt(share * (1 - share) / requests + z2 / (4 * requests**2))
    low, high = ((middle + sign * spread) / (1 + z2 / requests) for sign in (-1, 1))
    return 100 * max(low, 0.0), 100 * min(high, 1.0)


def _share(axes: Axes, course: Course, n: int, name: str) -> None:
    tops = []
    for role, colour, marker, dashes in (("stable", STABLE, "s", (4, 1.5)), ("canary", CANARY, "o", ())):
        counts = [_counts(_cell(point, n), role) for point in course]
        seen = [(at, count) for at, count in zip(_times(course), counts, strict=True) if count[0]]
        times = [at for at, _ in seen]
        middle = [100 * bad / requests for _, (requests, bad) in seen]
        intervals = [wilson(*count) for _, count in seen]
        low, high = [each[0] for each in intervals], [each[1] for each in intervals]
        axes.fill_between(times, low, high, color=colour, alpha=0.15, linewidth=0)
        if len(times) == 1:
            axes.vlines(times, low, high, color=colour, alpha=0.4, linewidth=2)
        label = f"{role} revision, with its 95 % interval"
        axes.plot(times, middle, color=colour, marker=marker, markersize=3, dashes=dashes, label=label)
        tops += [*middle, *high[-1:]]
    axes.set(ylim=(0, min(max(0.1, *tops) * 1.2, 102)), ylabel="bad requests, %", title=_in_words(name))
    _over_time(axes, course)


def _e_value(axes: Axes, course: Course, powers: Sequence[float], label: str, **style: object) -> None:
    values = [min(max(10**power, LOWEST), HIGHEST) for power in powers]
    axes.semilogy(_times(course), values, label=label, markersize=3, **style)


def _limits(axes: Axes, found: EvidenceStatus) -> None:
    against, better = float(found.against_limit), float(found.better_limit)
    axes.axhline(1, color="#888888", linewidth=0.8)
    axes.axhline(against, color=CANARY, linewidth=1, linestyle=(0, (2, 2)))
    told = f"limit of both: {against:g}" if against == better else f"rolled back from {against:g}"
    _beside(axes, against, told)
    if against != better:
        axes.axhline(better, color=REST[0], linewidth=1, linestyle=(0, (2, 2)))
        _beside(axes, better, f"good enough from {better:g}")


def _beside(axes: Axes, height: float, text: str) -> None:
    axes.annotate(text, (0, height), xycoords=("axes fraction", "data"), xytext=(4, 3), textcoords="offset points")


def _in_words(cell: str) -> str:
    metric, _, edge = cell.partition(">")
    return f"{metric} longer than {edge}" if edge else metric


def _counts(cell: CellPoint, role: str) -> tuple[int, int]:
    return cell.canary if role == "canary" else cell.stable


def _cell(point: Point, n: int) -> CellPoint:
    return point.cells[n]


def _times(course: Course) -> list[int]:
    return [point.seconds for point in course]


def _over_time(axes: Axes, course: Course) -> None:
    lasted = max(course[-1].seconds, 1)
    axes.set(xlabel="time since the trial began, min:s", xlim=(0, lasted * 1.03))
    axes.xaxis.set_major_locator(MultipleLocator(next((step for step in STEPS if lasted / step <= TICKS), STEPS[-1])))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value // 60:.0f}:{value % 60:02.0f}"))
    if axes.get_yscale() == "log":
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _svg(figure: Figure, name: str) -> str:
    """The figure as an element of a page, its identifiers told apart from those of other figures."""
    text = StringIO()
    figure.savefig(text, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    return re.sub(r'(\bid="|xlink:href="#|url\(#)', rf"\g<1>{name}-", svg)

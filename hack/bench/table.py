"""The figures as a table for people, in Markdown: a line for each measure, a column for each number of models."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from bench.measuring import Figures, quantile

Cell = Callable[[Figures], str]

MEASURES: tuple[tuple[str, Cell], ...] = (
    ("created at once", lambda f: f"{f.created:,}"),
    ("… the last request answered after", lambda f: f"{f.created_in:.1f} s"),
    ("… from apply to Deployment, median / p99", lambda f: _spread(f.deployment, "s")),
    ("… from apply to Ready, median / p99", lambda f: _spread(f.ready, "s")),
    ("… all Ready after", lambda f: f"{f.all_ready:.1f} s ({f.created / f.all_ready:.1f} models/s)"),
    ("one more: from apply to Deployment, median / p99", lambda f: _spread(f.one_deployment, "ms")),
    ("one more: from apply to Ready, median / p99", lambda f: _spread(f.one_ready, "ms")),
    ("writes per new model: children", lambda f: f"{_each(f, 'children'):.2f}"),
    ("… scale", lambda f: f"{_each(f, 'scale'):.2f}"),
    ("… status", lambda f: f"{_each(f, 'status'):.2f}"),
    ("… Events", lambda f: f"{_each(f, 'events'):.2f}"),
    ("… refused", lambda f: f"{sum(f.creation.refused.values()) / f.created:.2f}"),
    ("reads per new model", lambda f: f"{f.creation.read / f.created:.2f}"),
    ("reconciliations per new model", lambda f: f"{f.creation_looks / f.created:.2f}"),
    ("CPU per new model", lambda f: f"{f.creation_cpu / f.created * 1000:.1f} ms"),
    ("… of the API server, for everybody", lambda f: f"{f.api_server_cpu / f.created * 1000:.1f} ms"),
    ("quiet: seconds watched", lambda f: f"{f.quiet}"),
    ("… writes", lambda f: f"{f.quiet_requests.writes}"),
    ("… reconciliations", lambda f: f"{f.quiet_looks}"),
    ("… CPU", lambda f: f"{f.quiet_cpu:.2f} s"),
    ("memory: empty / now / peak", lambda f: f"{f.empty_memory:.0f} / {f.memory:.0f} / {f.peak:.0f} MiB"),
    ("start without models: CPU", lambda f: f"{f.empty_cpu:.1f} s"),
    ("restart: ready after", lambda f: f"{f.restart_synced:.1f} s"),
    ("… all looked at after", lambda f: f"{f.restart_done:.1f} s"),
    ("… CPU until ready / all looked at", lambda f: f"{f.restart_synced_cpu:.1f} / {f.restart_cpu:.1f} s"),
    ("… slowest answer of /readyz or /metrics", lambda f: f"{f.restart_slowest:.1f} s"),
    ("… times that it began to lead", lambda f: f"{f.restart_terms}"),
    ("… writes until the end of the quiet time", lambda f: f"{f.restart_requests.writes}"),
    ("… reads", lambda f: f"{f.restart_requests.read}"),
    ("… memory: now / peak", lambda f: f"{f.restart_memory:.0f} / {f.restart_peak:.0f} MiB"),
)

RATIOS: tuple[tuple[str, Callable[[Figures], float]], ...] = (
    ("CPU per new model", lambda f: f.creation_cpu / f.created),
    ("writes per new model", lambda f: f.creation.writes / f.created),
    ("seconds until all are Ready, per model", lambda f: f.all_ready / f.created),
    ("one more: median time to its Deployment", lambda f: quantile(f.one_deployment, 50)),
    ("CPU of a restart, per model, without that of an empty start", lambda f: (f.restart_cpu - f.empty_cpu) / f.models),
    ("memory per model, without that of an empty operator", lambda f: (f.memory - f.empty_memory) / f.models),
)
"""Costs for each model: 1.0 means linear growth, more means that it gets worse with size."""


def table(columns: Sequence[Figures]) -> str:
    """All that was measured."""
    return _rows(["models", *(f"{f.models:,}" for f in columns)], MEASURES, columns)


def ratios(columns: Sequence[Figures]) -> str:
    """What a model costs among many, compared with what it costs among fewer."""
    pairs = list(pairwise(columns))
    costs = [
        [what, *(f"{cost(more) / cost(less):.2f}" if cost(less) > 0 else "-" for less, more in pairs)]
        for what, cost in RATIOS
    ]
    return lines([["cost per model", *(f"{more.models:,} : {less.models:,}" for less, more in pairs)], *costs])


def _rows(head: list[str], measures: Sequence[tuple[str, Cell]], columns: Sequence[Figures]) -> str:
    return lines([head, *([what, *(cell(figures) for figures in columns)] for what, cell in measures)])


def lines(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells in Markdown; the first is the head."""
    rule = ["---", *("---:" for _ in rows[0][1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:]))


def _spread(values: list[float], unit: str) -> str:
    factor, digits = (1000, 0) if unit == "ms" else (1, 2)
    return f"{quantile(values, 50) * factor:.{digits}f} / {quantile(values, 99) * factor:.{digits}f} {unit}"


def _each(figures: Figures, group: str) -> float:
    return figures.creation.written[group] / figures.created

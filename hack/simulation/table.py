"""What was played, as tables for people, in Markdown: one for each group of scenarios."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from fairlead.evidence.evalues import Floats
from simulation.playing import RULES, Played
from simulation.rules import Outcome
from simulation.scenarios import Right, Scenario

OURS, *OTHERS = RULES
ALL, BOTH = " / ".join(RULES), " / ".join(OTHERS)
NORMAL_975 = 1.959963984540054
WRONG = {Right.KEEP: Outcome.ROLLED_BACK, Right.REJECT: Outcome.PROMOTED}
"""Which outcome is a mistake."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A scenario, and how each rule played it."""

    scenario: Scenario
    played: dict[str, Played]


Cell = Callable[[Played], str]

HEAD = (
    "canary",
    "errors, %",
    "rps",
    f"wrong verdicts of {OURS}, % (95 % interval)",
    f"of {BOTH}",
    f"rolled back, %: {ALL}",
    f"promoted, %: {ALL}",
    "inconclusive, %",
    f"bad requests until rollback, median (95 %): {ALL}",
    f"minutes to rollback: {ALL}",
    f"minutes to promotion: {ALL}",
    f"times as many bad: {BOTH}",
)

LEGEND = """\
Bad requests are the errors that canaries answered until they were rolled back, or the slow answers of those that are
slower. A wrong verdict is the rollback of a canary within the rollback margin, or the promotion of one beyond the
promotion margin; between the margins none is wrong (–). Minutes and ratios are those of medians; a ratio is given where
both rules roll back at least half of the canaries."""


def tables(lines: Sequence[Line], runs: int) -> str:
    """A table for each group."""
    parts = [f"{runs:,} runs of each scenario and rule. {LEGEND}"]
    for group, members in groupby(lines, key=lambda line: line.scenario.group):
        parts.append(f"### {group[0].upper()}{group[1:]}\n\n{_table([HEAD, *map(_row, members)])}")
    return "\n\n".join(parts)


def interval(hits: int, runs: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    z2 = NORMAL_975**2
    middle = (hits + z2 / 2) / (runs + z2)
    half = NORMAL_975 * (hits * (runs - hits) / runs + z2 / 4) ** 0.5 / (runs + z2)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _row(line: Line) -> tuple[str, ...]:
    scenario, played = line.scenario, line.played
    ours, others = played[OURS], [played[other] for other in OTHERS]

    def each(cell: Cell) -> str:
        return " / ".join(map(cell, (ours, *others)))

    return (
        scenario.name,
        f"{100 * scenario.errors:g}",
        f"{scenario.rate:,g}",
        _wrong(scenario.right, ours),
        " / ".join(_percent(other, WRONG.get(scenario.right)) for other in others),
        each(lambda p: _percent(p, Outcome.ROLLED_BACK)),
        each(lambda p: _percent(p, Outcome.PROMOTED)),
        _percent(ours, Outcome.INCONCLUSIVE),
        each(_bad),
        each(lambda p: _median(p.minutes, p.outcome == Outcome.ROLLED_BACK)),
        each(lambda p: _median(p.minutes, p.outcome == Outcome.PROMOTED)),
        " / ".join(_ratio(other, ours) for other in others),
    )


def _wrong(right: Right, played: Played) -> str:
    if right not in WRONG:
        return "–"
    hits, runs = int((played.outcome == WRONG[right]).sum()), len(played.outcome)
    low, high = interval(hits, runs)
    what = "rollbacks" if right == Right.KEEP else "promotions"
    return f"{what} {100 * hits / runs:.2f} ({100 * low:.2f}–{100 * high:.2f})"


def _percent(played: Played, outcome: Outcome | None) -> str:
    return "–" if outcome is None else f"{100 * (played.outcome == outcome).mean():.1f}"


def _bad(played: Played) -> str:
    bad = played.bad[played.outcome == Outcome.ROLLED_BACK]
    return f"{np.median(bad):,.0f} ({np.quantile(bad, 0.95):,.0f})" if len(bad) else "–"


def _median(values: Floats, which: npt.NDArray[np.bool_]) -> str:
    return f"{np.median(values[which]):.1f}" if which.any() else "–"


def _ratio(other: Played, ours: Played) -> str:
    """Only where both roll most of the canaries back: else the few that they do are not comparable."""
    back = [played.outcome == Outcome.ROLLED_BACK for played in (other, ours)]
    if min(which.mean() for which in back) < 0.5:
        return "–"
    return f"{np.median(other.bad[back[0]]) / max(np.median(ours.bad[back[1]]), 1):.1f}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *("---:" for _ in rows[0][1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:]))

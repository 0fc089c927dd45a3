"""Our rules and those of sloth on the same series: where they agree, and where docs/slos.md says that they do not."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from fairlead.slo.rules import Terms
from unit.slo.profiles import SECOND, UP, availability, compiled, requests
from unit.slo.promtool import Rows, Series, Try
from unit.slo.sloth import GOOGLE, WEEK, Windows, sloth

PAGE = Path(__file__).parents[3] / "docs/slos.md"
ALL = ("5m", "30m", "1h", "6h")
PERIOD = "burn rate, period so far"
URGENT, WARNING = "critical alert, minutes until it fires", "warning"
SEVERITIES = {URGENT: ("critical", "page"), WARNING: ("warning", "ticket")}
NEVER, FIRES = "none", "fires"


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What both answer to the same question, as a row of the table in docs/slos.md.

    `begins` is the minute in which that begins which alerts, `until` the one in which it is asked.
    """

    situation: str
    asked: str
    ours: float | str
    theirs: float | str
    series: Series
    until: int
    begins: int = 0
    target: str = "99.9"
    days: int = 30
    windows: Windows = GOOGLE

    def expected(self) -> Iterator[tuple[str, Rows]]:
        """Queries, and what they answer."""
        for who, answer in enumerate((self.ours, self.theirs)):
            row = {} if answer == NEVER else {"{}": 1 if answer == FIRES else float(answer)}
            yield from ((f"sum({query})", row) for query in self._queries(who))

    def _queries(self, who: int) -> Iterator[str]:
        allowed = 1 - float(self.target) / 100
        if self.asked in SEVERITIES:
            label = ("severity", "sloth_severity")[who]
            alert = f"max(ALERTS{{alertstate='firing',{label}='{SEVERITIES[self.asked][who]}'}})"
            lasts = self.until - self.begins
            first = f"min_over_time((vector(time()) and on() {alert})[{lasts}m:1m]) / 60 - {self.begins}"
            yield alert if FIRES in (self.ours, self.theirs) else first
        elif self.asked == PERIOD:
            ours, theirs = "1 - fairlead:error_budget_remaining:ratio", "slo:period_burn_rate:ratio"
            yield f"round({(ours, theirs)[who]}, 0.01)"
        else:
            ratio = ("fairlead:sli_error_ratio:rate", "slo:sli_error:ratio_rate")[who]
            windows = self.asked.removeprefix("burn rate, ").split(" ")
            yield from (f"round({ratio}{window} / {allowed:.6g}, 0.01)" for window in windows)


EVERY_WINDOW = f"burn rate, {' '.join(ALL)}"
NIGHT = requests("0+6000x239 1434001+0.9x240", "0+3x239 717.1+0.1x240")
A_NIGHT = "4 busy hours with 0.05 % bad, then 3½ with a request a minute, of which 10 % are bad"

TABLE = (
    Beside(
        situation="0.5 % bad, for 7 hours",
        asked=EVERY_WINDOW,
        ours=5,
        theirs=5,
        series=requests("0+5970x420", "0+30x420"),
        until=420,
    ),
    Beside(
        situation="1 % bad, and the server restarts every 10 minutes",
        asked=EVERY_WINDOW,
        ours=10,
        theirs=10,
        series=requests(*(" ".join([f"0+{each}x9"] * 42) for each in (594, 6))),
        until=415,
    ),
    Beside(
        situation="half an hour after a promotion: 1 % bad before, none since",
        asked="burn rate, 1h",
        ours=5.45,
        theirs=5.04,
        series=requests("0+594x60 _x60", "0+6x60 _x60") | requests("_x60 0+600x60", "_x60 0x60", of=SECOND),
        until=90,
    ),
    Beside(
        situation="5 % bad, after 7 good hours",
        asked=URGENT,
        ours=20,
        theirs=18,
        series=requests("0+600x420 252600+570x60", "0x420 30+30x60"),
        begins=420,
        until=470,
    ),
    Beside(situation=A_NIGHT, asked="burn rate, 6h", ours=0.52, theirs=0.52, series=NIGHT, until=450),
    Beside(situation=A_NIGHT, asked=PERIOD, ours=0.51, theirs=46.27, series=NIGHT, until=450),
    Beside(situation=A_NIGHT, asked=URGENT, ours=NEVER, theirs=FIRES, series=NIGHT, until=450),
    Beside(
        situation="no series of bad requests for 10 hours, then 0.17 % bad for one",
        asked=PERIOD,
        ours=0.15,
        theirs=1.63,
        series=requests("0+600x700", "_x600 1+1x100"),
        until=660,
    ),
    Beside(
        situation="target 93 %: all bad, after 7 good hours",
        asked=URGENT,
        ours=60,
        theirs=152,
        series=requests("0+600x420 252000x220", "0x420 600+600x220"),
        target="93",
        begins=420,
        until=620,
    ),
    Beside(
        situation="target 99 % in 28 days: 0.95 % bad, so the budget lasts",
        asked=WARNING,
        ours=NEVER,
        theirs=FIRES,
        series=requests("0+9905x100", "0+95x100"),
        target="99",
        days=28,
        until=90,
    ),
    Beside(
        situation="target 99 % in 7 days: 0.995 % bad, so the budget lasts",
        asked=WARNING,
        ours=NEVER,
        theirs=FIRES,
        series=requests("0+99005x100", "0+995x100"),
        target="99",
        days=7,
        windows=WEEK,
        until=90,
    ),
)


@pytest.mark.parametrize("beside", TABLE, ids=lambda each: f"{each.situation}: {each.asked}")
def test_the_page_says_what_both_answer(beside: Beside, tmp_path: Path):
    ours = compiled(availability(beside.target), terms=Terms(period=timedelta(days=beside.days)))
    theirs = sloth(float(beside.target), days=beside.days, windows=beside.windows)
    expected = {(query, f"{beside.until}m"): rows for query, rows in beside.expected()}
    Try(folder=tmp_path, groups=ours + theirs, series=UP | beside.series).answers(expected)
    row = f"| {beside.situation} | {beside.asked} | {beside.ours} | {beside.theirs} |"
    assert row in PAGE.read_text(), row


def test_the_page_has_no_other_rows():
    table = PAGE.read_text().partition("| series | asked for |")[2].partition("\n\n")[0]
    assert len(table.splitlines()) == 2 + len(TABLE)

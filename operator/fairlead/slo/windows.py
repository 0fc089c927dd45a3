"""When an error budget burns too fast: the four pairs of windows of the Google SRE workbook, for any period.

The workbook (sre.google/workbook/alerting-on-slos, chapter 5, table 5-8) has them for 30 days:

| long | short | factor | share of the budget that is gone by then | severity |
|------|-------|--------|------------------------------------------|----------|
| 1h   | 5m    | 14.4   | 2 %                                      | critical |
| 6h   | 30m   | 6      | 5 %                                      | critical |
| 1d   | 2h    | 3      | 10 %                                     | warning  |
| 3d   | 6h    | 1      | 10 %                                     | warning  |

factor = share · period / long. With a longer period the windows stay and the factors grow, as sloth (sloth.dev) does
it: whoever is on call hears of the same outage as early. With a shorter one sloth's factors fall below 1, and an alert
at less than 1 fires although the budget lasts. So there the factors stay, and the windows shrink with the period, down
to the five minutes that events are taken over.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Literal

WORKBOOK = timedelta(days=30)
SHORTEST = timedelta(minutes=5)

MOST = 0.95
"""The greatest bad share that an alert waits for. Where factor · allowed share is 1 or more it could never fire."""

FEWEST = 10
"""Bad requests within the long window without which no alert fires: on a quiet night one of three is a third."""

Severity = Literal["critical", "warning"]

_TABLE: tuple[tuple[timedelta, timedelta, float, Severity], ...] = (
    (timedelta(hours=1), timedelta(minutes=5), 0.02, "critical"),
    (timedelta(hours=6), timedelta(minutes=30), 0.05, "critical"),
    (timedelta(days=1), timedelta(hours=2), 0.10, "warning"),
    (timedelta(days=3), timedelta(hours=6), 0.10, "warning"),
)


@dataclass(frozen=True, kw_only=True)
class Burn:
    """An alert fires when the budget burns `factor` times as fast as it lasts, over both windows."""

    long: timedelta
    short: timedelta
    factor: float
    severity: Severity

    def threshold(self, allowed: float) -> float:
        """The bad share from which it fires, for an objective that allows a share of bad requests."""
        return min(self.factor * allowed, MOST)


@cache
def burns(period: timedelta) -> tuple[Burn, ...]:
    """The four pairs of windows, the quickest first."""
    shrunk = min(period / WORKBOOK, 1.0)
    return tuple(
        Burn(
            long=_whole_minutes(long * shrunk),
            short=_whole_minutes(short * shrunk),
            factor=round(share * max(period, WORKBOOK) / long, 6),
            severity=severity,
        )
        for long, short, share, severity in _TABLE
    )


def _whole_minutes(window: timedelta) -> timedelta:
    return max(timedelta(minutes=round(window / timedelta(minutes=1))), SHORTEST)

"""Windows and factors for any period, beside those of the SRE workbook and of sloth."""

from datetime import timedelta

import pytest

from fairlead.slo.windows import MOST, SHORTEST, burns

DAYS = range(1, 91)
SHARES = (0.02, 0.05, 0.1, 0.1)


def test_thirty_days_are_the_workbooks():
    assert [burn.factor for burn in burns(timedelta(days=30))] == [14.4, 6, 3, 1]


def test_longer_periods_are_sloths():
    """Its formula: share of the budget · hours of the period / hours of the long window, the windows as they are."""
    for days in range(30, 91):
        found = burns(timedelta(days=days))
        assert [burn.long for burn in found] == [timedelta(hours=h) for h in (1, 6, 24, 72)]
        sloth = [share * days * 24 / hours for share, hours in zip(SHARES, (1, 6, 24, 72), strict=True)]
        assert [burn.factor for burn in found] == pytest.approx(sloth)


@pytest.mark.parametrize("days", DAYS)
def test_no_alert_fires_while_the_budget_lasts(days: int):
    for burn in burns(timedelta(days=days)):
        assert burn.factor >= 1
        for allowed in (0.0001, 0.001, 0.05, 0.1, 0.5):
            assert allowed <= burn.threshold(allowed) <= MOST


@pytest.mark.parametrize("days", DAYS)
def test_windows_are_none_that_events_do_not_fill(days: int):
    period = timedelta(days=days)
    for burn in burns(period):
        assert SHORTEST <= burn.short <= burn.long <= period
        assert burn.long % timedelta(minutes=1) == timedelta(0)


@pytest.mark.parametrize("days", range(7, 91))
def test_an_alert_comes_at_the_workbooks_share_of_the_budget(days: int):
    """From a week on; in shorter periods the windows cannot shrink any more, and a little more is gone by then."""
    period = timedelta(days=days)
    for burn, share in zip(burns(period), SHARES, strict=True):
        assert burn.factor * (burn.long / period) == pytest.approx(share, rel=0.05)

"""scaling/floors.py: when there are more pods at least, by the clocks of people."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from fairlead.api.autoscaling import ScheduledFloor
from fairlead.scaling.floors import Floor, floor_at

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


def a_floor(cron: str, duration: str, pods: int = 8, zone: str = "UTC", name: str = "busy") -> ScheduledFloor:
    said = {"name": name, "cron": cron, "duration": duration, "minReplicas": pods, "timeZone": zone}
    return ScheduledFloor.model_validate(said)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def at(now: datetime | str, *floors: ScheduledFloor) -> Floor:
    return floor_at(floors, utc(now) if isinstance(now, str) else now, least=2, most=20)


def changes(first: str, days: int, *floors: ScheduledFloor) -> list[tuple[str, int]]:
    """The times at which another number begins to hold, found only by looking when one is told to look."""
    now, end = utc(first), utc(first) + timedelta(days=days)
    found: list[tuple[str, int]] = []
    while now < end:
        floor = at(now, *floors)
        if not found or found[-1][1] != floor.replicas:
            found.append((f"{now:%m-%d %H:%M}", floor.replicas))
        assert floor.changes is not None
        assert floor.changes > now, "or it would be looked at for ever"
        now = floor.changes
    return found


def test_without_floors_nothing_ever_changes():
    assert at("2026-01-05 09:00") == Floor(replicas=2)


def test_a_working_day():
    office = a_floor("0 8 * * MON-FRI", "10h")
    assert changes("2026-01-02 00:00", 4, office) == [
        ("01-02 00:00", 2),
        ("01-02 08:00", 8),
        ("01-02 18:00", 2),
        ("01-05 08:00", 8),
        ("01-05 18:00", 2),
    ], "Friday and Monday"


def test_what_holds_is_told_with_its_end():
    floor = at("2026-01-05 09:30", a_floor("0 8 * * *", "10h"))
    assert (floor.name, floor.until, floor.changes) == ("busy", utc("2026-01-05 18:00"), utc("2026-01-05 18:00"))


@pytest.mark.parametrize(("second", "pods"), [(29, 8), (30, 2), (45, 2)])
def test_it_ends_to_the_second(second: int, pods: int):
    now = utc("2026-01-05 08:01") + timedelta(seconds=second)
    floor = at(now, a_floor("0 8 * * *", "90s"))
    assert floor.replicas == pods
    assert floor.changes is not None
    assert floor.changes > now


def test_of_times_that_overlap_the_highest_holds():
    day, noon = a_floor("0 8 * * *", "10h", 5), a_floor("0 12 * * *", "2h", 9, name="noon")
    assert changes("2026-01-05 00:00", 1, day, noon) == [
        ("01-05 00:00", 2),
        ("01-05 08:00", 5),
        ("01-05 12:00", 9),
        ("01-05 14:00", 5),
        ("01-05 18:00", 2),
    ]
    assert at("2026-01-05 13:00", day, noon).name == "noon"


def test_one_below_the_minimum_says_nothing():
    floor = at("2026-01-05 09:00", a_floor("0 8 * * *", "10h", 1))
    assert (floor.replicas, floor.name) == (2, None)


def test_none_goes_beyond_the_maximum():
    assert at("2026-01-05 09:00", a_floor("0 8 * * *", "10h", 50)).replicas == 20


def test_times_that_follow_each_other_without_a_gap_are_one_and_their_end_is_told_when_it_comes():
    hourly = a_floor("0 8-17 * * *", "1h")
    assert changes("2026-01-05 00:00", 1, hourly) == [("01-05 00:00", 2), ("01-05 08:00", 8), ("01-05 18:00", 2)]
    assert at("2026-01-05 09:30", hourly).until is None, "or the status would change every hour"
    assert at("2026-01-05 17:30", hourly).until == utc("2026-01-05 18:00")


def test_what_begins_every_minute_never_ends():
    always = a_floor("* * * * *", "168h")
    assert (at("2026-01-05 09:30", always).replicas, at("2026-01-05 09:30", always).until) == (8, None)


def test_a_time_of_a_week_is_remembered_all_week():
    week = a_floor("0 0 * * MON", "168h")
    assert at("2026-01-11 23:59", week).replicas == 8
    assert at("2026-01-11 23:59", a_floor("0 0 * * MON", "167h")).replicas == 2


@pytest.mark.parametrize(
    ("zone", "day", "cron", "begins"),
    [
        # In spring 8:00 is an hour earlier than the day before; what is left out begins right after the gap.
        (BERLIN, "2026-03-28", "0 8 * * *", ["03-28 07:00", "03-29 06:00"]),
        (BERLIN, "2026-03-28", "30 2 * * *", ["03-28 01:30", "03-29 01:00"]),
        (NEW_YORK, "2026-03-07", "0 8 * * *", ["03-07 13:00", "03-08 12:00"]),
        (NEW_YORK, "2026-03-07", "30 2 * * *", ["03-07 07:30", "03-08 07:00"]),
        # In autumn it is an hour later; what comes twice begins the first time.
        (BERLIN, "2026-10-24", "0 8 * * *", ["10-24 06:00", "10-25 07:00"]),
        (BERLIN, "2026-10-24", "30 2 * * *", ["10-24 00:30", "10-25 00:30"]),
        (NEW_YORK, "2026-10-31", "0 8 * * *", ["10-31 12:00", "11-01 13:00"]),
        (NEW_YORK, "2026-10-31", "30 1 * * *", ["10-31 05:30", "11-01 05:30"]),
    ],
)
def test_it_begins_by_the_clock_on_the_wall(zone: str, day: str, cron: str, begins: list[str]):
    told = changes(f"{day} 00:00", 2, a_floor(cron, "20m", zone=zone))
    assert [when for when, pods in told if pods == 8] == begins


@pytest.mark.parametrize(
    ("zone", "begins", "ends"),
    [
        (BERLIN, "2026-03-28 21:00", "2026-03-29 05:00"),
        (BERLIN, "2026-10-24 20:00", "2026-10-25 04:00"),
        (NEW_YORK, "2026-03-08 03:00", "2026-03-08 11:00"),
        (NEW_YORK, "2026-11-01 02:00", "2026-11-01 10:00"),
    ],
)
def test_a_night_in_which_the_clock_changes_lasts_its_eight_hours(zone: str, begins: str, ends: str):
    night = a_floor("0 22 * * *", "8h", zone=zone)
    minute = timedelta(minutes=1)
    held = [at(now, night).replicas for now in (utc(begins) - minute, utc(begins), utc(ends) - minute, utc(ends))]
    assert held == [2, 8, 8, 2]


@pytest.mark.parametrize("minute", range(0, 60, 7))
def test_the_hour_that_comes_twice_has_one_time_and_not_two(minute: int):
    """0:30 to 0:50 UTC is 2:30 to 2:50 the first time; 1:30 UTC is 2:30 the second time."""
    short = a_floor("30 2 * * *", "20m", zone=BERLIN)
    first, second = (utc(f"2026-10-25 {hour}:{minute:02}") for hour in ("00", "01"))
    assert at(first, short).replicas == (8 if 30 <= minute < 50 else 2)
    assert at(second, short).replicas == 2


@given(
    cron=st.sampled_from(["30 2 * * *", "*/7 1-3 * * *", "0 */6 * * SUN", "5 3 * * *", "* 2 * * *"]),
    minutes=st.sampled_from([1, 20, 61, 300, 26 * 60]),
    zone=st.sampled_from([BERLIN, NEW_YORK, "UTC", "Australia/Lord_Howe"]),
    change=st.sampled_from(["2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01", "2026-04-04"]),
    after=st.integers(0, 2 * 24 * 60),
)
def test_it_says_the_same_as_counting_from_long_ago(cron: str, minutes: int, zone: str, change: str, after: int):
    now, lasts = utc(f"{change} 00:00") + timedelta(minutes=after), timedelta(minutes=minutes)
    long_ago = (now - timedelta(days=9)).astimezone(ZoneInfo(zone))
    begun = next_one = None
    for next_one in (each.astimezone(UTC) for each in CronSim(cron, long_ago)):
        if next_one > now:
            break
        begun = next_one
    floor = at(now, a_floor(cron, f"{minutes}m", zone=zone))
    assert begun is not None
    assert floor.replicas == (8 if begun + lasts > now else 2)
    assert floor.changes == min(each for each in (begun + lasts, next_one) if each > now)


@pytest.mark.parametrize(
    ("cron", "zone", "told"),
    [
        ("0 8 30 2 *", "UTC", 'has a cron line that cannot be read, or a day that never comes, "0 8 30 2 *"'),
        ("0 25 * * *", "UTC", 'has a cron line that cannot be read, or a day that never comes, "0 25 * * *": Bad hour'),
        ("0 8 * * MON-", "UTC", "has a cron line that cannot be read"),
        ("1L 8 * * *", "UTC", "has a cron line that cannot be read"),
        ("0 8 * * *", "Europe/Atlantis", "names no time zone that is known: Europe/Atlantis"),
        ("0 8 * * *", "Europe", "names no time zone that is known: Europe"),
        ("0 8 * * *", "A//B", "names no time zone that is known"),
    ],
)
def test_what_cannot_be_read_is_told_and_the_others_hold(cron: str, zone: str, told: str):
    floor = at("2026-01-05 09:00", a_floor(cron, "1h", zone=zone, name="odd"), a_floor("0 8 * * *", "10h"))
    (problem,) = floor.problems
    assert problem.startswith(f"floor odd {told}")
    assert (floor.replicas, floor.name) == (8, "busy")


FRAGMENTS = ("*", "1", "5", "0", "L", "W", "#", "/", "-", ",", "MON", "JAN", "7", "31", "60", "FRI")
FIELD = st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=4).map("".join)


@given(cron=st.tuples(FIELD, FIELD, FIELD, FIELD, FIELD).map(" ".join), zone=st.sampled_from([BERLIN, "UTC"]))
def test_whatever_is_written_there_is_an_answer(cron: str, zone: str):
    said = {"name": "odd", "cron": "0 0 * * *", "duration": "1h", "minReplicas": 3, "timeZone": zone}
    odd = ScheduledFloor.model_validate(said).model_copy(update={"cron": cron})
    assert at("2026-01-05 09:00", odd).replicas in (2, 3)

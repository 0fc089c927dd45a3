"""Times with more pods at least: what holds now, and when that changes.

A time begins when the wall clock of its time zone shows what cron says, by the rules of Debian's cron: what falls into
an hour that is left out in spring begins right after it, and what falls into one that comes twice in autumn begins
once. It lasts as long as it says, by any clock.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from fairlead.api.autoscaling import ScheduledFloor

LOOK_BACK = (timedelta(hours=2), timedelta(days=1), timedelta(days=7))
"""How far back it is looked for the last beginning: what begins every minute is found without a week of minutes."""


@dataclass(frozen=True, kw_only=True)
class Floor:
    """The fewest pods that are to be now. `name` is that of the time that says so, if one does.

    `until` is when that time ends; None where it begins again by then. `changes` is when another number may hold; None
    where that is never. `problems` says which times cannot be read.
    """

    replicas: int
    name: str | None = None
    until: datetime | None = None
    changes: datetime | None = None
    problems: tuple[str, ...] = ()


def floor_at(floors: tuple[ScheduledFloor, ...], now: datetime, *, least: int, most: int) -> Floor:
    """What holds at a time, within what holds at all times."""
    replicas, name, until = least, None, None
    changes: list[datetime] = []
    problems = []
    for each in floors:
        found = _around(each, now.replace(second=0, microsecond=0))
        if isinstance(found, str):
            problems.append(f"floor {each.name} {found}")
            continue
        ends = found.begun + each.duration if found.begun is not None else now
        if ends > now:
            changes.append(ends)
            if each.min_replicas > replicas:
                again = found.begins is not None and found.begins <= ends
                replicas, name, until = each.min_replicas, each.name, None if again else ends
        if found.begins is not None:
            changes.append(found.begins)
    return Floor(
        replicas=min(replicas, most),
        name=name,
        until=until,
        changes=min(changes, default=None),
        problems=tuple(problems),
    )


@dataclass(frozen=True, kw_only=True)
class _Beginnings:
    """The last beginning, if the time may still last; and the next one."""

    begun: datetime | None
    begins: datetime | None


@lru_cache(maxsize=1024)
def _around(floor: ScheduledFloor, minute: datetime) -> _Beginnings | str:
    """The beginnings around a minute, or why there are none."""
    try:
        zone = ZoneInfo(floor.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"names no time zone that is known: {floor.time_zone}"
    try:
        return _found(floor, zone, minute)
    except CronSimError as wrong:
        return f'has a cron line that cannot be read, or a day that never comes, "{floor.cron}": {wrong}'


def _found(floor: ScheduledFloor, zone: ZoneInfo, minute: datetime) -> _Beginnings:
    begun = begins = None
    for back in LOOK_BACK:
        for begins in _after(floor, zone, minute - min(back, floor.duration)):
            if begins > minute:
                break
            begun = begins
        if begun is not None or back >= floor.duration:
            break
    return _Beginnings(begun=begun, begins=begins if begins is not None and begins > minute else None)


def _after(floor: ScheduledFloor, zone: ZoneInfo, time: datetime) -> Iterator[datetime]:
    """What begins after a time. In the hour that comes twice that may be a bit before it."""
    return (each.astimezone(UTC) for each in CronSim(floor.cron, time.astimezone(zone)))

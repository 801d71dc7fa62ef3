"""Times of day that a rule may ask for, in a zone, on some days of the week."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from warren.facts import Facts

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONG_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
RANGE = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)\s*-\s*([01]?\d|2[0-4]):([0-5]\d)", re.ASCII)
MIDNIGHT = 24 * 60
"""Minutes of a day."""
EXAMPLE = '{between: "22:00-06:00", zone: Europe/Berlin, days: [mon, tue]}'
KEYS = ("between", "zone", "days")


class BadTime(Exception):
    """Not a time of day. `path` leads to the key below `timeOfDay`."""

    def __init__(self, path: tuple[str, ...], found: Any, remedy: str) -> None:
        super().__init__(remedy)
        self.path = path
        self.found = found
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of the day: from `start` up to `end`, in minutes; over midnight when it ends before it starts."""

    start: int
    end: int
    zone: tzinfo
    days: frozenset[int]
    """Of the moment itself, Monday is 0: after midnight it is the next day."""
    text: str

    def hold(self, now: datetime) -> bool:
        local = now.astimezone(self.zone)
        if local.weekday() not in self.days:
            return False
        minute = local.hour * 60 + local.minute
        if self.start <= self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end

    def shown(self, facts: Facts) -> Collection[str]:
        local = facts.now.astimezone(self.zone)
        return (f"{DAYS[local.weekday()]} {local:%H:%M} {self.zone}",)


def hours_of(value: Any) -> Hours:
    """What is written below `timeOfDay`: a range such as `22:00-06:00`, or a range with a zone and days. Raises BadTime."""
    keys = value if isinstance(value, Mapping) else {"between": value}
    for key in keys:
        if key not in KEYS:
            raise BadTime((str(key),), "", f"write {', '.join(KEYS)}, such as {EXAMPLE}")
    between = keys.get("between", "00:00-24:00")
    where = ("between",) if isinstance(value, Mapping) else ()
    found = RANGE.fullmatch(between) if isinstance(between, str) else None
    if found is None or (end := _minutes(found[3], found[4])) > MIDNIGHT or _minutes(found[1], found[2]) >= MIDNIGHT:
        raise BadTime(where, between, 'write two times with a dash, in quotes, such as "22:00-06:00"')
    start = _minutes(found[1], found[2])
    if start == end:
        raise BadTime(where, between, "write two times that differ; the whole day is 00:00-24:00")
    zone, days = keys.get("zone", "UTC"), _days(keys.get("days"))
    on = "" if len(days) == len(DAYS) else f" on {', '.join(DAYS[day] for day in sorted(days))}"
    return Hours(start, end, _zone(zone), days, f"time is {between} {zone}{on}")


def _minutes(hours: str, minutes: str) -> int:
    return int(hours) * 60 + int(minutes)


def _zone(name: Any) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise BadTime(("zone",), name, "no time zone by that name; write one such as UTC or Europe/Berlin") from None


def _days(value: Any) -> frozenset[int]:
    if value is None:
        return frozenset(range(len(DAYS)))
    names = value if isinstance(value, list) else [value]
    days = {
        listed.index(name) for each in names for listed in (DAYS, LONG_DAYS) if (name := str(each).lower()) in listed
    }
    if not names or len(days) != len(names):
        raise BadTime(("days",), value, f"write some of {', '.join(DAYS)}")
    return frozenset(days)

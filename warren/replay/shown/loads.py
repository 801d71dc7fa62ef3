"""Loads in the sizes that people can read: few places, few steps of time."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from warren.replay.statement import OTHERS, Place
from warren.replay.tally import Load

Loads = Mapping[Place, Mapping[int, Load]]
"""By place and hour since 1970, in UTC."""

MOST_SERIES = 8
DAY = 24
"""Hours. What has not passed in one day is shown by the hour of the day."""


def gathered(loads: Loads, most: int) -> dict[Place, Mapping[int, Load]]:
    """The busiest places, and all others as one when there are more than `most`. Expects the busiest first."""
    places = list(loads)
    kept = [place for place in places if place != OTHERS]
    if len(places) > most or OTHERS in loads:
        kept = kept[: most - 1]
    found: dict[Place, Mapping[int, Load]] = {place: loads[place] for place in kept}
    rest: dict[int, Load] = {}
    for place in places:
        if place not in found:
            for hour, load in loads[place].items():
                rest.setdefault(hour, Load()).add(load)
    if rest:
        found[OTHERS] = rest
    return found


def by_hour(loads: Loads) -> tuple[str, dict[int, dict[Place, Load]]]:
    """A title, and the rows of a table: hours since 1970 when all lies within a day, else hours of the day."""
    hours = sorted({hour for each in loads.values() for hour in each})
    within_a_day = hours[-1] - hours[0] < DAY
    rows: dict[int, dict[Place, Load]] = {}
    for place, each in loads.items():
        for hour, load in each.items():
            row = rows.setdefault(hour if within_a_day else hour % DAY, {})
            row.setdefault(place, Load()).add(load)
    title = "Statements of each hour, before → after"
    return title if within_a_day else f"{title}, all days together", dict(sorted(rows.items()))


def hour_words(hour: int) -> str:
    """An hour of the day, or one since 1970."""
    if hour < DAY:
        return f"{hour:02}:00"
    return f"{datetime.fromtimestamp(hour * 3600, UTC):%Y-%m-%d %H:%M}"


def peak(hours: Mapping[int, Load], side: Literal["before", "after"]) -> str:
    """The busiest hour, the first of several."""
    count, hour = max((getattr(load, side), -hour) for hour, load in hours.items())
    return f"{count:,}, {datetime.fromtimestamp(-hour * 3600, UTC):%m-%d %H}h" if count else ""

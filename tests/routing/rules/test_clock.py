"""Times of day: over midnight, in zones that change their clocks, on days of the week."""

from datetime import UTC, datetime

import pytest

from warren.facts import Facts, RequestFacts
from warren.routing.rules.clock import DAYS, EXAMPLE, BadTime, hours_of

# 2026-11-25 is a Wednesday.
NIGHT = "22:00-06:00"
DAY = "08:00-18:00"
BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("between", "moment", "holds"),
    [
        (DAY, "2026-11-25T07:59:59", False),
        (DAY, "2026-11-25T08:00:00", True),
        (DAY, "2026-11-25T17:59:59", True),
        (DAY, "2026-11-25T18:00:00", False),
        (NIGHT, "2026-11-25T21:59:59", False),
        (NIGHT, "2026-11-25T22:00:00", True),
        (NIGHT, "2026-11-25T23:59:59", True),
        (NIGHT, "2026-11-26T00:00:00", True),
        (NIGHT, "2026-11-26T05:59:59", True),
        (NIGHT, "2026-11-26T06:00:00", False),
        ("18:00-24:00", "2026-11-25T23:59:59", True),
        ("18:00-24:00", "2026-11-26T00:00:00", False),
        ("18:00-00:00", "2026-11-25T23:59:59", True),
        ("18:00-00:00", "2026-11-26T00:00:00", False),
        ("00:00-24:00", "2026-11-25T00:00:00", True),
        ("00:00-24:00", "2026-11-25T23:59:59", True),
        ("7:30 - 9:00", "2026-11-25T07:30:00", True),
        ("7:30 - 9:00", "2026-11-25T09:00:00", False),
    ],
)
def test_a_time_of_day_holds_from_its_first_minute_up_to_its_last(between: str, moment: str, holds: bool) -> None:
    assert hours_of(between).hold(at(moment)) is holds
    assert hours_of({"between": between}).hold(at(moment)) is holds


@pytest.mark.parametrize(
    ("moment", "holds"),
    [
        ("2026-01-15T06:59:00", False),  # winter: one hour before UTC
        ("2026-01-15T07:00:00", True),
        ("2026-01-15T16:59:00", True),
        ("2026-01-15T17:00:00", False),
        ("2026-07-15T05:59:00", False),  # summer: two
        ("2026-07-15T06:00:00", True),
        ("2026-07-15T15:59:00", True),
        ("2026-07-15T16:00:00", False),
    ],
)
def test_a_zone_with_daylight_saving_is_followed(moment: str, holds: bool) -> None:
    assert hours_of({"between": DAY, "zone": BERLIN}).hold(at(moment)) is holds


@pytest.mark.parametrize(
    ("moment", "holds"),
    [
        ("2026-03-29T00:59:00", False),  # 01:59
        ("2026-03-29T01:00:00", False),  # 03:00: the hour from two to three does not exist
        ("2026-10-25T00:00:00", True),  # 02:00, for the first time
        ("2026-10-25T01:00:00", True),  # 02:00, for the second time
        ("2026-10-25T02:00:00", False),
    ],
)
def test_the_hour_that_a_change_of_clocks_skips_or_repeats(moment: str, holds: bool) -> None:
    assert hours_of({"between": "02:00-03:00", "zone": BERLIN}).hold(at(moment)) is holds


@pytest.mark.parametrize(
    ("hours", "moment", "holds"),
    [
        ({"days": ["wed"]}, "2026-11-25T12:00:00", True),
        ({"days": ["wed"]}, "2026-11-24T23:59:00", False),
        ({"days": ["wed"]}, "2026-11-26T00:00:00", False),
        ({"days": "wed"}, "2026-11-25T12:00:00", True),
        ({"days": ["Saturday", "SUN"]}, "2026-11-28T12:00:00", True),
        ({"days": ["Saturday", "SUN"]}, "2026-11-29T12:00:00", True),
        ({"days": ["Saturday", "SUN"]}, "2026-11-30T12:00:00", False),
        # The day is that of the moment: a night begins on one day and ends on the next.
        ({"between": NIGHT, "days": ["wed"]}, "2026-11-25T23:00:00", True),
        ({"between": NIGHT, "days": ["wed"]}, "2026-11-26T01:00:00", False),
        ({"between": NIGHT, "days": ["wed"]}, "2026-11-25T01:00:00", True),
        # … in its zone: it is Thursday in Auckland already.
        ({"zone": "Pacific/Auckland", "days": ["thu"]}, "2026-11-25T12:00:00", True),
        ({"zone": "Pacific/Auckland", "days": ["wed"]}, "2026-11-25T12:00:00", False),
    ],
)
def test_days_are_those_of_the_moment_in_its_zone(hours: dict[str, object], moment: str, holds: bool) -> None:
    assert hours_of(hours).hold(at(moment)) is holds


@pytest.mark.parametrize("name", DAYS)
def test_each_day_is_known_by_name(name: str) -> None:
    week = [at(f"2026-11-{day}T12:00:00") for day in range(23, 30)]  # from Monday on
    assert [hours_of({"days": [name]}).hold(moment) for moment in week] == [name == each for each in DAYS]


def test_the_zone_of_the_moment_itself_does_not_matter() -> None:
    hours = hours_of({"between": DAY, "zone": BERLIN})
    moment = at("2026-01-15T07:30:00")
    assert hours.hold(moment)
    assert hours.hold(moment.astimezone(hours_of({"zone": "Asia/Tokyo"}).zone))


def test_what_was_seen_is_the_time_there() -> None:
    facts = Facts(request=RequestFacts(), now=at("2026-07-15T23:05:00"))
    assert list(hours_of({"between": NIGHT, "zone": BERLIN}).shown(facts)) == ["thu 01:05 Europe/Berlin"]
    assert list(hours_of(NIGHT).shown(facts)) == ["wed 23:05 UTC"]


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        (NIGHT, "time is 22:00-06:00 UTC"),
        ({"between": NIGHT, "zone": BERLIN}, "time is 22:00-06:00 Europe/Berlin"),
        ({"between": NIGHT, "days": ["tue", "mon"]}, "time is 22:00-06:00 UTC on mon, tue"),
        ({"days": list(DAYS)}, "time is 00:00-24:00 UTC"),
    ],
)
def test_it_can_be_said_in_words(hours: object, words: str) -> None:
    assert hours_of(hours).text == words


@pytest.mark.parametrize(
    ("hours", "path", "remedy"),
    [
        ("", (), "two times with a dash"),
        ("22:00", (), "two times with a dash"),
        ("22-06", (), "two times with a dash"),
        ("25:00-06:00", (), "two times with a dash"),
        ("24:00-06:00", (), "two times with a dash"),
        ("22:00-24:01", (), "two times with a dash"),
        ("22:60-23:00", (), "two times with a dash"),
        ("٢٢:00-06:00", (), "two times with a dash"),
        (["22:00", "06:00"], (), "two times with a dash"),
        (None, (), "two times with a dash"),
        ("08:00-08:00", (), "two times that differ"),
        ({"between": "08:00-8:00"}, ("between",), "two times that differ"),
        ({"between": "morning"}, ("between",), "two times with a dash"),
        ({"between": "24:00-24:00"}, ("between",), "two times with a dash"),
        ({"between": DAY, "zone": "Mars/Base"}, ("zone",), "no time zone by that name"),
        ({"between": DAY, "zone": ""}, ("zone",), "no time zone by that name"),
        ({"between": DAY, "zone": "Europe"}, ("zone",), "no time zone by that name"),
        ({"between": DAY, "zone": "../../etc/passwd"}, ("zone",), "no time zone by that name"),
        ({"between": DAY, "zone": "/etc/localtime"}, ("zone",), "no time zone by that name"),
        ({"between": DAY, "zone": ["UTC"]}, ("zone",), "no time zone by that name"),
        ({"between": DAY, "zone": "x" * 5000}, ("zone",), "no time zone by that name"),
        ({"between": DAY, "days": []}, ("days",), "mon, tue"),
        ({"between": DAY, "days": ["mon", "mon"]}, ("days",), "mon, tue"),
        ({"between": DAY, "days": ["mon", "Monday"]}, ("days",), "mon, tue"),
        ({"between": DAY, "days": "mon-fri"}, ("days",), "mon, tue"),
        ({"between": DAY, "days": "mon, tue"}, ("days",), "mon, tue"),
        ({"between": DAY, "days": ["monkey"]}, ("days",), "mon, tue"),
        ({"between": DAY, "days": ["1"]}, ("days",), "mon, tue"),
        ({"from": "8:00"}, ("from",), EXAMPLE),
    ],
)
def test_what_is_no_time_of_day_is_refused_with_the_place(hours: object, path: tuple[str, ...], remedy: str) -> None:
    with pytest.raises(BadTime) as refused:
        hours_of(hours)
    assert refused.value.path == path
    assert remedy in refused.value.remedy

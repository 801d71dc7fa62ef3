import pytest

from warren.replay.shown.loads import by_hour, gathered, hour_words, peak
from warren.replay.statement import OTHERS, Kind, Place
from warren.replay.tally import Load

A, B, C = (Place(Kind.GROUP, name) for name in "abc")
NOON = 498_204
"""2026-11-01T12:00Z, in hours since 1970."""


def test_as_many_places_as_there_is_room_for() -> None:
    loads = {A: {1: Load(5, 5)}, B: {1: Load(3, 1), 2: Load(1, 0)}, C: {2: Load(0, 2)}}
    assert gathered(loads, 3) == loads
    assert gathered(loads, 2) == {A: loads[A], OTHERS: {1: Load(3, 1), 2: Load(1, 2)}}


def test_those_that_were_put_together_before_stay_the_last() -> None:
    loads = {OTHERS: {1: Load(9, 9)}, A: {1: Load(5, 5)}}
    assert list(gathered(loads, 5)) == [A, OTHERS]


def test_the_hours_of_one_day_are_shown_as_they_are() -> None:
    title, rows = by_hour({A: {NOON: Load(1, 2)}, B: {NOON + 23: Load(3, 4)}})
    assert title == "Statements of each hour, before → after"
    assert rows == {NOON: {A: Load(1, 2)}, NOON + 23: {B: Load(3, 4)}}


def test_the_hours_of_many_days_are_put_together() -> None:
    title, rows = by_hour({A: {NOON: Load(1, 2), NOON + 24: Load(3, 4), NOON + 25: Load(5, 6)}})
    assert title.endswith(", all days together")
    assert rows == {12: {A: Load(4, 6)}, 13: {A: Load(5, 6)}}


@pytest.mark.parametrize(("hour", "words"), [(7, "07:00"), (NOON, "2026-11-01 12:00")])
def test_an_hour_in_words(hour: int, words: str) -> None:
    assert hour_words(hour) == words


def test_the_busiest_hour_is_the_first_of_several() -> None:
    hours = {NOON: Load(1, 7), NOON + 1: Load(1200, 7), NOON + 2: Load(1, 2)}
    assert peak(hours, "before") == "1,200, 11-01 13h"
    assert peak(hours, "after") == "7, 11-01 12h"
    assert peak({NOON: Load(0, 1)}, "before") == ""

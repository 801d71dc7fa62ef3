from xml.etree import ElementTree

import pytest

from warren.replay.shown.chart import MOST_STEPS, chart, nice_above
from warren.replay.statement import Kind, Place
from warren.replay.tally import Load

NOON = 498_204
"""2026-11-01T12:00Z, in hours since 1970."""


def place(name: str) -> Place:
    return Place(Kind.GROUP, name)


def texts(svg: ElementTree.Element, kind: str) -> list[str]:
    return ["".join(each.itertext()) for each in svg.iter("text") if each.get("class") == kind]


def drawn(loads: dict[Place, dict[int, Load]]) -> ElementTree.Element:
    return ElementTree.fromstring(chart(loads))


def test_each_group_has_a_panel_with_its_name_and_numbers() -> None:
    svg = drawn({place("etl"): {NOON: Load(3, 5)}, place("a<b>&\"'"): {NOON: Load(1, 0)}})
    assert texts(svg, "name") == ["etl3 before, 5 after", "a<b>&\"'1 before, 0 after"]
    assert texts(svg, "axis") == ["time (UTC)", "statements per hour"]
    assert [each.get("class") for each in svg.iter("g")] == ["s0", "s1"]


def test_the_stairs_are_as_high_as_their_numbers() -> None:
    svg = drawn({place("etl"): {NOON: Load(10, 5), NOON + 1: Load(0, 10)}})
    before, after = (each.get("d") for each in svg.iter("path") if "line" in str(each.get("class")))
    assert before == "M84.0,24.0 L535.0,24.0 L535.0,120.0 L986.0,120.0"
    assert after == "M84.0,72.0 L535.0,72.0 L535.0,24.0 L986.0,24.0"


def test_the_pointer_is_told_the_numbers() -> None:
    svg = drawn({place("etl"): {NOON: Load(1000, 5)}})
    (hint,) = svg.iter("rect")
    assert hint.findtext("title") == "2026-11-01 12:00 UTC: 1,000 before, 5 after"


def test_many_groups_are_eight_panels() -> None:
    loads = {place(f"g{n}"): {NOON: Load(20 - n, 1)} for n in range(12)}
    names = texts(drawn(loads), "name")
    assert len(names) == 8
    assert names[-1] == "(others)55 before, 5 after"


@pytest.mark.parametrize(
    ("hours", "per"),
    [(1, "hour"), (168, "hour"), (24 * 30, "6 hours"), (24 * 30 * 7, "day"), (24 * 365 * 50, "124 days")],
)
def test_a_long_period_has_longer_steps(hours: int, per: str) -> None:
    svg = drawn({place("etl"): {NOON - 400_000: Load(1, 1), NOON - 400_000 + hours - 1: Load(2, 2)}})
    assert texts(svg, "axis")[1] == f"statements per {per}"
    (line, _) = (str(each.get("d")) for each in svg.iter("path") if "line" in str(each.get("class")))
    assert line.count(",") <= 2 * MOST_STEPS + 2


@pytest.mark.parametrize("hours", [1, 2, 5, 23, 24, 48, 100, 168, 24 * 31, 24 * 365, 24 * 3650])
def test_the_axis_of_time_has_a_few_words(hours: int) -> None:
    svg = drawn({place("etl"): {NOON: Load(1, 1), NOON + hours - 1: Load(2, 2)}})
    (time, *_) = [each for each in svg.iter("text") if "".join(each.itertext()) == "time (UTC)"]
    ticks = [each for each in svg.iter("text") if each.get("class") == "tick" and each.get("text-anchor") == "middle"]
    assert time is not None
    assert 1 <= len(ticks) <= 10


@pytest.mark.parametrize(
    ("number", "scale"), [(0, 2), (1, 2), (3, 4), (10, 10), (11, 12), (81, 100), (100, 100), (101, 120), (1022, 1200)]
)
def test_a_scale_ends_at_a_round_number(number: int, scale: int) -> None:
    assert nice_above(number) == scale
    assert scale % 2 == 0


def test_nothing_is_no_chart() -> None:
    assert chart({}) == ""

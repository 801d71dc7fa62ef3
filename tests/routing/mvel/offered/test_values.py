import pytest

from tests.routing.mvel.running import FACTS
from warren.routing.mvel.errors import RuleFailed
from warren.routing.mvel.offered.values import (
    Entry,
    HashSet,
    Optional,
    StringBuilder,
    Table,
    bounded,
    class_of,
    has_key,
    key,
    keys_of,
    map_of,
    room,
    same,
    sought,
    text_of,
)
from warren.routing.mvel.scope import Scope


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (1.0, "1.0"),
        (0.0, "0.0"),
        (-0.5, "-0.5"),
        (1e7, "1.0E7"),
        (1e-4, "1.0E-4"),
        (12345678.9, "1.23456789E7"),
        (9999999.0, "9999999.0"),
        (1.5e300, "1.5E300"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        (float("nan"), "NaN"),
        ([1, "a", [None]], "[1, a, [null]]"),
        ({"a": 1, "b": [2]}, "{a=1, b=[2]}"),
        (HashSet([2, 1]), "[2, 1]"),
        (frozenset({"b", "a"}), "[a, b]"),
        (Optional(Optional(1)), "Optional[Optional[1]]"),
        (Entry("a", 1), "a=1"),
        (StringBuilder("a"), "a"),
        (Table.of(("a", "b", "c")), "a.b.c"),
    ],
)
def test_texts_of_values_are_javas(value: object, text: str) -> None:
    assert text_of(value, Scope(FACTS)) == text


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (1, 1, True),
        (1, 1.0, False),
        (1, True, False),
        ("a", Table.of(("a",)), True),
        ([1, [2]], [1, [2]], True),
        ([1], (1,), False),
        ([1], [1, 2], False),
        ({"a": [1]}, {"a": [1]}, True),
        ({"a": 1}, {"b": 1}, False),
        ({"a": 1}, [1], False),
        (HashSet([1]), frozenset({1}), True),
        (HashSet([1]), [1], False),
        (Optional([1]), Optional([1]), True),
        (Optional(1), Optional(None), False),
        (Entry(1, 2), Entry(1, 2), True),
        (StringBuilder("a"), StringBuilder("a"), False),
    ],
)
def test_equality_is_javas(left: object, right: object, equal: bool) -> None:
    assert same(left, right, Scope(FACTS)) is equal


def test_a_table_is_found_among_others_by_its_text() -> None:
    assert Table.of(("a", "b", "c")) in {"a.b.c", "d"}
    assert "a.b.c" in HashSet([Table.of(("a", "b", "c"))]).items


@pytest.mark.parametrize("value", [[1], (1,), {}, HashSet(), Optional([1]), StringBuilder()])
def test_what_can_change_is_no_key(value: object) -> None:
    with pytest.raises(RuleFailed, match="cannot be in a set"):
        key(value)


def test_sizes_are_bounded() -> None:
    with pytest.raises(RuleFailed, match="longer than 1000000 characters"):
        bounded("a" * 1_000_001)
    with pytest.raises(RuleFailed, match="more than 10000 elements"):
        room(10_001)
    with pytest.raises(RuleFailed, match="longer than 1000000 characters"):
        text_of(["a" * 900_000] * 2, Scope(FACTS))


def test_a_class_has_its_name_in_java() -> None:
    assert [class_of(value) for value in (5, 2**40, "a", None, True)] == [
        "Integer",
        "Long",
        "String",
        "null",
        "Boolean",
    ]


@pytest.mark.parametrize("keys", [[1, "a", None], [1.0], [True], [float("inf")], [Optional(1)], [Optional(None)]])
def test_a_key_is_found_by_an_equal_one_of_its_class_only(keys: list[object]) -> None:
    others = (1, 1.0, True, 2, "1", "a", None, float("inf"), Optional(1), Optional(1.0), Optional(None), Optional("a"))
    for kept in (dict.fromkeys(keys), frozenset(keys)):
        for other in others:
            assert has_key(kept, other) is any(same(other, one, Scope(FACTS)) for one in keys), other


def test_what_is_no_number_is_no_number_among_keys() -> None:
    nan = float("nan")
    assert len(keys_of([nan, nan, 1])) == 2
    assert list(map_of(nan, 1, nan, 2).values()) == [2]
    assert sought(nan) == nan

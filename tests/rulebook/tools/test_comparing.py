"""Comparisons with a text: patterns that mean the same, and what has no plain form."""

import unicodedata

import pytest
import re2

from warren.routing.mvel.offered.operators import is_empty
from warren.routing.mvel.offered.texts import equals_ignore_case
from warren.rulebook.tools.asked import Asked
from warren.rulebook.tools.comparing import (
    BLANK,
    FILLED,
    Kept,
    caseless,
    check_types,
    compared,
    has_name,
    has_table,
    one_of,
)
from warren.rulebook.tools.conditions import Asks

EVERY = [chr(code) for code in range(0x20000) if unicodedata.category(chr(code)) != "Cs"]
HEADER = Asked("header", "source")
TYPE = Asked("type", "queryType")


@pytest.mark.slow
def test_blank_is_the_same_for_every_character() -> None:
    blank, filled = re2.compile(f"[{BLANK}]*"), re2.compile(f"(?s){FILLED}")
    for character in EVERY:
        assert (blank.fullmatch(character) is not None) is is_empty(character), hex(ord(character))
        assert (filled.fullmatch(character) is None) is is_empty(character), hex(ord(character))


@pytest.mark.slow
@pytest.mark.parametrize("letter", "aiks5.[")
def test_case_is_the_same_for_every_character(letter: str) -> None:
    equals = re2.compile(caseless("equals", letter))
    contains, starts = (
        re2.compile(f"(?s){caseless('contains', letter)}"),
        re2.compile(f"(?s){caseless('startsWith', letter)}"),
    )
    ends = re2.compile(f"(?s){caseless('endsWith', letter)}")
    for character in EVERY:
        lower = character.lower()
        assert (equals.fullmatch(character) is not None) is equals_ignore_case(character, letter), hex(ord(character))
        assert (contains.fullmatch(character) is not None) is (letter in lower), hex(ord(character))
        assert (starts.fullmatch(character) is not None) is lower.startswith(letter), hex(ord(character))
        assert (ends.fullmatch(character) is not None) is lower.endswith(letter), hex(ord(character))


def test_types_are_compared_without_case_where_that_says_the_same() -> None:
    text = 'trinoQueryProperties.getQueryType() == "{}"'
    check_types(text.format("Insert"), TYPE, compared(TYPE, "equals", "Insert"))
    check_types(text.format("Nothing"), TYPE, compared(TYPE, "equals", "Nothing"))
    with pytest.raises(Kept, match="case"):
        check_types(text.format("insert"), TYPE, compared(TYPE, "equals", "insert"))


@pytest.mark.parametrize("name", ["a.b", "a..c", "a.b.c.d", 'a."b.c".d', 'a."b', ""])
def test_what_names_no_table_is_kept(name: str) -> None:
    with pytest.raises(Kept):
        has_table(name)


def test_a_table_is_named_with_and_without_the_backslash() -> None:
    assert has_table("A.b.C") == Asks("tables", "equals", "a.b.c")
    assert has_table('a."b\\"".c') == Asks("tables", "oneOf", ('a.b".c', 'a.b\\".c'))


def test_what_never_holds_is_kept() -> None:
    with pytest.raises(Kept, match="never among them"):
        has_name(Asked("names", "catalogs"), "Lake")
    with pytest.raises(Kept, match="never holds"):
        compared(Asked("header", "source", lowered=True), "equals", "A")


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (HEADER, []),
        (HEADER, ["a", ""]),
        (Asked("names", "catalogs"), ["a"]),
        (Asked("header", "source", lowered=True), ["a"]),
    ],
)
def test_lists_of_other_things_are_kept(asked: Asked, wanted: list[str]) -> None:
    with pytest.raises(Kept):
        one_of(asked, wanted)


def test_an_empty_text_is_a_pattern() -> None:
    assert compared(HEADER, "equals", "") == Asks("source", "matches", "^$")
    assert compared(HEADER, "startsWith", "") == Asks("source", "matches", ".*")
    with pytest.raises(Kept):
        compared(Asked("text", "method"), "equals", "")


def test_a_pattern_is_written_as_plain_rules_read_it() -> None:
    assert compared(HEADER, "matches", r"a\sb.*") == Asks("source", "matches", r"a[\s\x0B]b.*")
    with pytest.raises(Kept, match="its regular expression is bad: classes of characters have no && here"):
        compared(HEADER, "matches", "[a&&b]")

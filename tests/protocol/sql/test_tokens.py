import re

import pytest

from warren.protocol.sql.tokens import (
    ARGUMENTS,
    BLANK,
    EXPRESSION,
    FROM,
    LONGEST_RUN,
    MAY_END,
    RESERVED,
    REST,
    RUNS,
    SELECTED,
)


def test_reserved_words_are_words_of_the_language() -> None:
    assert all(word == word.lower() and word.replace("_", "").isalpha() for word in RESERVED)
    assert MAY_END < RESERVED
    assert not RESERVED & {
        "date",
        "row",
        "function",
        "column",
        "offset",
        "limit",
        "window",
        "set",
        "execute",
        "session",
    }


@pytest.mark.parametrize(
    ("mode", "text", "stop", "rest"),
    [
        (EXPRESSION, "a + 1 SELECT b", "SELECT", " b"),
        (EXPRESSION, "a, selected, x.select, 'select', \"select\" -- select\n/* select */ (select", "(", "select"),
        (EXPRESSION, "f(x, 1) (a) ((b))", "(", "(b))"),
        (EXPRESSION, "f(x, table)", "(", "x, table)"),
        (EXPRESSION, "cast(x AS time with time zone) with", "with", ""),
        (EXPRESSION, "1.5e3 .5 1. 0x1F 1_000 a.1 1a", None, ""),
        (EXPRESSION, "extract(a FROM b) FROM c", None, ""),
        (EXPRESSION, "$$ it's ( $$ $ )", ")", ""),
        (SELECTED, "a IS DISTINCT /* from */ FROM b FROM c", "FROM", " c"),
        (SELECTED, "DISTINCT a, fromage, 1.FROM", "FROM", ""),
        (FROM, "AS x (a, b) ON f(a, b) , c", ",", " c"),
        (FROM, "x joined JOIN b", "JOIN", " b"),
        (FROM, "x, where", ",", " where"),
        (ARGUMENTS, "f(a, b) || 'x, y' , c", ",", " c"),
        (REST, "select from with table [", "[", ""),
        (REST, "a ; b", ";", " b"),
        (EXPRESSION, "a `b`", None, "`b`"),
        (EXPRESSION, "a 'b", None, "'b"),
        (EXPRESSION, 'a "b', None, '"b'),
        (EXPRESSION, "a /* b", None, "/* b"),
        (EXPRESSION, "a $$ b", None, "$$ b"),
        (EXPRESSION, "a ß", None, "ß"),
        (EXPRESSION, "", None, ""),
    ],
)
def test_a_run_ends_at_what_matters(mode: int, text: str, stop: str | None, rest: str) -> None:
    found = RUNS[mode].match(text)
    assert found is not None
    assert (found[1], text[found.end() :]) == (stop, rest)


@pytest.mark.parametrize("pattern", RUNS)
def test_a_run_is_bounded(pattern: re.Pattern[str]) -> None:
    found = pattern.match("a " * 10_000)
    assert found is not None
    assert found.end() == LONGEST_RUN


@pytest.mark.parametrize("text", ["", " ", "--", "-- x\n", "/**/", "/***/", "/* * / */", " \t\r\n/* -- */--/*\n/*'*/"])
def test_blanks(text: str) -> None:
    assert re.fullmatch(BLANK, text)


@pytest.mark.parametrize("text", ["-", "/", "/*", "/* *", "/*/", "-- x\ny", "/**/*/"])
def test_no_blanks(text: str) -> None:
    assert not re.fullmatch(BLANK, text)

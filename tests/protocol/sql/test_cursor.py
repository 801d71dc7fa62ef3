import pytest

from warren.protocol.sql.cursor import LONGEST_NAME, Cursor, Refused


@pytest.mark.parametrize(
    ("text", "name", "rest"),
    [
        ("a", ("a",), ""),
        (" A.b.C x", ("a", "b", "c"), " x"),
        ("a . b", ("a", "b"), ""),
        ("a/* . */./**/b--\n.c,d", ("a", "b", "c"), ",d"),
        ('"A b"."c"".d"', ("a b", 'c".d'), ""),
        ('a."B".c(', ("a", "b", "c"), "("),
        ("date.values_.row", ("date", "values_", "row"), ""),
        ("a- b", ("a",), "- b"),
        (".".join("a" * LONGEST_NAME), ("a",) * LONGEST_NAME, ""),
    ],
)
def test_a_name_is_read_in_lower_case(text: str, name: tuple[str, ...], rest: str) -> None:
    cursor = Cursor(text)
    assert cursor.name() == name
    assert text[cursor.position :] == rest


@pytest.mark.parametrize(
    "text", ["", "1", "'a'", "`a`", ".a", "select", "a.table", 'a."b".FROM', "a.", '"a', "(a)", "ä"]
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        Cursor(text).name()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("''", ""),
        (" 'a''b' x", "a'b"),
        ("'a\nb'", "a\nb"),
        ("U&'\\0041\\+01F600\\\\'", "A😀\\"),
        ("u&'!0041\\0041' /* x */ uescape '!'", "A\\0041"),
        ("U&'\\d800 \\+110000 \\x'", "\\d800 \\+110000 \\x"),
        ("U&'it''s' UESCAPE ''", "it's"),
        ("a", None),
        ("'a", None),
        ("X'41'", None),
        ('"a"', None),
    ],
)
def test_a_string_literal_is_read_as_what_it_stands_for(text: str, value: str | None) -> None:
    assert Cursor(text).string() == value


def test_words_are_taken_all_or_none() -> None:
    cursor = Cursor("IF /* x */ NOT exists T")
    assert not cursor.take("if", "exists")
    assert cursor.word() == "if"
    assert cursor.take("if", "not", "exists")
    assert cursor.next_word() == "t"
    assert cursor.is_at_end()
    with pytest.raises(Refused, match="line 1, column 24, at the end: AS is expected"):
        cursor.expect("as")
    with pytest.raises(Refused, match="a word is expected"):
        cursor.next_word()


def test_marks_are_taken_one_by_one() -> None:
    cursor = Cursor(" ( , x")
    assert cursor.mark() == "("
    assert not cursor.take_mark(",")
    assert cursor.take_mark("(")
    assert cursor.take_mark(",")
    assert cursor.mark() == ""
    assert not cursor.take_mark("(")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("x", "line 1, column 1, at x"),
        ("\n\n  x y", "line 3, column 3, at x"),
        ("/* a\nb */ --\n(x", "line 3, column 1, at (x"),
        ("  ", "line 1, column 3, at the end"),
        ("/* x", "line 1, column 1, at /*"),
    ],
)
def test_a_refusal_names_the_place_of_what_comes_next(text: str, place: str) -> None:
    assert str(Cursor(text).refusal("no")) == f"{place}: no"


def test_a_refusal_in_another_text_says_whose_it_is_and_quotes_little_of_it() -> None:
    assert str(Cursor("x" * 999, called="p").refusal("no")) == f"line 1, column 1 of p, at {'x' * 40}: no"

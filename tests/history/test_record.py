"""What is kept of a statement, and how a row becomes one that a database takes."""

import pytest

from tests.history.rows import correction, record
from warren.history.record import LONGEST_TEXT, briefest, cleaned, milder, statement_text

LONG = b"x" * LONGEST_TEXT


@pytest.mark.parametrize(
    ("body", "missing", "kept"),
    [
        (b"", 0, ""),
        (b"SELECT 1", 0, "SELECT 1"),
        ("SELECT 'ü'".encode(), 0, "SELECT 'ü'"),
        (b"SELECT '\xff'", 0, "SELECT '\ufffd'"),
        (b"SELECT '\xc3", 0, "SELECT '\ufffd"),
        (b"SELECT", 2, "SELECT\n/* 2 more bytes are not kept */"),
        (b"SELECT '\xc3", 2, "SELECT '\n/* 3 more bytes are not kept */"),
        (b"SELECT '\xc3", None, "SELECT '\n/* the rest is not kept */"),
        (LONG, 0, LONG.decode()),
        (LONG + b"yz", 0, LONG.decode() + "\n/* 2 more bytes are not kept */"),
        (LONG + b"yz", 5, LONG.decode() + "\n/* 7 more bytes are not kept */"),
        (LONG[1:] + "üz".encode(), 0, LONG.decode()[1:] + "\n/* 3 more bytes are not kept */"),
        ("🦌".encode() * (LONGEST_TEXT // 4), 0, "🦌" * (LONGEST_TEXT // 4)),
    ],
    ids=range(13),
)
def test_a_statement_is_cut_between_characters_and_says_so(body: bytes, missing: int | None, kept: str) -> None:
    assert statement_text(body, missing=missing) == kept


def test_what_is_no_text_never_grows_beyond_the_limit() -> None:
    text = statement_text(b"\xff" * LONGEST_TEXT)
    assert len(text.encode()) <= LONGEST_TEXT + 100
    assert text.endswith("not kept */")


def test_a_row_without_fault_stays_the_same_object() -> None:
    assert cleaned(one := record(1)) is one
    assert cleaned(one := record(1, query_text="x" * LONGEST_TEXT)) is one
    assert cleaned(other := correction(1)) is other


@pytest.mark.parametrize(
    ("column", "value", "clean"),
    [
        ("query_text", "SELECT '\0'", "SELECT '\ufffd'"),
        ("query_text", "ü\ud83e!", "ü\ufffd!"),
        ("query_text", "🦌" * 300, "🦌" * 300),
        ("user_name", "u" * 257, "u" * 256),
        ("user_name", "ü" * 257, "ü" * 256),
        ("source", "a\0b", "a\ufffdb"),
        ("query_id", "q" * 300, "q" * 256),
        ("backend_url", "b" * 300, "b" * 256),
        ("routing_group", "g" * 300, "g" * 255),
        ("external_url", "e" * 300, "e" * 255),
    ],
)
def test_what_no_database_takes_is_replaced_or_cut(column: str, value: str, clean: str) -> None:
    assert cleaned(record(1, **{column: value})) == record(1, **{column: clean})


def test_a_correction_is_cleaned_too() -> None:
    assert cleaned(correction(1)).external_url == "https://green.example.com"


def test_milder_forms_give_up_ever_more() -> None:
    forms = list(milder(record(1, user_name="Zoë 🦌", query_text="ü" * 300)))
    assert [form.user_name for form in forms] == ["Zoë \ufffd", "Zo? ?", "Zo? ?"]
    assert [len(form.query_text) for form in forms] == [300, 300, 203]
    assert forms[-1] == briefest(record(1, user_name="Zoë 🦌", query_text="ü" * 300))
    assert forms[-1].query_text.endswith("?...")


def test_a_form_that_changes_nothing_is_not_tried_again() -> None:
    assert list(milder(record(1))) == []
    assert list(milder(record(1, user_name="Zoë"))) == [record(1, user_name="Zo?")]

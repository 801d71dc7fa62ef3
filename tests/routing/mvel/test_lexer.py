import pytest

from warren.routing.mvel.errors import MvelError
from warren.routing.mvel.lexer import LONGEST_CHAIN, LONGEST_TEXT, Cursor, tokens


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10", 10),
        ("10L", 10),
        ("10I", 10),
        ("0", 0),
        ("0L", 0),
        ("0.5", 0.5),
        ("0x1f", 31),
        ("1.5", 1.5),
        ("1.5f", 1.5),
        ("2d", 2.0),
        ("1.5B", 1.5),
        ("1e3", 1000.0),
        ("9223372036854775807", 2**63 - 1),
        ('"a"', "a"),
        ("'a'", "a"),
        (r'"\n\t\r\b\f\"\'\\"', "\n\t\r\b\f\"'\\"),
        (r'"\u00e4\101\7"', "äA\x07"),
        (r'"\ud83d\ude00"', "\U0001f600"),
    ],
)
def test_literals(text: str, value: object) -> None:
    first, end = tokens(text)
    assert first.value == value
    assert type(first.value) is type(value)
    assert (first.offset, first.end, end.kind) == (0, len(text), "end")


def test_blanks_and_comments_separate_and_say_nothing() -> None:
    words = [token.text for token in tokens("a // one\n/* two\n */b\t+ $c_1.?d")]
    assert words == ["a", "b", "+", "$c_1", ".?", "d", "the end of the text"]


@pytest.mark.parametrize(
    ("text", "why", "column"),
    [
        ('a "b', "text begins here and does not end", 3),
        ("a /* b", "a comment begins here and does not end", 3),
        (r'"a\x"', r"\\x means nothing in text", 3),
        (r'"\u12"', r"\\u means nothing in text", 2),
        ("a § b", "'§' has no meaning here", 3),
        ("1a", "a number runs into a word", 2),
        ("x == 010", "octal in MVEL, where 010 is 8, or an error: write it without the leading zero", 6),
        ("08", "write it without the leading zero", 1),
        ("00", "write it without the leading zero", 1),
        ("010L", "write it without the leading zero", 1),
        ("01.5", "write it without the leading zero", 1),
        ("9223372036854775808", "the number is greater than 9223372036854775807", 1),
        ("9" * 5000, "the number is greater than", 1),
        ("x" * (LONGEST_TEXT + 1), "the text is longer than 20000 characters", LONGEST_TEXT + 1),
    ],
)
def test_what_is_no_word_is_refused(text: str, why: str, column: int) -> None:
    with pytest.raises(MvelError, match=why) as refused:
        tokens(text)
    assert refused.value.column == column


def test_text_in_quotes_is_no_word() -> None:
    cursor = Cursor('"if" if')
    assert not cursor.sees("if")
    cursor.take()
    assert cursor.takes("if")
    assert cursor.take().kind == cursor.take().kind == "end"


def test_levels_come_up_again() -> None:
    cursor = Cursor("a")
    for _ in range(100):
        with cursor.level():
            for _ in range(49):
                cursor.deeper()
    for _ in range(50):
        cursor.deeper()
    with pytest.raises(MvelError, match="more than 50 levels deep"):
        cursor.deeper()


def test_links_come_back_with_their_level() -> None:
    cursor = Cursor("a")
    for _ in range(3):
        with cursor.level():
            for _ in range(LONGEST_CHAIN):
                cursor.further()
            with pytest.raises(MvelError, match="more than 120 operators or calls in a row: keep parts in variables"):
                cursor.further()

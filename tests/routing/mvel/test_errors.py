import pytest

from warren.routing.mvel.errors import LONGEST_SENTENCE, MvelError


@pytest.mark.parametrize(
    ("text", "offset", "line", "column"),
    [("", 0, 1, 1), ("abc", 2, 1, 3), ("a\nbc", 2, 2, 1), ("a\nbc", 3, 2, 2), ("a\n", 2, 2, 1), ("a", 9, 1, 2)],
)
def test_an_error_knows_its_line_and_column(text: str, offset: int, line: int, column: int) -> None:
    error = MvelError("no", text=text, offset=offset)
    assert (error.line, error.column) == (line, column)
    assert str(error) == f"no (line {line}, column {column})"


def test_a_sentence_is_bounded() -> None:
    assert MvelError("x" * 9999, text="", offset=0).sentence == "x" * LONGEST_SENTENCE + "…"

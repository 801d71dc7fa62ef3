import pytest

from warren.replay.statement import OTHERS, REJECTED, UNKNOWN, Kind, Place, in_words, printable


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (Place(Kind.GROUP, "etl"), "etl"),
        (Place(Kind.GROUP, "a\x1b[2Jb"), "a?[2Jb"),
        (Place(Kind.CLUSTER, "blue"), "cluster blue"),
        (REJECTED, "rejected"),
        (UNKNOWN, "(not recorded)"),
        (OTHERS, "(others)"),
    ],
)
def test_a_place_in_words(place: Place, words: str) -> None:
    assert in_words(place) == words


def test_a_group_that_is_called_rejected_is_another_place() -> None:
    assert Place(Kind.GROUP, "rejected") != REJECTED


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("SELECT\n  1\t;", "SELECT 1 ;"),
        ("a\u202eb\0c", "a?b?c"),
        ("x" * 11, "xxxxxxxxxx…"),
        ("x" * 10, "xxxxxxxxxx"),
        (" " * 1000 + "x", "…"),
    ],
)
def test_a_text_is_shown_on_one_line(text: str, shown: str) -> None:
    assert printable(text, 10) == shown

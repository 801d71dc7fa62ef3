import pytest

from warren.routing.mvel.emitting.made import Frame, normalised


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a.b()", "a.b()"),
        ("a\n  .b( 1 )", "a .b( 1 )"),
        ('a["x  y"]', 'a["x  y"]'),
        ("a /* why */ .b", "a .b"),
        ("", ""),
    ],
)
def test_blanks_are_made_one_outside_of_quotes(text: str, words: str) -> None:
    assert normalised(text) == words


def test_a_value_is_bound_once() -> None:
    frame = Frame("", variables=frozenset(), traced=False)
    value = object()
    assert frame.bind(value).id == frame.bind(value).id
    assert frame.bind(object()).id != frame.bind(value).id
    assert frame.bound["__builtins__"] == {}

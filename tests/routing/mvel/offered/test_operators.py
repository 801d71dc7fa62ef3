import pytest

from tests.routing.mvel.offered import examples
from tests.routing.mvel.running import action, shown
from warren.routing.mvel.compile import RuleFailed


@pytest.mark.parametrize(("text", "answer"), examples.OPERATORS + examples.OPERATORS_OF_OURS)
def test_operators_answer_as_in_mvel(text: str, answer: str) -> None:
    assert shown(text) == answer


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('x = "a"; x < 1', "String and Integer cannot be compared by <"),
        ("[1] >= 1", "ArrayList and Integer cannot be compared by >="),
        ('"a" - 2', "String - Integer is no arithmetic"),
        ("true * 2", "Boolean \\* Integer is no arithmetic"),
        ("1 % 0", "% by zero"),
        ("Long.MAX_VALUE + 1", "would not fit into 64 bits"),
        ("Long.MAX_VALUE * 2", "would not fit into 64 bits"),
        ("x = null; x && true", "a boolean is expected and null is given"),
        ("x = 1; !x", "a boolean is expected and Integer is given"),
        ("x = [1]; -x", "- cannot be applied to ArrayList"),
        ('"a" ~= request.getHeader("X-Trino-Source").concat("(")', "bad regular expression: missing \\)"),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, why: str) -> None:
    with pytest.raises(RuleFailed, match=why):
        action(text)

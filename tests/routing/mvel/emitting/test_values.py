import pytest

from tests.routing.mvel.running import action, holds
from warren.routing.mvel.compile import MvelError, compile_action


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('true && "x"', "a boolean is expected, and this is String"),
        ("null || true", "a boolean is expected, and this is null"),
        ("!5", "a boolean is expected, and this is int"),
        ("request.getMethod() ? 1 : 2", "a boolean is expected, and this is String"),
        ('-"5"', "- cannot be applied to String"),
        ("1 == 2 or 2 == 2", "or answers its left side unless that is null or empty text.* write ||"),
        ("empty", "empty stands only beside == and !="),
        ("empty < 1", "empty stands only beside == and !="),
    ],
)
def test_what_is_known_to_be_wrong_is_refused_when_rules_are_loaded(text: str, why: str) -> None:
    with pytest.raises(MvelError, match=why):
        compile_action(text)


@pytest.mark.parametrize("text", ["null == 5", '"a" == null', "null != null", "5 is String", "empty != empty"])
def test_comparing_literals_warns_of_nothing(text: str) -> None:
    assert action(text) is False


def test_the_right_side_is_not_looked_at_when_the_left_decides() -> None:
    assert holds('true || request.getHeader("nobody").length() > 1')
    assert not holds('false && request.getHeader("nobody").length() > 1')
    assert action('"a" or [1].get(5)') == "a"


def test_a_value_is_evaluated_once() -> None:
    assert action('x = [1]; (x.add(2) ? "abc" : null).contains("b"); x.size()') == 2
    assert action("x = [1, 2]; x.remove(0) or 5; x.size()") == 1

import pytest

from tests.routing.mvel.offered import examples
from tests.routing.mvel.running import action, shown
from warren.routing.mvel.compile import RuleFailed


@pytest.mark.parametrize(("text", "answer"), examples.STRING + examples.BUILDER + examples.BUILDER_OF_OURS)
def test_texts_answer_as_in_java(text: str, answer: str) -> None:
    assert shown(text) == answer


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('"abc".substring(5)', "substring from 5 to 3 is outside of 3 characters"),
        ('"abc".charAt(3)', "index 3 is outside of 3 characters"),
        ('"a".repeat(-1)', "repeat needs a count of 0 or more, not -1"),
        ('"a".repeat(1000001)', "a text would be longer than 1000000 characters"),
        ('"a".repeat(1000).replace("a", "b".repeat(1001))', "a text would be longer than 1000000 characters"),
        ('x = null; "a".contains(x)', "null pointer: text is expected and null is given"),
        ('x = 5; "a".concat(x)', "text is expected and Integer is given"),
    ],
)
def test_what_java_refuses_is_refused(text: str, why: str) -> None:
    with pytest.raises(RuleFailed, match=why):
        action(text)

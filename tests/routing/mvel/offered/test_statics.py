import pytest

from tests.routing.mvel.offered import examples
from tests.routing.mvel.running import FACTS, action, shown
from warren.routing.mvel.compile import RuleFailed, compile_action
from warren.routing.mvel.scope import Scope


@pytest.mark.parametrize(("text", "answer"), examples.STATICS + examples.STATICS_OF_OURS + examples.NEW)
def test_classes_answer_as_in_java(text: str, answer: str) -> None:
    assert shown(text) == answer


def test_chance_comes_from_the_scope() -> None:
    assert compile_action("Math.random()").run(Scope(FACTS, chance=lambda: 0.25)) == 0.25


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('Integer.parseInt("x")', "'x' is not an integer"),
        ('Integer.parseInt("2147483648")', "does not fit into 32 bits"),
        ('Double.parseDouble("x")', "'x' is not a number"),
        ("Math.floorMod(1, 0)", "floorMod by zero"),
        ("Math.abs(Long.MIN_VALUE)", "would not fit into 64 bits"),
        ("Collections.max([])", "neither a greatest nor a least"),
        ('Collections.max([1, "a"])', "a number is expected and String is given"),
        ('Collections.sort([1, "a"])', "a number is expected and String is given"),
        ("Collections.sort(Set.of(1))", "Collections.sort needs a list"),
        ("Collections.reverse(Set.of(1))", "Collections.reverse needs a list"),
        ('Map.of("a")', "Map.of needs a value for each key"),
        ("new ArrayList(null)", "null pointer"),
        ("new HashMap([1])", "null pointer"),
    ],
)
def test_what_java_refuses_is_refused(text: str, why: str) -> None:
    with pytest.raises(RuleFailed, match=why):
        action(text)

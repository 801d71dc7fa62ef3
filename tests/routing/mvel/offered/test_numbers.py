import pytest

from tests.routing.mvel.offered import examples
from tests.routing.mvel.running import action, shown
from warren.routing.mvel.compile import RuleFailed


@pytest.mark.parametrize(("text", "answer"), examples.NUMBER + examples.BOOLEAN + examples.OPTIONAL)
def test_numbers_booleans_and_optionals_answer_as_in_java(text: str, answer: str) -> None:
    assert shown(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("(1 / 0).intValue()", "9223372036854775807"),
        ("(-1 / 0).longValue()", "-9223372036854775808"),
        ("(0 / 0).intValue()", "0"),
        ("(4294967296).hashCode()", "1"),
    ],
)
def test_what_is_too_great_is_cut_as_java_casts(text: str, answer: str) -> None:
    assert shown(text) == answer


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Optional.empty().get()", "no value present"),
        ("x = null; Optional.of(x)", "null pointer: Optional.of asked of null"),
        ("x = true; x.compareTo(1)", "compareTo needs a boolean"),
    ],
)
def test_what_is_missing_is_refused(text: str, why: str) -> None:
    with pytest.raises(RuleFailed, match=why):
        action(text)

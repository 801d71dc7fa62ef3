import pytest

from tests.routing.mvel.running import action, shown
from warren.routing.mvel.compile import MvelError, compile_action


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("requst.getMethod()", "nobody knows the name requst; did you mean request?"),
        ("Systm.exit(1)", "nobody knows the name Systm"),
        ("System.exit(1)", "nobody knows the name System"),
        ("x", "nobody knows the name x"),
        ("Optional", "the class Optional is no value: call something on it"),
        ("java.util.Optional", "the class Optional is no value"),
        ("java.lang.System.exit(1)", "the class java.lang.System is not offered"),
        ("java.io.Math.abs(1)", "the class java.io.Math is not offered"),
        ("new java.io.File()", r"new java.io.File\(\) is not offered"),
        ("new HashSt()", r"new HashSt\(\) is not offered; did you mean HashSet"),
        ("5 is Thread", "is knows these classes: String"),
        ("java.x", "the class java.x is not offered"),
        ("__import__", "nobody knows the name __import__"),
        ("k1", "nobody knows the name k1"),
        ("scope", "nobody knows the name scope"),
    ],
)
def test_names_that_nobody_knows_are_refused_when_rules_are_loaded(text: str, why: str) -> None:
    with pytest.raises(MvelError, match=why):
        compile_action(text)


def test_a_variable_may_have_any_name_that_is_no_word_of_the_language() -> None:
    assert action("scope = 1; k1 = 2; t1 = 3; error = 4; scope + k1 + t1 + error") == 10
    assert action("Math = 5; Math") == 5
    assert action("headers = 1; query = 2; user = 3; request.getMethod() + headers + query + user") == "POST123"


def test_classes_may_be_written_with_their_package() -> None:
    assert shown("java.lang.Math.abs(-1)") == "1"
    key = "io.trino.gateway.ha.router.FileBasedRoutingGroupSelector.RESULTS_ROUTING_GROUP_KEY"
    assert shown(key) == "routingGroup"
    assert shown("[1] is java.util.Collection") == "true"

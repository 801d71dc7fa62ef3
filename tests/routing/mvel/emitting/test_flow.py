import pytest

from tests.routing.mvel.running import action, shown
from warren.routing.mvel.compile import MvelError, RuleFailed, compile_action
from warren.routing.mvel.emitting.flow import NESTED_BRANCHES, assigned
from warren.routing.mvel.lexer import LONGEST_CHAIN
from warren.routing.mvel.shapes import parse_action
from warren.routing.mvel.statements import MOST_BRANCHES


def test_every_variable_that_gets_a_value_is_found() -> None:
    text = "a = 1; if (a == 1) { b = 2 } else if (true) { c = 3 } else { d = 4 } foreach (e : []) { f = 5 } g.h = 6"
    assert assigned(parse_action(text)) == {"a", "b", "c", "d", "e", "f"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("result = 1", "result is given to rules and cannot be assigned to"),
        ("foreach (request : [1]) { }", "request is given to rules and cannot be assigned to"),
        ("foreach (x : [1]) { " * 9 + "}" * 9, "more than 8 loops in one another"),
        ("state.a += 1", r"\+= needs a variable on its left"),
        ('if ("a") { }', "a boolean is expected, and this is String"),
    ],
)
def test_what_cannot_be_done_is_refused_when_rules_are_loaded(text: str, why: str) -> None:
    with pytest.raises(MvelError, match=why):
        compile_action(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("foreach (x : 3) { }", "foreach cannot walk over Integer"),
        ("x = null; foreach (y : x) { }", "foreach cannot walk over null"),
        (
            'foreach (x : ["a": 1]) { }',
            r"foreach cannot walk over HashMap: keySet\(\), values\(\) and entrySet\(\) can",
        ),
        ("x = 1; if (x) { }", "a boolean is expected and Integer is given"),
    ],
)
def test_what_cannot_be_done_is_refused_when_a_rule_runs(text: str, why: str) -> None:
    with pytest.raises(RuleFailed, match=why):
        action(text)


def test_a_loop_walks_over_what_was_there_at_its_beginning() -> None:
    assert shown("x = [1, 2]; foreach (i : x) { x.add(i) } x") == "[1, 2, 1, 2]"


def nested(levels: int, leaf: str) -> str:
    """Each `if` in the last place of a chain of another."""
    for _ in range(levels):
        leaf = "if (a) {} " + "else if (a) {} " * (NESTED_BRANCHES - 2) + f"else if (!a) {{ {leaf} }}"
    return f"a = false; {leaf}"


@pytest.mark.parametrize(
    "text",
    [
        nested(44, "x = a;" + 'x == "b"'),
        nested(43, "x = null; x" + '.?replace("a", "b")' * LONGEST_CHAIN),
        nested(43, "x = null; x" + " + x" * LONGEST_CHAIN),
        'x = "a"; ' + "x.?concat(" * 14 + "x" + '.?replace("a", "b")' * (LONGEST_CHAIN - 14) + ")" * 14,
        'x = "a"; ' + "(" * 20 + "x" + '.?replace("a", "b")' * LONGEST_CHAIN + ")" * 20,
        'x = "a"; ' + "[" * 20 + "x" + "[0]" * LONGEST_CHAIN + "]" * 20,
        'x = "a"; ' + " else ".join(['if (x == "b") { 1 }'] * MOST_BRANCHES),
        'x = "a"; ' + "true ? 1 : " * 20 + "x" + " or x" * LONGEST_CHAIN,
    ],
)
@pytest.mark.parametrize("traced", [False, True])
def test_python_takes_the_deepest_that_is_allowed(text: str, traced: bool) -> None:
    compile_action(text, traced=traced)


def test_a_branch_that_ran_is_the_only_one_even_when_it_changes_what_is_asked() -> None:
    text = "x = 1; r = 0; " + " else ".join(f"if (x == {number}) {{ x += 1; r += 1 }}" for number in range(1, 30))
    assert action(f"{text} else {{ r = 99 }} r") == 1
    assert (
        action(f"x = 1; foreach (i : [1, 2, 3]) {{ {text.partition('; r = 0; ')[2]} }} x".replace("r += 1", "r = 1"))
        == 4
    )


def test_the_first_branch_that_holds_is_taken() -> None:
    text = 'x = %s; if (x == 1) { "one" } else if (x == 2) { "two" } else if (x < 9) { "few" } else { "many" }'
    assert [action(text % number) for number in (1, 2, 3, 10)] == ["one", "two", "few", "many"]

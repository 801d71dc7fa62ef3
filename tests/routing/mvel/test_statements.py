import pytest

from tests.routing.mvel.offered import examples
from tests.routing.mvel.running import shown
from warren.routing.mvel.errors import MvelError
from warren.routing.mvel.shapes import parse_action
from warren.routing.mvel.statements import MOST_BRANCHES


@pytest.mark.parametrize(("text", "answer"), examples.STATEMENTS)
def test_statements_do_as_in_mvel(text: str, answer: str) -> None:
    assert shown(text) == answer


def test_an_if_may_have_many_branches_but_not_any_number() -> None:
    parse_action(" else ".join(["if (x) {}"] * MOST_BRANCHES) + " else {}")
    with pytest.raises(MvelError, match="more than 500 branches: write several rules") as refused:
        parse_action(" else ".join(["if (x) {}"] * MOST_BRANCHES) + "\nelse if (x) {}")
    assert (refused.value.line, refused.value.column) == (2, 6)


@pytest.mark.parametrize(
    ("text", "why", "line", "column"),
    [
        ("x = 1\ny = 2", "expected ; before y: a new line does not end a statement", 2, 1),
        ("if true", r"expected \( after if, found true", 1, 4),
        ("if (true", r"expected \) after the condition", 1, 9),
        ("if (true) { x = 1;", "expected } at the end of the block", 1, 19),
        ("x = 1 }", "expected a value, found }", 1, 7),
        ("else { }", "expected a value, found else", 1, 1),
        ("for (int i = 0; i < 3; i++) { }", "a for with a counter is not offered", 1, 1),
        ("foreach (x) { }", "expected : after x", 1, 11),
        ("foreach (in : [1]) { }", "in is a word of the language", 1, 10),
        ("if = 5", r"expected \( after if", 1, 4),
        ("empty = 5", "empty is a word of the language", 1, 1),
        ("5 = x", "this cannot be assigned to", 1, 1),
        ("a.b() = x", "this cannot be assigned to", 1, 1),
        ("List<String> s = new ArrayList()", "MVEL has no type parameters: leave out <…> after List", 1, 1),
        ("x++", r"\+\+ is not offered: write \+= 1", 1, 2),
        ("while (true) { }", "loops other than foreach are not offered", 1, 1),
        ("do { } while (true)", "loops other than foreach are not offered", 1, 1),
        ("x = 1;\ndef f() { }", "functions of your own are not offered", 2, 1),
        ("function f() { }", "functions of your own are not offered", 1, 1),
        ("import java.io.File;", "there is nothing to import", 1, 1),
        ("with (x) { }", "with is not offered", 1, 1),
        ("assert true", "assert is not offered", 1, 1),
        ("switch (x) { }", "switch is not offered", 1, 1),
        ("try { }", "exceptions are not offered", 1, 1),
        ("throw x", "exceptions are not offered", 1, 1),
        ("foreach (x : y) { break; }", "break is not offered", 1, 19),
        ("foreach (x : y) { continue; }", "continue is not offered", 1, 19),
    ],
)
def test_what_is_no_statement_is_refused_where_it_goes_wrong(text: str, why: str, line: int, column: int) -> None:
    with pytest.raises(MvelError, match=why) as refused:
        parse_action(text)
    assert (refused.value.line, refused.value.column) == (line, column)

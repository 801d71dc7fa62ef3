import pytest

from warren.routing.mvel.errors import MvelError
from warren.routing.mvel.shapes import parse_action, parse_condition


@pytest.mark.parametrize(
    ("text", "why", "column"),
    [
        ("", "expected a value, found the end of the text", 1),
        ("1 +", "expected a value, found the end of the text", 4),
        ("(1", r"expected \), found the end", 3),
        ("[1, 2", "expected , or ], found the end", 6),
        ('["a": 1, "b"]', "expected : after a key of a map", 13),
        ("a ? 1", "expected : between the two values", 6),
        ("a.", "expected a name after the dot", 3),
        ("a.5", "expected a name after the dot", 3),
        ("a and b", "MVEL has no `and`", 3),
        ("a & b", "& is not offered: write &&", 3),
        ("a | b", "| is not offered: write ||", 3),
        ("a = b", "equality is written ==", 3),
        ("a soundslike b", "soundslike is not offered", 3),
        ("a strsim b", "strsim is not offered", 3),
        ("a convertable_to b", "convertable_to is not offered", 3),
        ("2 ** 3", "powers are not offered", 3),
        ("1 << 2", "operators on bits are not offered", 3),
        ("~1", "~ is not offered", 1),
        ("a # b", "# is not offered", 3),
        ("!a contains b", "! binds tighter than contains", 1),
        ("!a is String", "! binds tighter than is", 1),
        ("a is 5", "is needs a class on its right", 7),
        ("(x in list)", "", 0),
        ("(toUpperCase() in names)", "functions of your own are not offered", 13),
        ("(String) a", "casts are not offered", 1),
        ("x -> x", "functions of your own are not offered", 3),
        ("foo(1)", "functions of your own are not offered", 4),
        ("new HashSet<String>()", r"MVEL has no type parameters: write new HashSet\(\)", 12),
        ("new HashSet", r"as in new HashSet\(\)", 12),
        ("isdef x", "isdef is not offered", 1),
        ("with", "with is not offered", 1),
        ("this", "this is not offered", 1),
        ("a or", "expected a value", 5),
        ("contains", "expected a value, found contains", 1),
        ("1 2", "expected the end of the condition, found 2", 3),
    ],
)
def test_what_is_no_expression_is_refused_where_it_goes_wrong(text: str, why: str, column: int) -> None:
    if not why:
        parse_condition(text)
        return
    with pytest.raises(MvelError, match=why.replace("|", r"\|")) as refused:
        parse_condition(text)
    assert (refused.value.line, refused.value.column) == (1, column)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 200,
        "!" * 200,
        "[" * 200,
        "a[" * 200,
        "true ? 1 : " * 200,
        "a.b(" * 200,
        "if (true) " * 200,
        "if (true) {} else { " * 200,
        "{" * 200,
    ],
)
def test_what_is_too_deep_is_refused(text: str) -> None:
    with pytest.raises(MvelError, match="more than 50 levels deep"):
        parse_action(text)


@pytest.mark.parametrize(
    "text",
    [
        "a" + ".b" * 121,
        "a" + "[0]" * 121,
        " + ".join("1" * 122),
        "1 or " * 121 + "1",
        "a.c(a" + ".b" * 70 + ", a" + ".b" * 121,
    ],
)
def test_what_is_too_long_a_chain_is_refused(text: str) -> None:
    with pytest.raises(MvelError, match="more than 120 operators or calls in a row"):
        parse_action(text)


@pytest.mark.parametrize("operator", ["&&", "||"])
def test_many_conditions_may_be_joined(operator: str) -> None:
    parse_condition(f" {operator} ".join(["a == 1"] * 1000))

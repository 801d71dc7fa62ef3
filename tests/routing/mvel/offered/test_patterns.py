import pytest

from tests.routing.mvel.offered import examples
from tests.routing.mvel.running import FACTS, action, holds, shown
from warren.routing.mvel.compile import MvelError, RuleFailed
from warren.routing.mvel.offered.patterns import matcher, pattern, replace, split
from warren.routing.mvel.scope import Scope


@pytest.mark.parametrize(
    ("text", "separator", "limit", "parts"),
    [
        ("boo:and:foo", ":", 2, ("boo", "and:foo")),
        ("boo:and:foo", "o", 5, ("b", "", ":and:f", "", "")),
        ("boo:and:foo", "o", -2, ("b", "", ":and:f", "", "")),
        ("boo:and:foo", "o", 0, ("b", "", ":and:f")),
        ("", ",", 0, ("",)),
        (",", ",", 0, ()),
    ],
)
def test_split_is_javas(text: str, separator: str, limit: int, parts: tuple[str, ...]) -> None:
    assert split(Scope(FACTS), text, pattern(separator), limit) == parts


@pytest.mark.parametrize(
    ("expression", "why", "column"),
    [
        ('"a" ~= "(?=b)"', "look-ahead and look-behind are not offered", 8),
        (r'"a".matches("(a)\\1")', "back references", 13),
        ('"a" ~= "["', "missing ]", 8),
        ('"dbt".matches("[a-z&&[^aeiou]]+")', "classes of characters have no && here", 15),
        ('"a" ~= "[&&a]"', r"or \\&\\& for signs", 8),
        ('"a" ~= "x[^]&&a]"', "classes of characters have no && here", 8),
        ('"A" ~= "[a-z[A-Z]]"', "a class of characters has no other in it here", 8),
        ('"A" ~= "[^[]"', "a class of characters has no other in it here", 8),
        ('"A" ~= "[][a]"', r"or \\\[ for the sign", 8),
        (r'"A" ~= "[\\\\[]"', "a class of characters has no other in it here", 8),
        ('"A" ~= "[[:a]b]"', "a class of characters has no other in it here", 8),
        (r'"A" ~= "[\\v-b]"', "has no hyphen beside it here", 8),
        (r'"A" ~= "[\\t-\\v]"', "has no hyphen beside it here", 8),
        (r'"A" ~= "\\101"', "write a character by its number as", 8),
        (r'"A" ~= "[\\0101]"', "write a character by its number as", 8),
        ('"a".replaceAll("a++", "")', "bad repetition operator", 16),
    ],
)
def test_a_literal_pattern_is_refused_where_it_stands(expression: str, why: str, column: int) -> None:
    with pytest.raises(MvelError, match=why) as refused:
        action(expression)
    assert refused.value.column == column


@pytest.mark.parametrize(("text", "answer"), examples.PATTERNS)
def test_patterns_mean_what_they_mean_in_java(text: str, answer: str) -> None:
    assert shown(text) == answer


def test_named_classes_are_re2s() -> None:
    assert shown('"a1-b".replaceAll("[[:alpha:][:^alnum:]]", "")') == "1"


def test_a_dot_is_re2s() -> None:
    assert shown(r'"a\rb".matches("a.b") && !"a\nb".matches("a.b")') == "true"


def test_a_pattern_of_a_request_is_refused_as_well() -> None:
    with pytest.raises(RuleFailed, match="bad regular expression: a class of characters has no other in it here"):
        action('x = "[a[b]]"; "a" ~= x')


@pytest.mark.parametrize(
    ("replacement", "why"),
    [("$", "illegal group reference"), ("$x", "illegal group reference"), ("\\", "ends with"), ("$2", "no group 2")],
)
def test_a_replacement_that_java_refuses_is_refused(replacement: str, why: str) -> None:
    with pytest.raises(RuleFailed, match=why):
        replace(Scope(FACTS), "aa", pattern("(a)"), replacement)


def test_a_pattern_that_would_take_ages_elsewhere_takes_none() -> None:
    assert shown(f'"{"a" * 2000}".matches("(a+)+b")') == "false"


@pytest.mark.parametrize(
    "expression", ["air.*", ".*flow", ".*rfl.*", "airflow", "a", ".*x.*", "air", "flow.*", ".*air"]
)
@pytest.mark.parametrize(
    "given",
    [
        *(
            "airflow",
            "",
            "air\nflow",
            "airflow\n",
            "\nairflow",
            "flow",
            "x",
            "air\rflow",
            "air\x85flow",
            "\u2028airflow",
        ),
        *("airflow\u2029", "air\tflow", "air\0flow"),
    ],
)
def test_plain_patterns_say_what_the_engine_says(expression: str, given: str) -> None:
    assert matcher(expression)(given) is (pattern(expression).fullmatch(given) is not None)


def test_other_patterns_are_the_engines() -> None:
    assert matcher("a[bc]+")("abc")
    assert not matcher("a[bc]+")("abd")
    assert not holds('request.getHeader("nobody") ~= "a.*"')
    assert holds('request.getHeader("X-Trino-Source") ~= "a[a-z]+"')


def test_many_matches_cost_steps() -> None:
    with pytest.raises(RuleFailed, match="too many steps"):
        action('"a".repeat(500000).replaceAll("a", "b")')

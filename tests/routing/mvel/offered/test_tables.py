import re

import pytest

from tests.routing.mvel.offered import examples
from tests.routing.mvel.running import action, shown
from warren.routing.mvel.compile import RuleFailed
from warren.routing.mvel.offered import groups, numbers, requests, texts
from warren.routing.mvel.offered.method import Methods
from warren.routing.mvel.offered.statics import NEW, STATICS

TABLES: dict[str, tuple[Methods, examples.Examples]] = {
    "String": (texts.STRING, examples.STRING),
    "StringBuilder": (texts.BUILDER, examples.BUILDER + examples.BUILDER_OF_OURS),
    "List": (groups.LIST, examples.LIST + examples.LIST_OF_JAVA_21),
    "Array": (groups.ARRAY, examples.ARRAY_OF_OURS),
    "Set": (groups.SET, examples.SET),
    "Map": (groups.MAP, examples.MAP),
    "Entry": (groups.ENTRY, examples.ENTRY),
    "Number": (numbers.NUMBER, examples.NUMBER),
    "Boolean": (numbers.BOOLEAN, examples.BOOLEAN),
    "Optional": (numbers.OPTIONAL, examples.OPTIONAL),
    "request": (requests.REQUEST, examples.REQUEST),
    "Cookie": (requests.COOKIE, examples.COOKIE),
    "trinoRequestUser": (requests.USER, examples.USER),
    "UserInfo": (requests.USER_INFO, examples.USER_INFO),
    "trinoQueryProperties": (requests.QUERY, examples.QUERY),
}
UNUSED = {"List": {"stream"}, "Set": {"stream"}, "String": {"lines"}}
"""Refused with a reason, or answering another class than in Java; tested elsewhere."""


@pytest.mark.parametrize("which", TABLES)
def test_every_method_has_an_example(which: str) -> None:
    methods, shown_by = TABLES[which]
    used = {name for text, _ in shown_by for name in re.findall(r"\.(\w+)", text)}
    assert methods.keys() - used == UNUSED.get(which, set())


def test_every_class_has_an_example_for_each_method_and_constant() -> None:
    used = {name for text, _ in examples.STATICS + examples.STATICS_OF_OURS for name in re.findall(r"\w+\.\w+", text)}
    offered = {f"{which}.{name}" for which, static in STATICS.items() for name in {*static.methods, *static.constants}}
    assert offered - used - {"util.Optional", "Optional.of"} == set()
    made = {name for text, _ in examples.NEW for name in re.findall(r"new (?:java\.util\.)?(\w+)", text)}
    assert made == set(NEW)


def test_lines_of_a_text_are_a_list() -> None:
    assert shown(r'"a\r\nb\n".lines()') == "[a, b]"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x = null; x.length()", r"null pointer: length\(\) asked of null"),
        ("x = null; x.length", "null pointer: length asked of null"),
        ('x = "a"; x.lenght()', r"no method lenght\(\) on String; did you mean length\?"),
        ("x = 5; x.nobody", "no property nobody on Integer"),
        ("state.nobody", "no property nobody on HashMap"),
        ("x = [1]; x.get()", r"get\(\) takes 1 argument, not 0"),
        ("x = 5; x[0]", "Integer has no elements"),
        ("x = null; x[0]", "null pointer"),
        ("x = 5; x[0] = 1", "Integer has no elements"),
        ("x = 5; x.a = 1", "no property of Integer can be assigned to"),
        ("x = [1]; x[1] = 1", "index 1 is outside of 1 elements"),
    ],
)
def test_what_a_value_does_not_have_is_refused_when_a_rule_runs(text: str, why: str) -> None:
    with pytest.raises(RuleFailed, match=why):
        action(text)

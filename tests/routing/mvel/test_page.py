"""docs/mvel.md offers what the compiler offers, and its rules compile."""

import re
from pathlib import Path

import pytest
import yaml

from warren.routing.mvel.compile import compile_action, compile_condition
from warren.routing.mvel.expressions import LAYERS, REFUSED_WORDS, UNKNOWN_OPERATORS
from warren.routing.mvel.lexer import DEEPEST, LONGEST_CHAIN, LONGEST_TEXT
from warren.routing.mvel.offered import groups, numbers, requests, texts
from warren.routing.mvel.offered.operators import CHECKS
from warren.routing.mvel.offered.statics import NEW, STATICS
from warren.routing.mvel.offered.values import LONGEST, MOST
from warren.routing.mvel.scope import STEPS
from warren.routing.mvel.statements import ASSIGNMENTS, MOST_BRANCHES

PAGE = (Path(__file__).parents[3] / "docs" / "mvel.md").read_text()


def section(title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None, title
    return found[1]


def quoted(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", text.replace("&#124;", "|")))


def rows(title: str) -> dict[str, set[str]]:
    """By the first cell what stands in the second."""
    cells = [line.strip("|").split("|") for line in section(title).splitlines() if line.startswith("| ")]
    return {first.strip(): quoted(second) for first, second, *_ in cells[1:]}


def test_what_rules_look_at() -> None:
    assert list(rows("What rules look at").values()) == [
        set(methods)
        for methods in (
            requests.REQUEST,
            requests.COOKIE,
            requests.USER,
            requests.USER_INFO,
            requests.QUERY,
            texts.TABLE.keys() - texts.STRING.keys(),
        )
    ]


def test_values() -> None:
    assert list(rows("Values").values()) == [
        set(methods)
        for methods in (
            texts.STRING,
            texts.BUILDER,
            groups.LIST,
            groups.ARRAY,
            groups.SET,
            groups.MAP,
            groups.ENTRY,
            numbers.NUMBER,
            numbers.BOOLEAN,
            numbers.OPTIONAL,
        )
    ]


def test_classes() -> None:
    assert rows("Classes") == {
        f"`{name}`": {f"{method}()" for method in static.methods} | set(static.constants)
        for name, static in STATICS.items()
    }
    made = re.search(r"`new` makes these: (.*?)\.", section("Classes"))
    assert made is not None
    assert quoted(made[1]) == set(NEW)


def test_operators() -> None:
    listed = {name for operators in map(quoted, rows("Operators")) for name in operators}
    tightest = {"? :", "or", "?:", "||", "&&", "!", ".", ".?", "[ ]"}
    assert listed == tightest | {operator for layer in LAYERS for operator in layer}
    assert rows("Operators")["`is` `instanceof`"] == set(CHECKS)


def test_statements() -> None:
    listed = {name for statements in map(quoted, rows("Statements")) for name in statements}
    assert listed == {"if", "foreach", "for", "return", *ASSIGNMENTS}


def test_what_is_refused_is_named() -> None:
    named = section("Not offered") + section("Differences to MVEL")
    words = {word for word in (*REFUSED_WORDS, *UNKNOWN_OPERATORS) if word.isalpha()}
    assert {word for word in words if not re.search(rf"\b{word}\b", named)} <= {"this", "untyped"}


def test_limits() -> None:
    numbers_there = {int(found.replace(",", "")) for found in re.findall(r"\| ([\d,]+)", section("Limits"))}
    assert {LONGEST_TEXT, DEEPEST, LONGEST_CHAIN, MOST_BRANCHES, LONGEST, MOST, STEPS} <= numbers_there


BLOCKS = "\n---\n".join(re.findall(r"^```text\n(name:.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
RULES = list(yaml.safe_load_all(BLOCKS))


@pytest.mark.parametrize("rule", RULES, ids=[rule["name"] for rule in RULES])
def test_the_rules_on_the_page_compile(rule: dict[str, object]) -> None:
    compile_condition(str(rule["condition"]))
    assert isinstance(rule["actions"], list)
    assert [compile_action(action).puts for action in rule["actions"]] == [{"routingGroup"}]

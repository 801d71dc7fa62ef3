"""Whole files: what is converted stands where it stood, decides the same, and all else is copied text for text."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.rulebook.tools.rules_in_mvel import conditions, facts, quoted, requests
from warren.errors import SettingsError
from warren.facts import Facts
from warren.routing.mvel.compile import RuleFailed
from warren.routing.mvel.scope import Scope, no_chance
from warren.routing.rules.rule import Rule, RuleSet, Ruling
from warren.rulebook.reading import read_rules
from warren.rulebook.tools.convert import convert

AIRFLOW = 'request.getHeader("X-Trino-Source") == "airflow"'
PUT = 'result.put("routingGroup", "etl")'


def test_a_file_is_converted_in_its_order_and_keeps_its_comments() -> None:
    text = f"""\
# The rules of the house
name: airflow   # a name
description: |
  Queries of Airflow
condition: {AIRFLOW}   # who
# what
actions:
  - {PUT}  # where
stop: true
---
# this one stays
name: tags
condition: request.getHeader("X-Trino-Client-Tags") != null
actions:
  - |
    foreach (tag : request.getHeader("X-Trino-Client-Tags").split(",")) {{}}
---
- name: plain
  when: {{source: b}}   # as it was
  then: {{group: c}}
- name: last
  priority: 5
  condition: >-
    {AIRFLOW}
    && request.getMethod() == "POST"
  actions: '{PUT}'

# the end
"""
    made = convert(text)
    assert made.text == (
        text.replace(f"condition: {AIRFLOW}   # who", "when:\n  source: airflow   # who")
        .replace(f"actions:\n  - {PUT}  # where", "then:\n  group: etl  # where")
        .replace(
            f'condition: >-\n    {AIRFLOW}\n    && request.getMethod() == "POST"',
            "when:\n    source: airflow\n    method: POST",
        )
        .replace(f"actions: '{PUT}'", "then:\n    group: etl")
    )
    assert made.converted == ("airflow", "last")
    assert made.plain == 1
    (left,) = made.left_alone
    assert (left.name, left.line) == ("tags", 12)
    assert "more than put a text" in left.because


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (
            f"{{name: a, condition: {json.dumps(AIRFLOW)}, actions: [{json.dumps(PUT)}]}}",
            "{name: a, when: {source: airflow}, then: {group: etl}}",
        ),
        (
            json.dumps({"name": "a", "condition": AIRFLOW, "actions": [PUT], "priority": 1}),
            '{"name": "a", when: {source: airflow}, then: {group: etl}, "priority": 1}',
        ),
        (
            f"name: a\r\ncondition: {AIRFLOW}\r\nactions:\r\n- {PUT}\r\n",
            "name: a\r\nwhen:\r\n  source: airflow\r\nthen:\r\n  group: etl\r\n",
        ),
        (
            f"name: a\ncondition: |\n  // who\n  {AIRFLOW} /* and\n  * why */\nactions: {PUT}",
            "name: a\n# who\n# and\n# why\nwhen:\n  source: airflow\nthen:\n  group: etl",
        ),
        (
            f"--- {{name: a, when: {{source: b}}, actions: '{PUT}'}}",
            "--- {name: a, when: {source: b}, then: {group: etl}}",
        ),
        (
            'name: a\ncondition: "true"\nactions: \'result.put("rejectMessage", "it\'\'s: no\\n#1"); result.put("stop", true)\'',
            "name: a\nwhen:\n  method:\n    present: true\nthen:\n  reject: 'it''s: no\n\n    #1'\n  stop: true",
        ),
        (
            f'name: a\ncondition: \'request.getHeader("A") == "yes" || "b" == request.getHeader("B")\'\nactions: {PUT}',
            "name: a\nwhen:\n  any:\n    - headers:\n        A: 'yes'\n    - headers:\n        B: b\nthen:\n  group: etl",
        ),
    ],
)
def test_every_way_to_write_a_rule_is_converted_in_place(rule: str, expected: str) -> None:
    made = convert(rule)
    assert made.left_alone == ()
    assert made.text == expected
    assert len(read_rules(made.text, analyses=True).rules) == 1


@pytest.mark.parametrize(
    ("rule", "because"),
    [
        (f"name: a\ncondition: 'Math.random() < 0.5'\nactions: {PUT}", "plain rules cannot say `Math.random() < 0.5`"),
        (f"name: a\ncondition: 'false'\nactions: {PUT}", "its condition never holds"),
        ("name: a\ncondition: 'true'\nactions: 'state.put(\"a\", 1)'", "more than put a text"),
        (
            f"name: a\ncondition: 'true'\nactions: [{PUT}]\nthen: {{stop: true}}".replace(f"[{PUT}]", f"'{PUT}'"),
            "actions and then",
        ),
        (f"name: &n a\ncondition: 'true'\nactions: '{PUT}'", "an anchor"),
        (f"- {{name: a, condition: &c 'true', actions: '{PUT}'}}", "an anchor"),
        (f"{{name: a, condition: 'true // why', actions: '{PUT}'}}", "comments in its MVEL"),
        (f"name: a\n? condition\n: 'true'\nactions: '{PUT}'", "unusual way"),
        ("name: a\ncondition: 'true'\nactions: []", "it does nothing"),
    ],
)
def test_a_rule_that_is_left_alone_says_why(rule: str, because: str) -> None:
    made = convert(rule)
    assert made.text == rule
    (left,) = made.left_alone
    assert because in left.because


def test_a_condition_that_would_become_too_long_is_left_alone() -> None:
    condition = 'request.getHeader("H").equals("0")'
    for number in range(9):
        operator = "&&" if number % 2 else "||"
        condition = f'({condition} {operator} request.getHeader("H{number}").equals("{number}"))'
    (left,) = convert(f"name: a\ncondition: '{condition}'\nactions: '{PUT}'").left_alone
    assert left.because == "it would become too long"


def test_rules_that_share_values_are_left_alone() -> None:
    text = f"- {{name: a, condition: &c 'true', actions: '{PUT}'}}\n- {{name: b, condition: *c, actions: '{PUT}'}}\n"
    assert convert(text).text == text


def test_a_file_that_is_wrong_is_refused() -> None:
    with pytest.raises(SettingsError):
        convert("name: a\ncondition: tru\nactions: x")


def test_a_converted_file_has_nothing_more_to_convert() -> None:
    once = convert(f"name: a\ncondition: {AIRFLOW}\nactions: {PUT}\n")
    again = convert(once.text)
    assert (again.text, again.converted, again.plain) == (once.text, (), 1)


def test_a_header_that_is_sent_several_times_is_the_difference_that_is_named() -> None:
    text = f"name: a\ncondition: {AIRFLOW}\nactions: {PUT}\n"
    request = facts({"X-Trino-Source": ["other", "airflow"]})
    assert read_rules(text, analyses=True).decide(request, no_chance).group is None
    assert read_rules(convert(text).text, analyses=True).decide(request, no_chance).group == "etl"


# --- decisions

DOCUMENTS = st.sampled_from(("block", "folded", "quoted", "json"))
ACTIONS = st.sampled_from(
    (
        PUT,
        'result.put("routingGroup", "adhoc")',
        'result.put("fallbackGroup", "spare")',
        'result.put("pinnedCluster", "blue"); result.put("routingGroup", "etl");',
        'result.put("rejectMessage", "no: not now")',
        'result.put("stop", true)',
        'result["routingGroup"] = "by index"',
        'if (result.get("routingGroup") == "etl") { result.put("routingGroup", "was etl"); }',
        'state.put("x", "y")',
    )
)


def _document(number: int, style: str, parts: tuple[str, str, int, bool]) -> str:
    condition, action, priority, stop = parts
    tail = f"priority: {priority}\nstop: {str(stop).lower()}\n"
    match style:
        case "block":
            return f"name: r{number}\ncondition: |\n  {condition}\nactions:\n  - |\n    {action}\n{tail}"
        case "folded":
            folded = condition.replace(" && ", "\n  && ")
            return f"name: r{number}\n{tail}condition: >\n  {folded}\n# c\nactions: [{json.dumps(action)}]\n"
        case "quoted":
            return f"- name: r{number}\n  condition: {json.dumps(condition)}\n  actions:\n  - {json.dumps(action)}\n"
    rule = {"name": f"r{number}", "condition": condition, "actions": [action], "priority": priority, "stop": stop}
    return f"[{json.dumps(rule)}]\n"


RULES = st.tuples(conditions, ACTIONS, st.integers(-1, 1), st.booleans())
FILES = st.lists(st.tuples(DOCUMENTS, RULES), min_size=1, max_size=5).map(
    lambda rules: "---\n".join(_document(number, *each) for number, each in enumerate(rules))
)


def _decided(rules: RuleSet, request: Facts) -> Ruling | str:
    """Without rules that fail for this request: converted, they do not apply."""
    kept: list[Rule] = [rule for rule in rules.rules if not _fails(rule, request)]
    try:
        ruling = RuleSet(kept).decide(request, no_chance)
    except RuleFailed as failure:
        return str(failure)
    return Ruling(group=ruling.group, fallback=ruling.fallback, cluster=ruling.cluster, reject=ruling.reject)


def _fails(rule: Rule, request: Facts) -> bool:
    try:
        rule.condition.applies(Scope(request))
    except RuleFailed:
        return True
    return False


def same(text: str, asked: Sequence[Facts]) -> None:
    try:
        original = read_rules(text, analyses=True)
    except SettingsError:
        return
    converted = read_rules(convert(text).text, analyses=True)
    for each in asked:
        assert _decided(converted, each) == _decided(original, each)


@pytest.mark.slow
@given(FILES, st.lists(requests, min_size=6, max_size=6))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_converted_files_decide_as_before(text: str, asked: list[Facts]) -> None:
    same(text, asked)


@pytest.mark.slow
@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20), st.lists(requests, min_size=2, max_size=2))
@settings(max_examples=400, deadline=None)
def test_any_literal_is_written_so_that_it_is_read_again(value: str, group: str, asked: list[Facts]) -> None:
    rule = {
        "name": "a",
        "condition": f'request.getHeader("X-Team") == {quoted(value)}',
        "actions": [f'result.put("routingGroup", {quoted(group)})'],
    }
    for text in (
        json.dumps(rule),
        f"name: a\ncondition: {json.dumps(rule['condition'])}\nactions: {json.dumps(rule['actions'])}\n",
    ):
        same(text, [*asked, facts({"X-Team": [value]}) if value.isprintable() else asked[0]])

"""What an author of rules is told about a file that is right."""

import pytest

from warren.rulebook.reading import read_rules
from warren.rulebook.tools.notes import needing_analysis, notes

AIRFLOW = 'request.getHeader("X-Trino-Source") == "airflow"'


def told(text: str) -> list[str]:
    return [str(note) for note in notes(text, read_rules(text, analyses=True))]


def rule(name: str, when: str, more: str = "then: {group: g}") -> str:
    return f"name: {name}\n{when}\n{more}\n---\n"


def test_rules_of_one_name_are_named() -> None:
    text = rule("a", "when: {source: a}") + rule("a", "when: {source: b}")
    assert told(text) == ["line 5: rule a has the name of the rule on line 1"]


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("'true'", "applies to every request"),
        ("'1 > 2'", "never applies"),
        (f"'{AIRFLOW} || !({AIRFLOW})'", "applies to every request"),
        (f"'{AIRFLOW} && !({AIRFLOW})'", "never applies"),
    ],
)
def test_a_constant_condition_is_named(condition: str, words: str) -> None:
    assert told(rule("a", f"condition: {condition}")) == [f"line 1: rule a {words}: its condition is constant"]


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ("queryType: select", "queryType is never select: write resourceGroupQueryType: SELECT, or a class of Trino's"),
        ("queryType: [Query, drop]", "queryType is never drop: write a class of Trino's, such as Query, Insert"),
        (
            "resourceGroupQueryType: {equals: ddl}",
            "resourceGroupQueryType is never ddl: write one of ALTER_TABLE_EXECUTE",
        ),
        ("resourceGroupQueryType: CreateTable", "write queryType: CreateTable, or one of ALTER_TABLE_EXECUTE, ANALYZE"),
        ("not: {tables: orders}", "tables is never orders: write catalog.schema.table, or {endsWith: .table}"),
        ("tables: '\"a\".b.c'", 'tables is never "a".b.c: names have no quotes here, and are in lower case'),
        (f"tables: [{', '.join(f't{n}' for n in range(3000))}, a.b.c]", "tables is never t0 (and 2999 more): write"),
        ("any: [{tables: {allOf: [a.b.c, b.c]}}, {user: a}]", "tables is never b.c: write catalog.schema.table"),
        ("catalogSchemas: sales", "catalogSchemas is never sales: write catalog.schema, or ask for schemas"),
        ("method: post", "method is never post: methods are in capitals, such as POST"),
        ("path: v1/statement", "path is never v1/statement: a path begins with /"),
    ],
)
def test_a_value_that_never_comes_is_named_with_what_to_write(when: str, words: str) -> None:
    (found,) = told(rule("a", f"when: {{{when}}}"))
    assert found.startswith("line 1: rule a: ")
    assert words in found


@pytest.mark.parametrize(
    "when",
    [
        "queryType: [query, ExplainAnalyze, CREATETABLE]",
        "resourceGroupQueryType: [select, Data_Definition, UNKNOWN]",
        "tables: {contains: orders, endsWith: .orders, allOf: [a.b.c, a.b.c.d]}",
        "catalogSchemas: a.b, catalogs: a, schemas: b, source: post",
        "method: POST, path: {equals: /ui/}",
    ],
)
def test_a_value_that_may_come_is_not(when: str) -> None:
    assert told(rule("a", f"when: {{{when}}}")) == []


@pytest.mark.parametrize("condition", ["Math.random() < 0.5", 'state.get("a") == null', AIRFLOW, "null.x"])
def test_a_condition_that_may_change_is_not_constant(condition: str) -> None:
    assert told(rule("a", f"condition: '{condition}'")) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (f"condition: {AIRFLOW}", f"condition: |\n  {AIRFLOW.replace(' ', '  ')} ; // again"),
        ("when: {source: a, user: b}", "when:\n  source: a\n  user: b"),
    ],
)
@pytest.mark.parametrize(
    "stop",
    [
        "then: {group: g}\nstop: true",
        "then: {group: g, stop: true}",
        "actions: ['result.put(\"stop\", true)']",
        "actions: 'result.put(\"stop\", true)'",
    ],
)
def test_a_rule_behind_one_that_stops_on_the_same_is_named(first: str, second: str, stop: str) -> None:
    (found,) = told(rule("a", first, stop) + rule("b", second))
    assert "rule b never has an effect: rule a on line 1 has the same condition, runs before it and stops" in found


def test_the_order_of_priorities_counts() -> None:
    text = rule("a", "when: {source: a}", "then: {group: g}\npriority: 1\nstop: true") + rule("b", "when: {source: a}")
    assert told(text) == []


def test_what_follows_a_stop_for_all_is_named() -> None:
    text = rule("a", "condition: 'true'", "then: {group: g}\nstop: true") + rule("b", "when: {source: a}")
    assert (
        "line 6: rule b never has an effect: rule a on line 1 applies to every request, runs before it and stops"
        in told(text)
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("when: {source: a}", "when: {source: b}"),
        ("condition: 'Math.random() < 0.5'", "condition: 'Math.random() < 0.5'"),
        ("condition: 'state.get(\"a\") == null'", "condition: 'state.get(\"a\") == null'"),
    ],
)
def test_other_conditions_are_tried(one: str, other: str) -> None:
    assert told(rule("a", one, "then: {group: g}\nstop: true") + rule("b", other)) == []


def test_an_action_that_may_stop_does_not_count() -> None:
    may = 'actions: [\'if (request.getMethod() == "GET") { result.put("stop", true); }\']'
    assert told(rule("a", "when: {source: a}", may) + rule("b", "when: {source: a}")) == []


def test_rules_that_need_the_analysis_are_named() -> None:
    text = rule("a", "when: {source: a}") + rule("b", "when: {tables: a.b.c}")
    assert str(needing_analysis(text, is_on=True)) == "line 6: rule b: needs the analysis of statements, which is on"
    assert "analyzeRequest: true" in str(needing_analysis(text, is_on=None))
    assert needing_analysis(rule("a", "when: {source: a}"), is_on=None) is None
    many = "".join(rule(f"r{number}", "when: {tables: a.b.c}") for number in range(12))
    assert "rule r9 and 2 more: needs" in str(needing_analysis(many, is_on=None))

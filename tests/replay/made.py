"""Statements, terms and reports as the tests of this room need them."""

from collections.abc import Mapping, Sequence
from typing import Any

from warren.replay.judging import Judge, Terms
from warren.replay.report import Report, Source, report_of
from warren.replay.statement import HOUR_MS, Statement
from warren.replay.tally import Tally
from warren.rulebook.reading import read_rules

NOON = 1_793_534_400_000
"""2026-11-01T12:00:00Z, a Sunday."""

RULES = """
name: airflow
condition: request.getHeader("X-Trino-Source") == "airflow"
actions:
  - result.put("routingGroup", "etl")
---
name: drops
priority: 1
when: {queryType: DropTable}
then: {reject: nobody drops tables}
---
name: carl
priority: 2
when: {user: carl}
then: {group: bi, cluster: blue}
"""


def statement(name: str = "q1", sql: str = "SELECT 1", **known: Any) -> Statement:
    return Statement(**{"name": name, "sql": sql, "when": NOON, "group": "adhoc", **known})


def terms(rules: str | None = RULES, **others: Any) -> Terms:
    usual = {
        "before": None,
        "default": "adhoc",
        "analyses": True,
        "max_body_size": 1000,
        "v2": False,
        "claim": "email",
        "examples": 3,
    }
    return Terms(rules=rules, **{**usual, **others})


def tally(statements: Sequence[Statement], terms: Terms) -> Tally:
    judge, found = Judge(terms), Tally(terms.examples)
    for each in statements:
        found.add(each, judge.judge(each))
    return found


def report(
    statements: Sequence[Statement],
    given: Terms | None = None,
    *,
    source: Mapping[str, Any] | None = None,
    shown: int = 3,
) -> Report:
    given = given or terms()
    words = {"statements": "a test", "rules": "rules of new.yaml", "before": "the group that was recorded"}
    return report_of(
        tally(statements, given),
        Source(**{**words, **(source or {})}),
        rules=None if given.rules is None else read_rules(given.rules, analyses=True),
        before=None if given.before is None else read_rules(given.before, analyses=True),
        shown=shown,
    )


def some_statements() -> list[Statement]:
    """Two that move to etl, one that is rejected, one that is pinned, two that stay."""
    return [
        statement("q1", source="airflow", when=NOON),
        statement("q2", source="airflow", when=NOON + HOUR_MS),
        statement("q3", "DROP TABLE a.b.c", user="ann"),
        statement("q4", user="carl", group="bi", when=NOON + 2 * HOUR_MS),
        statement("q5", user="ann"),
        statement("q6", source="airflow", group="etl"),
    ]

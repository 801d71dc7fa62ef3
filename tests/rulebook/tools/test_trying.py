"""Rules, asked about described requests."""

from datetime import UTC, datetime

import pytest

from warren.rulebook.reading import read_rules
from warren.rulebook.tools.examples import read_examples
from warren.rulebook.tools.trying import Outcome, try_all

NIGHT = datetime(2026, 11, 25, 23, 0, tzinfo=UTC)
RULES = """\
- {name: airflow, when: {source: airflow}, then: {group: etl, fallbackGroup: spare}}
- {name: lake, when: {tables: lake.web.clicks, user: ana}, then: {cluster: blue}}
- {name: night, when: {timeOfDay: "22:00-06:00", method: PUT}, then: {group: night}}
- {name: drop, when: {queryType: DropTable}, then: {reject: nothing is dropped here}, stop: true}
- {name: fails, condition: 'request.getHeader("X-Fail").length() > trinoQueryProperties.getTables().size()', then: {group: x}}
"""
CALM = RULES[: RULES.rindex("- {name: fails")]


def outcomes(tests: str, rules: str = CALM) -> list[Outcome]:
    return list(try_all(read_rules(rules, analyses=True), read_examples(tests), now=lambda: NIGHT))


@pytest.mark.parametrize(
    "test",
    [
        "{name: a, request: {source: airflow}, expect: {group: etl, fallbackGroup: spare, cluster: null, reject: null}}",
        "{name: a, expect: null}",
        "{name: a, request: {user: ana, catalog: LAKE, sql: SELECT * FROM web.clicks}, expect: {cluster: blue}}",
        "{name: a, request: {headers: {Authorization: Basic YW5hOng=}, sql: TABLE lake.web.clicks}, expect: {cluster: blue}}",
        "{name: a, request: {user: ana, sql: EXECUTE s, preparedStatements: {s: TABLE lake.web.clicks}}, expect: {cluster: blue}}",
        "{name: a, request: {method: PUT}, expect: night}",
        "{name: a, request: {method: PUT, time: '2026-11-25T12:00:00Z'}, expect: null}",
        "{name: a, request: {sql: DROP TABLE a.b.c}, expect: {reject: is dropped}}",
    ],
)
def test_a_request_is_seen_as_the_gateway_sees_it(test: str) -> None:
    (outcome,) = outcomes(f"- {test}")
    assert outcome.because == ""
    assert outcome.details == ()


@pytest.mark.parametrize(
    ("test", "because"),
    [
        ("{name: a, request: {source: airflow}, expect: adhoc}", "expected group adhoc, got group etl"),
        ("{name: a, expect: etl}", "expected group etl, got no group"),
        (
            "{name: a, request: {source: airflow}, expect: {group: ~, cluster: c}}",
            "expected no group, got group etl; expected cluster c, got no cluster",
        ),
        ("{name: a, request: {sql: DROP TABLE a.b.c}, expect: ~}", "it is rejected: nothing is dropped here"),
        (
            "{name: a, request: {sql: DROP TABLE a.b.c}, expect: {reject: never}}",
            "expected rejection never, got rejection nothing",
        ),
        ("{name: a, expect: {fails: true}}", "the rules do not fail: none of 4 rules says a group"),
    ],
)
def test_what_came_instead_is_said(test: str, because: str) -> None:
    (outcome,) = outcomes(f"- {test}")
    assert outcome.because.startswith(because)


def test_what_each_rule_saw_is_said() -> None:
    tests = "- {name: a, request: {source: airflow, sql: DROP TABLE a.b.c, headers: {X-Fail: abc}}, expect: adhoc}"
    (outcome,) = outcomes(tests, RULES)
    assert outcome.details == (
        "rule airflow, line 1: applies, puts routingGroup = etl, fallbackGroup = spare",
        "  saw source = airflow",
        "rule lake, line 2: does not apply",
        "  saw tables = a.b.c",
        "  saw user = nothing",
        "rule night, line 3: does not apply",
        "  saw timeOfDay = wed 23:00 UTC",
        "  saw method = POST",
        "rule drop, line 4: applies, puts rejectMessage = nothing is dropped here",
        "  saw queryType = droptable",
        "rule fails, line 5: not tried",
    )


def test_rules_that_fail_may_be_expected_to() -> None:
    expected, other = outcomes("- {name: a, expect: {fails: true}}\n- {name: b, expect: g}", RULES)
    assert expected.because == ""
    assert other.because.startswith("the rules fail: rule fails: null pointer")
    assert any(each.startswith("rule fails, line 5: fails: null pointer") for each in other.details)

"""Conditions in YAML: every field, every way to compare, what holds them together, and what is refused."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from warren.facts import Facts, QueryProperties, RequestFacts, RequestUser
from warren.routing.rules.plain import (
    ALL,
    ANY,
    FIELDS,
    HEADERS,
    NOT,
    OPERATORS,
    QUERY_FIELDS,
    TIME,
    BadCondition,
    compile_when,
)

QUERY = QueryProperties(
    body="SELECT *\nFROM Lake.sales.orders",
    query_type="Query",
    resource_group_query_type="SELECT",
    tables=frozenset({("lake", "sales", "orders"), ("lake", "hr", "people")}),
    catalogs=frozenset({"lake"}),
    schemas=frozenset({"sales", "hr"}),
    catalog_schemas=frozenset({"lake.sales", "lake.hr"}),
    is_new_query_submission=True,
)
REQUEST = RequestFacts(
    method="POST",
    path="/v1/statement",
    remote_address="10.0.0.7",
    headers={
        "x-trino-source": ("airflow",),
        "x-trino-client-tags": ("team=red, nightly", "label=special,,"),
        "x-trino-client-info": ("dag 7",),
        "x-trino-routing-group": ("wished",),
        "x-trino-catalog": ("Lake",),
        "x-trino-schema": ("Sales",),
        "x-team": ("red", "blue"),
        "x-empty": ("",),
    },
)
FACTS = Facts(
    request=REQUEST,
    user=RequestUser(user="alice"),
    query=QUERY,
    now=datetime(2026, 11, 25, 23, 30, tzinfo=UTC),
)
NOTHING = Facts(request=RequestFacts(method="", path="", headers={}))


def holds(condition: Any, facts: Facts = FACTS) -> bool:
    return compile_when(condition).test(facts)


VALUES = {
    "source": ("airflow", "dbt"),
    "user": ("alice", "bob"),
    "clientTags": ("label=special", "label"),
    "clientInfo": ("dag 7", "dag"),
    "routingGroupHeader": ("wished", "adhoc"),
    "sessionCatalog": ("Lake", "lake"),
    "sessionSchema": ("Sales", "sales"),
    "method": ("POST", "GET"),
    "path": ("/v1/statement", "/v1"),
    "clientAddress": ("10.0.0.7", "10.0.0"),
    "sql": ("SELECT *\nFROM Lake.sales.orders", "SELECT"),
    "catalogs": ("LAKE", "hive"),
    "schemas": ("Sales", "public"),
    "catalogSchemas": ("lake.HR", "lake"),
    "tables": ("Lake.Sales.Orders", "orders"),
    "queryType": ("query", "Insert"),
    "resourceGroupQueryType": ("Select", "INSERT"),
}
"""By field: what it is, and what it is not."""


def test_there_is_a_row_for_each_field() -> None:
    assert VALUES.keys() == FIELDS.keys()


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_is_compared_with_its_value(field: str) -> None:
    value, other = VALUES[field]
    assert holds({field: value})
    assert not holds({field: other})
    assert holds({field: [other, value]})
    assert holds({field: {"equals": value}})
    assert holds({field: {"present": "true"}})
    assert not holds({field: value}, NOTHING)
    assert holds({field: {"present": "false"}}, NOTHING)


@pytest.mark.parametrize("field", sorted(QUERY_FIELDS))
def test_what_the_sql_says_is_absent_where_it_is_not_analysed(field: str) -> None:
    assert not holds({field: {"present": True}}, Facts(request=REQUEST))
    assert compile_when({field: VALUES[field][0]}).fields == {field}


@pytest.mark.parametrize(
    ("compared", "result"),
    [
        ({"equals": "airflow"}, True),
        ({"equals": "Airflow"}, False),
        ({"equals": "air"}, False),
        ({"oneOf": ["dbt", "airflow"]}, True),
        ({"oneOf": ["dbt", "spark"]}, False),
        ({"oneOf": ["airflow"]}, True),
        ({"allOf": ["airflow"]}, True),
        ({"allOf": ["airflow", "dbt"]}, False),
        ({"matches": "air.*"}, True),
        ({"matches": "air"}, False),
        ({"matches": "(?i)AIRFLOW"}, True),
        ({"contains": "irfl"}, True),
        ({"contains": "IRFL"}, False),
        ({"startsWith": "air"}, True),
        ({"startsWith": "flow"}, False),
        ({"endsWith": "flow"}, True),
        ({"endsWith": "air"}, False),
        ({"present": "true"}, True),
        ({"present": "false"}, False),
        ({"present": True}, True),
        ({"startsWith": "air", "endsWith": "flow"}, True),
        ({"startsWith": "air", "endsWith": "air"}, False),
    ],
)
def test_every_way_to_compare(compared: Mapping[str, Any], result: bool) -> None:
    assert compared.keys() <= OPERATORS.keys()
    assert holds({"source": compared}) is result
    assert holds({NOT: {"source": compared}}) is not result


@pytest.mark.parametrize("operator", sorted(OPERATORS.keys() - {"present"}))
def test_nothing_compares_to_a_value_that_is_not_there(operator: str) -> None:
    wanted: Any = ["a"] if operator in {"oneOf", "allOf"} else "a"
    assert not holds({"source": {operator: wanted}}, NOTHING)


@pytest.mark.parametrize(
    ("condition", "result"),
    [
        ({"clientTags": "nightly"}, True),
        ({"clientTags": "team=red"}, True),
        ({"clientTags": "team"}, False),
        ({"clientTags": ""}, None),
        ({"clientTags": {"allOf": ["nightly", "label=special"]}}, True),
        ({"clientTags": {"allOf": ["nightly", "missing"]}}, False),
        ({"clientTags": {"startsWith": "team="}}, True),
        ({"clientTags": {"matches": "team=(red|blue)"}}, True),
        ({"tables": {"startsWith": "lake.sales."}}, True),
        ({"tables": {"startsWith": "LAKE.HR."}}, True),
        ({"tables": {"endsWith": ".Orders"}}, True),
        ({"tables": {"contains": ".HR."}}, True),
        ({"tables": {"matches": "LAKE[.].*[.]PEOPLE"}}, True),
        ({"tables": {"allOf": ["lake.sales.orders", "Lake.HR.people"]}}, True),
        ({"tables": {"oneOf": ["hive.a.b", "LAKE.hr.people"]}}, True),
        ({"sql": {"contains": "from lake.SALES"}}, True),
        ({"sql": {"startsWith": "select"}}, False),
        ({"sql": {"matches": "SELECT.*orders"}}, False),  # the dot is no line's end
        ({"sql": {"matches": "(?is)select.*orders"}}, True),
        ({"queryType": ["INSERT", "query"]}, True),
        ({"queryType": {"matches": "QUE.*"}}, True),
    ],
)
def test_several_values_and_cases(condition: Mapping[str, Any], result: bool | None) -> None:
    if result is None:
        with pytest.raises(BadCondition):
            compile_when(condition)
    else:
        assert holds(condition) is result


@pytest.mark.parametrize(
    ("headers", "result"),
    [
        ({"X-Team": "red"}, True),
        ({"x-TEAM": "blue"}, True),
        ({"X-Team": "green"}, False),
        ({"X-Team": {"allOf": ["red", "blue"]}}, True),
        ({"X-Team": "red", "X-Trino-Source": "airflow"}, True),
        ({"X-Team": "red", "X-Trino-Source": "dbt"}, False),
        ({"X-Absent": {"present": False}}, True),
        ({"X-Empty": {"present": False}}, True),
        ({"X-Empty": {"present": True}}, False),
    ],
)
def test_any_header_can_be_asked_for(headers: Mapping[str, Any], result: bool) -> None:
    assert holds({HEADERS: headers}) is result


TRUE, FALSE = {"source": "airflow"}, {"source": "dbt"}


@pytest.mark.parametrize(
    ("condition", "result"),
    [
        ({ALL: [TRUE, TRUE]}, True),
        ({ALL: [TRUE, FALSE]}, False),
        ({ANY: [FALSE, TRUE]}, True),
        ({ANY: [FALSE, FALSE]}, False),
        ({NOT: FALSE}, True),
        ({NOT: TRUE}, False),
        ({NOT: {"source": "airflow", "user": "bob"}}, True),  # not (both)
        ({NOT: {ANY: [FALSE, {"user": "alice"}]}}, False),
        ({ALL: [TRUE], ANY: [FALSE, TRUE], NOT: FALSE}, True),
        ({ALL: [TRUE], ANY: [FALSE, TRUE], NOT: TRUE}, False),
        ({"source": "airflow", "user": "alice"}, True),
        ({"source": "airflow", "user": "bob"}, False),
        ({ANY: [{ALL: [TRUE, FALSE]}, {NOT: {NOT: TRUE}}]}, True),
        ({TIME: "22:00-06:00"}, True),
        ({TIME: {"between": "22:00-06:00", "zone": "Europe/Berlin", "days": ["thu"]}}, True),
        ({TIME: "06:00-22:00", "source": "airflow"}, False),
    ],
)
def test_conditions_are_held_together(condition: Mapping[str, Any], result: bool) -> None:
    assert holds(condition) is result


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"source": "airflow"}, "source is airflow"),
        ({"source": ["a", "b"]}, "source is one of a, b"),
        ({"clientTags": {"allOf": ["a", "b"]}}, "clientTags has all of a, b"),
        ({"source": {"present": "false"}}, "source is not there"),
        ({"tables": {"startsWith": "LAKE."}}, "tables starts with lake."),
        ({HEADERS: {"X-Team": "red"}}, "header X-Team is red"),
        ({NOT: {"source": "a"}}, "not (source is a)"),
        ({"source": "a", ANY: [{"user": "b"}, {"user": "c"}]}, "source is a and (user is b or user is c)"),
        ({TIME: "22:00-06:00"}, "time is 22:00-06:00 UTC"),
        (
            {"user": [f"u{number}" for number in range(12)]},
            "user is one of u0, u1, u2, u3, u4, u5, u6, u7, u8, u9 and 2 more",
        ),
    ],
)
def test_a_condition_can_be_said_in_words(condition: Mapping[str, Any], words: str) -> None:
    assert compile_when(condition).text == words


def test_what_it_looks_at_is_listed_once_and_headers_by_another_name_than_fields() -> None:
    plain = compile_when(
        {ANY: [{"source": "a"}, {"source": "b"}], HEADERS: {"source": "c"}, TIME: "08:00-09:00", NOT: {"user": "d"}}
    )
    assert [name for name, _ in plain.looks] == ["source", "header source", TIME, "user"]
    assert plain.fields == {"source", "header source", TIME, "user"}


@pytest.mark.parametrize(
    ("condition", "path", "remedy"),
    [
        ({}, ("when",), "known are source, user"),
        ([], ("when",), "known are source, user"),
        ("source", ("when",), "known are source, user"),
        ({"sources": "a"}, ("when", "sources"), "nothing is known by that name"),
        ({"source": ""}, ("when", "source"), "write a text"),
        ({"source": []}, ("when", "source"), "a list of texts"),
        ({"source": [["a"]]}, ("when", "source"), "write a text"),
        ({"source": {}}, ("when", "source"), "ways are equals"),
        ({"source": {"is": "a"}}, ("when", "source", "is"), "no such way to compare"),
        ({"source": {"equals": ["a"]}}, ("when", "source", "equals"), "write a text"),
        ({"source": {"oneOf": "a"}}, ("when", "source", "oneOf"), "write a list of texts"),
        ({"source": {"allOf": "a"}}, ("when", "source", "allOf"), "write a list of texts"),
        ({"source": {"matches": "("}}, ("when", "source", "matches"), "not a regular expression"),
        ({"source": {"matches": "(?=a)"}}, ("when", "source", "matches"), "not a regular expression"),
        ({"source": {"present": "maybe"}}, ("when", "source", "present"), "write true or false"),
        ({ALL: {"source": "a"}}, ("when", ALL), "a list of conditions"),
        ({ANY: []}, ("when", ANY), "a list of conditions"),
        ({ANY: [{"source": "a"}, {"tag": "b"}]}, ("when", ANY, 1, "tag"), "nothing is known by that name"),
        ({NOT: []}, ("when", NOT), "known are source, user"),
        ({HEADERS: "X-Team"}, ("when", HEADERS), "names of headers"),
        ({HEADERS: {}}, ("when", HEADERS), "names of headers"),
        ({HEADERS: {"X-Team": {"like": "a"}}}, ("when", HEADERS, "X-Team", "like"), "no such way to compare"),
        ({TIME: "noon"}, ("when", TIME), "two times with a dash"),
        ({TIME: {"zone": "Nowhere"}}, ("when", TIME, "zone"), "no time zone"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_place(
    condition: Any, path: tuple[str | int, ...], remedy: str
) -> None:
    with pytest.raises(BadCondition) as refused:
        compile_when(condition)
    assert refused.value.path == path
    assert remedy in refused.value.remedy
    assert refused.value.found.isprintable()

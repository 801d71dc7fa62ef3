"""Tests of rules as they are written: read whole, or refused with all that is wrong."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warren.errors import SettingsError
from warren.rulebook.tools.examples import EXAMPLE, read_examples


def test_a_request_has_headers_by_short_names() -> None:
    (one,) = read_examples("""
- name: all of it
  request:
    source: airflow
    user: ana
    clientTags: [a, b]
    catalog: hive
    schema: web
    headers: {X-Team: blue, X-More: [c, d]}
    preparedStatements: {s 1: "SELECT 1, 2"}
    sql: EXECUTE "s 1"
    time: "2026-11-25T22:30:00+01:00"
    method: PUT
    path: /v1/x?y
    clientAddress: 10.0.0.1
  expect: {group: etl, fallbackGroup: null, cluster: blue, reject: no}
""")
    assert one.request.headers == {
        "x-trino-source": ["airflow"],
        "x-trino-user": ["ana"],
        "x-trino-client-tags": ["a,b"],
        "x-trino-catalog": ["hive"],
        "x-trino-schema": ["web"],
        "x-team": ["blue"],
        "x-more": ["c", "d"],
        "x-trino-prepared-statement": ["s+1=SELECT+1%2C+2"],
    }
    request = one.request
    assert (request.sql, request.method, request.path, request.client_address) == (
        'EXECUTE "s 1"',
        "PUT",
        "/v1/x?y",
        "10.0.0.1",
    )
    assert request.time == datetime(2026, 11, 25, 21, 30, tzinfo=UTC)
    assert (one.name, one.line) == ("all of it", 2)
    assert one.expected == {"group": "etl", "fallbackGroup": None, "cluster": "blue", "reject": "no"}


@pytest.mark.parametrize(
    ("expect", "expected"),
    [
        ("etl", {"group": "etl"}),
        ("null", {"group": None}),
        ("{group: ~}", {"group": None}),
        ("{fails: true}", {"fails": True}),
    ],
)
def test_what_is_expected_may_be_said_shortly(expect: str, expected: dict[str, object]) -> None:
    assert read_examples(f"- {{name: a, expect: {expect}}}")[0].expected == expected


def test_the_example_is_one() -> None:
    assert len(read_examples(EXAMPLE)) == 1
    assert read_examples("") == read_examples("# none\n") == read_examples("[]") == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [", "line 1, column 5: not YAML"),
        ("a: b", "line 1: write a list of at most"),
        ("- a", "line 1, column 3: test 1: write keys and values; known are name, request, expect"),
        ("- {name: a}", "line 1, column 3: test 1: write `expect:`"),
        ("- {expect: a}", "line 1, column 3: test 1: write `name:`"),
        ("- {name: a, expect: b, want: c}", "line 1, column 24: test 1: want: there is no such key; known are name"),
        ("- {name: a, expect: b, name: c}", "line 1, column 24: test 1: name: write each key once"),
        ("- {name: [a], expect: b}", "line 1, column 10: test 1: write a text"),
        (
            "- name: a\n  expect: b\n  request:\n    sourc: a",
            "line 4, column 5: test 1: sourc: there is no such key; known are source",
        ),
        ("- {name: a, expect: b, request: c}", "line 1, column 33: test 1: write keys and values"),
        (
            '- {name: a, expect: b, request: {source: "c\\nd"}}',
            "line 1, column 42: test 1: a header's value is one line",
        ),
        ("- {name: a, expect: b, request: {headers: {a b: c}}}", "line 1, column 49: test 1: a b: that is no name"),
        (
            "- {name: a, expect: b, request: {headers: {X-Trino-Source: c}, source: d}}",
            "X-Trino-Source: the header is written twice",
        ),
        ('- {name: a, expect: b, request: {time: "22:00"}}', "test 1: 22:00: write a moment with its zone"),
        ("- {name: a, expect: b, request: {time: 2026-11-25T22:30:00}}", "write a moment with its zone"),
        ("- {name: a, expect: b, request: {path: v1}}", "test 1: v1: write a path"),
        ("- {name: a, expect: b, request: {method: post}}", "test 1: post: write a method"),
        ("- {name: a, expect: {}}", "line 1, column 21: test 1: write what is expected: group"),
        ("- {name: a, expect: {grup: a}}", "line 1, column 22: test 1: grup: there is no such key; known are group"),
        ("- {name: a, expect: {fails: no}}", "line 1, column 29: test 1: no: write `fails: true`"),
        ("- {name: a, expect: {fails: true, group: b}}", "nothing beside it"),
        ('- {name: a, expect: "\\ud83d"}', "half a character"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_examples(text)
    (problem,) = caught.value.problems
    assert expected in str(problem)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read_examples("- a\n- {name: b}\n- {name: c, expect: d}\n- {}")
    assert [problem.key for problem in caught.value.problems] == ["test 1", "test 2", "test 4"]


TOKENS = """name: request: expect: headers: sql: time: source: a [ ] { } - , " \\ &a *a null ~ fails: true"""
WORDS = st.sampled_from((*TOKENS.split(), "\n", "\n  ", " "))


@given(st.lists(WORDS, max_size=30).map(" ".join))
@settings(max_examples=500, deadline=None)
def test_any_text_gives_tests_or_a_settings_error(text: str) -> None:
    with suppress(SettingsError):
        read_examples(text)

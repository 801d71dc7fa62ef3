"""Conditions and actions of both kinds, as files have them: what they do, what they need, what they saw."""

from typing import Any

import pytest

from warren.facts import Facts, QueryProperties, RequestFacts, RequestUser
from warren.routing.mvel.compile import MvelError
from warren.routing.mvel.scope import Scope
from warren.routing.rules.made import (
    SHOWN_VALUES,
    THEN,
    flag,
    mvel_action,
    mvel_condition,
    plain_action,
    plain_condition,
)
from warren.routing.rules.plain import BadCondition
from warren.routing.rules.rule import CLUSTER, FALLBACK, GROUP, LONGEST_MESSAGE, LONGEST_NAME, REJECT, STOP

FACTS = Facts(
    request=RequestFacts(headers={"x-trino-source": ("airflow",), "x-trino-client-tags": ("b,a",)}),
    user=RequestUser(user="alice"),
    query=QueryProperties(query_type="Insert"),
)


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ('request.getHeader("X-Trino-Source") == "airflow"', set()),
        ('trinoRequestUser.userExistsAndEquals("alice")', {"trinoRequestUser"}),
        ('trinoQueryProperties.getQueryType() == "Insert"', {"trinoQueryProperties"}),
        (
            'trinoRequestUser.userExistsAndEquals("alice") && trinoQueryProperties.getQueryType() == "Insert"',
            {"trinoRequestUser", "trinoQueryProperties"},
        ),
    ],
)
def test_a_condition_in_mvel_says_what_it_needs(text: str, needs: set[str]) -> None:
    condition, needed = mvel_condition(text)
    assert needed == needs
    assert condition.text == text
    assert condition.applies(Scope(FACTS)) is True
    assert condition.traced(Scope(FACTS)) is True


def test_a_traced_condition_in_mvel_notes_what_it_read() -> None:
    condition, _ = mvel_condition('request.getHeader("X-Trino-Source") == "airflow"')
    scope = Scope(FACTS)
    condition.traced(scope)
    assert "airflow" in [value for _, value in scope.seen]
    silent = Scope(FACTS)
    condition.applies(silent)
    assert silent.seen == []


def test_an_action_in_mvel_writes_into_the_result_and_says_what_it_needs() -> None:
    action, needed = mvel_action('result.put("routingGroup", trinoRequestUser.getUser().get())')
    assert needed == {"trinoRequestUser"}
    for act in (action.act, action.traced):
        scope = Scope(FACTS)
        act(scope)
        assert scope.result == {GROUP: "alice"}


def test_mvel_that_cannot_be_compiled_is_refused() -> None:
    with pytest.raises(MvelError):
        mvel_condition("request.getHeadr(")
    with pytest.raises(MvelError):
        mvel_action("result.putt()")


@pytest.mark.parametrize(
    ("tree", "needs", "seen"),
    [
        ({"source": "airflow"}, set(), [("source", "airflow")]),
        ({"clientTags": {"allOf": ["a", "b"]}}, set(), [("clientTags", ["a", "b"])]),
        ({"clientInfo": {"present": "false"}}, set(), [("clientInfo", None)]),
        ({"user": "alice"}, set(), [("user", "alice")]),
        ({"queryType": "insert"}, {"trinoQueryProperties"}, [("queryType", "insert")]),
        (
            {"any": [{"source": "airflow"}, {"not": {"tables": "a.b.c"}}]},
            {"trinoQueryProperties"},
            [("source", "airflow"), ("tables", None)],
        ),
        ({"headers": {"x-Trino-SOURCE": "airflow"}}, set(), [("header x-Trino-SOURCE", "airflow")]),
        ({"timeOfDay": "00:00-24:00"}, set(), [("timeOfDay", "thu 00:00 UTC")]),
    ],
)
def test_a_plain_condition_says_what_it_needs_and_what_it_saw(
    tree: Any, needs: set[str], seen: list[tuple[str, Any]]
) -> None:
    condition, needed = plain_condition(tree)
    assert needed == needs
    assert condition.applies(Scope(FACTS)) is True
    scope = Scope(FACTS)
    assert condition.traced(scope) is True
    assert scope.seen == seen


def test_of_very_many_values_some_are_shown() -> None:
    tags = ",".join(f"tag{number:03}" for number in range(500))
    condition, _ = plain_condition({"clientTags": "tag499"})
    scope = Scope(Facts(request=RequestFacts(headers={"x-trino-client-tags": (tags,)})))
    assert condition.traced(scope) is True
    assert scope.seen == [("clientTags", [f"tag{number:03}" for number in range(SHOWN_VALUES)])]


@pytest.mark.parametrize(
    ("tree", "result", "words"),
    [
        ({"group": "etl"}, {GROUP: "etl"}, "group etl"),
        (
            {"group": "etl", "fallbackGroup": "night"},
            {GROUP: "etl", FALLBACK: "night"},
            "group etl, fallbackGroup night",
        ),
        ({"cluster": "blue"}, {CLUSTER: "blue"}, "cluster blue"),
        ({"reject": "not today"}, {REJECT: "not today"}, "reject not today"),
        ({"stop": "true"}, {STOP: True}, "stop true"),
        ({"group": "etl", "stop": "False"}, {GROUP: "etl", STOP: False}, "group etl, stop False"),
    ],
)
def test_a_plain_action_puts_its_values(tree: Any, result: dict[str, Any], words: str) -> None:
    action = plain_action(tree)
    scope = Scope(FACTS, result={"other": 1})
    action.act(scope)
    assert scope.result == {"other": 1, **result}
    assert action.text == words


def test_every_key_below_then_has_a_key_of_the_result() -> None:
    assert set(THEN.values()) == {GROUP, FALLBACK, CLUSTER, REJECT}


@pytest.mark.parametrize(
    ("tree", "path", "remedy"),
    [
        ({}, ("then",), "write what to do"),
        ("etl", ("then",), "write what to do"),
        ([{"group": "etl"}], ("then",), "write what to do"),
        ({"groups": "etl"}, ("then", "groups"), "nothing is known by that name"),
        ({"group": ""}, ("then", "group"), "a text of at most 255 characters"),
        ({"group": "  "}, ("then", "group"), "a text of at most 255 characters"),
        ({"group": ["etl"]}, ("then", "group"), "a text of at most 255 characters"),
        ({"group": "x" * (LONGEST_NAME + 1)}, ("then", "group"), "a text of at most 255 characters"),
        ({"reject": "x" * (LONGEST_MESSAGE + 1)}, ("then", "reject"), "a text of at most 2000 characters"),
        ({"stop": "perhaps"}, ("then", "stop"), "write true or false"),
    ],
)
def test_an_action_that_cannot_be_used_is_refused_with_the_place(tree: Any, path: tuple[str, ...], remedy: str) -> None:
    with pytest.raises(BadCondition) as refused:
        plain_action(tree)
    assert refused.value.path == path
    assert remedy in refused.value.remedy


@pytest.mark.parametrize(("value", "read"), [("true", True), ("FALSE", False), (True, True), (False, False)])
def test_a_flag_is_true_or_false(value: Any, read: bool) -> None:
    assert flag(value, ()) is read


@pytest.mark.parametrize("value", ["yes", "1", "", None, ["true"]])
def test_a_flag_is_nothing_else(value: Any) -> None:
    with pytest.raises(BadCondition):
        flag(value, ())

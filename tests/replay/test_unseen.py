import pytest

from warren.replay.unseen import Known, unseen
from warren.rulebook.reading import read_rules

NOTHING = Known()


def of(rule: str, known: Known = NOTHING) -> tuple[str, ...]:
    text = f"name: one\n{rule}\n"
    (found,) = unseen(text, read_rules(text, analyses=True), known)
    return found


def plain(when: str) -> str:
    return f"when: {when}\nthen: {{group: x}}"


def mvel(condition: str) -> str:
    return f"condition: |\n  {condition}\nactions:\n  - result.put('routingGroup', 'x')"


@pytest.mark.parametrize(
    ("when", "found"),
    [
        ("{source: a, user: b, sql: {contains: c}, tables: d, queryType: Insert}", ()),
        ('{timeOfDay: "22:00-06:00"}', ()),
        ("{clientTags: a}", ("clientTags",)),
        ("{any: [{user: a}, {not: {clientInfo: b}}]}", ("clientInfo",)),
        ("{sessionCatalog: a, sessionSchema: b}", ("sessionCatalog", "sessionSchema")),
        ("{routingGroupHeader: {present: true}}", ("routingGroupHeader",)),
        ("{clientAddress: {startsWith: '10.'}}", ("clientAddress",)),
        ("{headers: {X-Trino-Source: a, X-Mine: b}}", ("header X-Mine",)),
    ],
)
def test_a_plain_rule_says_what_it_looks_at(when: str, found: tuple[str, ...]) -> None:
    assert of(plain(when)) == found


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ('request.getHeader("X-Trino-Source") == "a"', ()),
        ("request.getHeader('X-Trino-Client-Tags') contains 'a'", ("header X-Trino-Client-Tags",)),
        ('trinoRequestUser.getUser().orElse("") == "a"', ()),
        ("trinoRequestUser.getUserInfo().isPresent()", ("trinoRequestUser.getUserInfo",)),
        ('trinoQueryProperties.getTables().size() > 1 && trinoQueryProperties.getBody() != ""', ()),
        ('trinoQueryProperties.getDefaultCatalog().orElse("") == "a"', ("trinoQueryProperties.getDefaultCatalog",)),
        ('request.getRemoteAddr() == "a"', ("request.getRemoteAddr",)),
        ('request.getMethod() == "POST"', ()),
        (
            "request.getCookies() != null && request.getQueryString() != null",
            ("request.getCookies", "request.getQueryString"),
        ),
    ],
)
def test_a_rule_in_mvel_says_what_it_looks_at(condition: str, found: tuple[str, ...]) -> None:
    assert of(mvel(condition)) == found


def test_actions_look_as_well() -> None:
    rule = 'when: {user: a}\nactions:\n  - result.put("routingGroup", request.getHeader("X-Wish"))'
    assert of(rule) == ("header X-Wish",)


def test_what_the_statements_have_is_seen() -> None:
    known = Known({"x-trino-client-tags", "x-mine", "x-trino-catalog"}, addresses=True)
    assert of(plain("{clientTags: a, headers: {X-Mine: b}, clientAddress: c, sessionCatalog: d}"), known) == ()
    assert of(mvel('request.getHeader("X-Mine") == request.getRemoteAddr()'), known) == ()


def test_rules_are_in_the_order_in_which_they_run() -> None:
    text = (
        "name: late\npriority: 5\nwhen: {clientTags: a}\nthen: {group: x}\n---\n"
        "name: early\nwhen: {user: a}\nthen: {group: x}\n"
    )
    assert unseen(text, read_rules(text, analyses=True), NOTHING) == [(), ("clientTags",)]

"""Plain conditions: what a rule asks of a request, told in YAML. Values in, a function and its words out."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import re2

from warren.facts import Facts, QueryProperties
from warren.routing.rules.clock import BadTime, hours_of
from warren.routing.words import shown

Test = Callable[[Facts], bool]
Values = Callable[[Facts], Collection[str]]
"""What a request has of something: no value, one, or several."""


class BadCondition(Exception):
    """A condition that cannot be used. `path` leads to the key below `when`."""

    def __init__(self, path: Sequence[str | int], found: str, remedy: str) -> None:
        super().__init__(remedy)
        self.path = tuple(path)
        self.found = found
        self.remedy = remedy


def _header(name: str) -> Values:
    lower = name.lower()

    def values(facts: Facts) -> Collection[str]:
        return facts.request.headers.get(lower, ())

    return values


def _tags(facts: Facts) -> Collection[str]:
    """Trino's client tags: several headers, each with several tags."""
    lines = facts.request.headers.get("x-trino-client-tags", ())
    return [tag for line in lines for part in line.split(",") if (tag := part.strip())]


def _of_query(read: Callable[[QueryProperties], Collection[str]]) -> Values:
    def values(facts: Facts) -> Collection[str]:
        query = facts.query
        return read(query) if query is not None else ()

    return values


def _some(value: str | None) -> Collection[str]:
    return (value,) if value else ()


@dataclass(frozen=True, slots=True)
class Field:
    """Something that a condition may ask about."""

    values: Values
    says: str
    """What it is, for the documentation."""
    reads_query: bool = False
    """It is known only when statements are analysed."""
    ignores_case: bool = False
    """It has no case in Trino; what is compared is in lower case."""


FIELDS: Mapping[str, Field] = {
    "source": Field(_header("X-Trino-Source"), "the program that sends the statement, `X-Trino-Source`"),
    "user": Field(lambda facts: _some(facts.user.user), "who asks: header, Basic, token or cookie"),
    "clientTags": Field(_tags, "the tags of `X-Trino-Client-Tags`, one by one"),
    "clientInfo": Field(_header("X-Trino-Client-Info"), "`X-Trino-Client-Info`"),
    "routingGroupHeader": Field(_header("X-Trino-Routing-Group"), "the group that the client wishes for"),
    "sessionCatalog": Field(_header("X-Trino-Catalog"), "the session's catalog, `X-Trino-Catalog`"),
    "sessionSchema": Field(_header("X-Trino-Schema"), "the session's schema, `X-Trino-Schema`"),
    "method": Field(lambda facts: (facts.request.method,), "the HTTP method"),
    "path": Field(lambda facts: (facts.request.path,), "the request's path"),
    "clientAddress": Field(lambda facts: _some(facts.request.remote_address), "the client's address"),
    "sql": Field(_of_query(lambda query: _some(query.body)), "the statement's text", True),
    "catalogs": Field(_of_query(lambda query: query.catalogs), "the catalogs that the statement names", True, True),
    "schemas": Field(_of_query(lambda query: query.schemas), "the schemas that it names", True, True),
    "catalogSchemas": Field(_of_query(lambda query: query.catalog_schemas), "`catalog.schema` of each", True, True),
    "tables": Field(
        _of_query(lambda query: [".".join(table) for table in query.tables]),
        "`catalog.schema.table` of each",
        True,
        True,
    ),
    "queryType": Field(
        _of_query(lambda query: _some(query.query_type.lower())), "the statement's class, such as `Insert`", True, True
    ),
    "resourceGroupQueryType": Field(
        _of_query(lambda query: _some(query.resource_group_query_type.lower())),
        "Trino's kind of query, such as `SELECT` or `DATA_DEFINITION`",
        True,
        True,
    ),
}
HEADERS = "headers"
TIME = "timeOfDay"
ALL, ANY, NOT = "all", "any", "not"
QUERY_FIELDS = frozenset(name for name, field in FIELDS.items() if field.reads_query)


@dataclass(frozen=True, slots=True)
class Plain:
    """A condition in YAML, ready to be asked."""

    text: str
    """The condition in words."""
    fields: frozenset[str]
    """The names of all that it asks about."""
    test: Test
    looks: tuple[tuple[str, Values], ...]
    """What it asks about, to show what that was."""


def compile_when(tree: Any, path: Sequence[str | int] = ("when",)) -> Plain:
    """The condition that a tree of mappings, lists and texts means. Raises BadCondition."""
    if not isinstance(tree, Mapping) or not tree:
        raise BadCondition(
            path, _found(tree), f"write what to compare, such as `source: airflow`; known are {_known()}"
        )
    parts = [_part(str(key), value, (*path, str(key))) for key, value in tree.items()]
    return parts[0] if len(parts) == 1 else _joined(parts, " and ", all)


def _part(key: str, value: Any, path: Sequence[str | int]) -> Plain:
    if key in {ALL, ANY}:
        return _several(key, value, path)
    if key == NOT:
        inner = compile_when(value, path)
        test = inner.test
        return Plain(f"not ({inner.text})", inner.fields, lambda facts: not test(facts), inner.looks)
    if key == HEADERS:
        if not isinstance(value, Mapping) or not value:
            raise BadCondition(path, _found(value), "write names of headers with what to compare them to")
        headers = [
            _compared(f"header {name}", Field(_header(str(name)), ""), tests, (*path, str(name)))
            for name, tests in value.items()
        ]
        return headers[0] if len(headers) == 1 else _joined(headers, " and ", all)
    if key == TIME:
        try:
            hours = hours_of(value)
        except BadTime as bad:
            raise BadCondition((*path, *bad.path), _found(bad.found), bad.remedy) from None
        return Plain(hours.text, frozenset({TIME}), lambda facts: hours.hold(facts.now), ((TIME, hours.shown),))
    if (field := FIELDS.get(key)) is None:
        raise BadCondition(path, "", f"nothing is known by that name; known are {_known()}")
    return _compared(key, field, value, path)


def _several(key: str, value: Any, path: Sequence[str | int]) -> Plain:
    if not isinstance(value, list) or not value:
        raise BadCondition(path, _found(value), f"write a list of conditions below `{key}`")
    parts = [compile_when(each, (*path, number)) for number, each in enumerate(value)]
    return _joined(parts, " and " if key == ALL else " or ", all if key == ALL else any)


def _joined(parts: Sequence[Plain], word: str, how: Callable[[Any], bool]) -> Plain:
    tests = tuple(part.test for part in parts)
    text = word.join(f"({part.text})" if " or " in part.text or " and " in part.text else part.text for part in parts)
    fields = frozenset[str]().union(*(part.fields for part in parts))
    looks = tuple(dict(look for part in parts for look in part.looks).items())
    if len(tests) == 2:
        one, other = tests  # by far the most; a loop costs three times as much
        if how is all:
            return Plain(text, fields, lambda facts: one(facts) and other(facts), looks)
        return Plain(text, fields, lambda facts: one(facts) or other(facts), looks)
    if how is all:
        return Plain(text, fields, lambda facts: all(test(facts) for test in tests), looks)
    return Plain(text, fields, lambda facts: any(test(facts) for test in tests), looks)


# --- comparing a field


def _compared(name: str, field: Field, value: Any, path: Sequence[str | int]) -> Plain:
    """A text or a list means that one of the field's values is one of them; a mapping says otherwise."""
    tests = value if isinstance(value, Mapping) else {"oneOf": value if isinstance(value, list) else [value]}
    if not tests:
        raise BadCondition(path, _found(value), f"write what to compare it to; ways are {', '.join(OPERATORS)}")
    parts = []
    for operator, wanted in tests.items():
        where = (*path, str(operator)) if isinstance(value, Mapping) else path
        if (make := OPERATORS.get(str(operator))) is None:
            raise BadCondition(where, "", f"there is no such way to compare; ways are {', '.join(OPERATORS)}")
        words, test = make(wanted, field, where)
        parts.append(Plain(f"{name} {words}", frozenset({name}), test, ((name, field.values),)))
    return parts[0] if len(parts) == 1 else _joined(parts, " and ", all)


Made = tuple[str, Test]


def _equals(wanted: Any, field: Field, path: Sequence[str | int]) -> Made:
    text, values = _text(wanted, field, path), field.values
    return f"is {shown(text)}", lambda facts: text in values(facts)


def _one_of(wanted: Any, field: Field, path: Sequence[str | int]) -> Made:
    texts, values = _texts(wanted, field, path), field.values
    if len(texts) == 1:
        return _equals(texts[0], field, path)
    choice = frozenset(texts)
    return f"is one of {_listed(texts)}", lambda facts: not choice.isdisjoint(values(facts))


def _all_of(wanted: Any, field: Field, path: Sequence[str | int]) -> Made:
    texts, values = _texts(wanted, field, path), field.values
    needed = frozenset(texts)
    return f"has all of {_listed(texts)}", lambda facts: needed.issubset(values(facts))


def _matches(wanted: Any, field: Field, path: Sequence[str | int]) -> Made:
    pattern = _raw(wanted, path)
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not field.ignores_case
    try:
        matched = re2.compile(pattern, options).fullmatch
    except re2.error as error:
        why = re.sub(r"\s+", " ", str(error.args[0].decode() if isinstance(error.args[0], bytes) else error))
        raise BadCondition(path, _found(pattern), f"not a regular expression (RE2 syntax): {why}") from None
    values = field.values
    return f"matches {shown(pattern)}", lambda facts: any(matched(value) is not None for value in values(facts))


def _contains(wanted: Any, field: Field, path: Sequence[str | int]) -> Made:
    text, values = _text(wanted, field, path), field.values
    if field is FIELDS["sql"]:
        text = text.lower()  # SQL has no case, but for its literals
        return f"contains {shown(text)}", lambda facts: any(text in value.lower() for value in values(facts))
    return f"contains {shown(text)}", lambda facts: any(text in value for value in values(facts))


def _starts(wanted: Any, field: Field, path: Sequence[str | int]) -> Made:
    text, values = _text(wanted, field, path), field.values
    return f"starts with {shown(text)}", lambda facts: any(value.startswith(text) for value in values(facts))


def _ends(wanted: Any, field: Field, path: Sequence[str | int]) -> Made:
    text, values = _text(wanted, field, path), field.values
    return f"ends with {shown(text)}", lambda facts: any(value.endswith(text) for value in values(facts))


def _present(wanted: Any, field: Field, path: Sequence[str | int]) -> Made:
    values = field.values
    match str(wanted).lower():
        case "true":
            return "is there", lambda facts: any(values(facts))
        case "false":
            return "is not there", lambda facts: not any(values(facts))
    raise BadCondition(path, _found(wanted), "write true or false")


OPERATORS: Mapping[str, Callable[[Any, Field, Sequence[str | int]], Made]] = {
    "equals": _equals,
    "oneOf": _one_of,
    "allOf": _all_of,
    "matches": _matches,
    "contains": _contains,
    "startsWith": _starts,
    "endsWith": _ends,
    "present": _present,
}


def _raw(wanted: Any, path: Sequence[str | int]) -> str:
    if not isinstance(wanted, str) or not wanted:
        raise BadCondition(path, _found(wanted), "write a text")
    return wanted


def _text(wanted: Any, field: Field, path: Sequence[str | int]) -> str:
    text = _raw(wanted, path)
    return text.lower() if field.ignores_case else text


def _texts(wanted: Any, field: Field, path: Sequence[str | int]) -> list[str]:
    if not isinstance(wanted, list) or not wanted:
        raise BadCondition(path, _found(wanted), "write a list of texts")
    return [_text(each, field, path) for each in wanted]


def _listed(texts: Sequence[str]) -> str:
    named = ", ".join(shown(text) for text in texts[:10])
    return named if len(texts) <= 10 else f"{named} and {len(texts) - 10} more"


def _found(value: Any) -> str:
    if isinstance(value, Mapping):
        return "keys with values" if value else "nothing"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return shown(str(value)) if value not in (None, "") else "nothing"


def _known() -> str:
    return ", ".join([*FIELDS, HEADERS, TIME, ALL, ANY, NOT])

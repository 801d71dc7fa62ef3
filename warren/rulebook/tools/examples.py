"""Reads `rules-test.yaml`: requests, and what the rules should make of each. All that is wrong is said at once."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote_plus

import yaml

from warren.errors import Problem, SettingsError
from warren.routing.words import shown
from warren.rulebook.reading import NULL, problem_of_yaml

EXAMPLE: Final = """\
- name: airflow goes to etl
  request: {source: airflow, sql: SELECT 1}
  expect: {group: etl}
"""
HEADERS: Final = {
    "source": "X-Trino-Source",
    "user": "X-Trino-User",
    "clientTags": "X-Trino-Client-Tags",
    "catalog": "X-Trino-Catalog",
    "schema": "X-Trino-Schema",
}
"""Keys of a request that are headers."""
PREPARED: Final = "X-Trino-Prepared-Statement"
EXPECTED: Final = ("group", "fallbackGroup", "cluster", "reject", "fails")
MOST: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A request in words."""

    method: str = "POST"
    path: str = "/v1/statement"
    headers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By lower-case name."""
    sql: str | None = None
    client_address: str = "127.0.0.1"
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """A request, and what should become of it."""

    name: str
    line: int
    request: Described
    expected: Mapping[str, str | bool | None]
    """Of EXPECTED those that are written; None means that no rule says it."""


class _Bad(Exception):
    """What is written at a node cannot be used."""

    def __init__(self, node: yaml.Node, found: str, remedy: str) -> None:
        super().__init__(remedy)
        self.node, self.found, self.remedy = node, found, remedy


def read_examples(text: str) -> tuple[Example, ...]:
    """Raises SettingsError with everything that is wrong."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise SettingsError((problem_of_yaml(text, error),)) from None
    if root is None or root.tag == NULL:
        return ()
    if not isinstance(root, yaml.SequenceNode) or len(root.value) > MOST:
        remedy = f"write a list of at most {MOST} tests, each with name, request and expect"
        raise SettingsError((Problem("", root.start_mark.line + 1, "", remedy),))
    examples: list[Example] = []
    problems: list[Problem] = []
    for number, node in enumerate(root.value, start=1):
        try:
            examples.append(_example(node))
        except _Bad as bad:
            mark = bad.node.start_mark
            problems.append(Problem(f"test {number}", mark.line + 1, bad.found, bad.remedy, mark.column + 1))
    if problems:
        raise SettingsError(tuple(problems))
    return tuple(examples)


def _example(node: yaml.Node) -> Example:
    keys = _mapping(node, ("name", "request", "expect"))
    for key in ("name", "expect"):
        if key not in keys:
            raise _Bad(node, "", f"write `{key}:`, as in `{' '.join(EXAMPLE.split())}`")
    name = _text(keys["name"])
    request = _described(keys["request"]) if "request" in keys else Described()
    return Example(name, node.start_mark.line + 1, request, _expected(keys["expect"]))


def _mapping(node: yaml.Node, known: Sequence[str] | None = None) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        raise _Bad(
            node, "", f"write keys and values; known are {', '.join(known)}" if known else "write keys and values"
        )
    keys: dict[str, yaml.Node] = {}
    for key, value in node.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else ""
        if known is not None and name not in known:
            raise _Bad(key, shown(name), f"there is no such key; known are {', '.join(known)}")
        if name in keys:
            raise _Bad(key, shown(name), "write each key once")
        keys[name] = value
    return keys


def _text(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
        raise _Bad(node, "", "write a text")
    if not node.value.isascii() and any("\ud800" <= character <= "\udfff" for character in node.value):
        raise _Bad(node, "half a character", "write the whole one")
    return str(node.value)


def _line(node: yaml.Node) -> str:
    """A header's value."""
    text = _text(node).strip()
    if any(ord(character) < 32 and character != "\t" for character in text):
        raise _Bad(node, "", "a header's value is one line")
    return text


def _lines(node: yaml.Node) -> list[str]:
    return [_line(each) for each in (node.value if isinstance(node, yaml.SequenceNode) else [node])]


# --- the request


def _described(node: yaml.Node) -> Described:
    keys = _mapping(node, REQUEST)
    made: dict[str, Any] = {}
    headers = _headers(keys.pop("headers")) if "headers" in keys else {}
    for key, value in keys.items():
        if key in HEADERS:
            _add(headers, HEADERS[key], [",".join(_lines(value))] if key == "clientTags" else [_line(value)], value)
        elif key == "preparedStatements":
            _add(headers, PREPARED, _prepared(value), value)
        else:
            made[ATTRIBUTES.get(key, key)] = READERS[key](value)
    return Described(headers=headers, **made)


def _headers(node: yaml.Node) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for name, value in _mapping(node).items():
        if not name or not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
            raise _Bad(value, shown(name), "that is no name of a header")
        _add(headers, name, _lines(value), value)
    return headers


def _add(headers: dict[str, list[str]], name: str, values: list[str], node: yaml.Node) -> None:
    if headers.setdefault(name.lower(), values) is not values:
        raise _Bad(node, name, "the header is written twice: write its values as a list")


def _prepared(node: yaml.Node) -> list[str]:
    return [f"{quote_plus(name)}={quote_plus(_text(value))}" for name, value in _mapping(node).items()]


def _time(node: yaml.Node) -> datetime:
    time = None
    with suppress(ValueError):
        time = datetime.fromisoformat(_text(node))
    if time is None or time.tzinfo is None:
        raise _Bad(node, shown(_text(node)), 'write a moment with its zone, such as "2026-11-25T22:30:00+01:00"')
    return time


def _path(node: yaml.Node) -> str:
    path = _text(node)
    if not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path:
        raise _Bad(node, shown(path), "write a path, such as /v1/statement")
    return path


def _method(node: yaml.Node) -> str:
    method = _text(node)
    if not method.isascii() or not method.isalpha() or not method.isupper():
        raise _Bad(node, shown(method), "write a method of HTTP, such as POST")
    return method


READERS: Final[Mapping[str, Callable[[yaml.Node], Any]]] = {
    "sql": _text,
    "time": _time,
    "method": _method,
    "path": _path,
    "clientAddress": _line,
}
ATTRIBUTES: Final = {"clientAddress": "client_address"}
REQUEST: Final = (*HEADERS, "headers", "preparedStatements", *READERS)


# --- what is expected


def _expected(node: yaml.Node) -> dict[str, str | bool | None]:
    if isinstance(node, yaml.ScalarNode):
        return {"group": _name(node)}
    keys = _mapping(node, EXPECTED)
    if not keys:
        raise _Bad(node, "", f"write what is expected: {', '.join(EXPECTED)}")
    expected: dict[str, str | bool | None] = {}
    for key, value in keys.items():
        if key == "fails":
            if _text(value).lower() != "true" or len(keys) > 1:
                raise _Bad(value, shown(_text(value)), "write `fails: true`, and nothing beside it")
            expected[key] = True
        else:
            expected[key] = _name(value)
    return expected


def _name(node: yaml.Node) -> str | None:
    """None for null: that no rule says it."""
    return None if node.tag == NULL else _text(node)

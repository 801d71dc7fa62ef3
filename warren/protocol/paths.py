"""Reading Trino's URL paths: which requests are proxied, and which query each is about."""

import re
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import unquote

from warren.model import QueryId
from warren.protocol.asked import Asked, Follow, FollowKind, Other, Own, Spooled, SpooledAction, Submit
from warren.protocol.ids import SHAPE, STRICT, as_query_id

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
"""The methods that are carried to a cluster; any other is answered 405 with these as `Allow`."""

FAST_FOLLOW: re.Pattern[bytes] = re.compile(
    (
        rf"/v1/statement/(?:queued|executing)/({STRICT})/[0-9A-Za-z]{{1,128}}/[0-9]{{1,20}}(?:\?[0-9A-Za-z=&._~-]{{0,512}})?"
    ).encode()
)
"""To be used with `fullmatch` on a target: the everyday poll, its query id captured.

Whatever matches needs neither `check_target` nor `classify`: the one accepts it, and with GET, HEAD or DELETE the other
calls it a searchable Follow of the same id. It matches less than they accept: what it misses goes to them.
"""

FAST_SUBMIT = b"/v1/statement"
"""The target of the everyday statement: a POST there is a Submit, and nothing more is to be read of it."""

_QUERY = ("v1", "query")
_SPOOLED = ("v1", "spooled")
_UI = ("ui",)
_PROXIED = (_QUERY, _SPOOLED, _UI, ("v1", "info"), ("v1", "node"), ("oauth2",))

_STAGES = frozenset({"queued", "scheduled", "executing"})
_SEARCHING_METHODS = frozenset({"GET", "HEAD", "DELETE"})
_ENDINGS = frozenset({"killed", "preempted"})
"""What `PUT /v1/query/{id}/…` may ask for."""

_MENTIONED = re.compile(rf"(?:^|%2[Ff]|[Qq][Uu][Ee][Rr][Yy]_?[Ii][Dd]=)({SHAPE})(?![0-9A-Za-z_])")


class Pattern(Protocol):
    """A compiled whitelist pattern. Takes linear time, whatever the text: it meets every client's paths."""

    def fullmatch(self, text: str, /) -> object | None: ...


class Paths:
    """Knows which paths are proxied and what each asks for. Built once from the settings; pure."""

    def __init__(self, statement_paths: Sequence[str], extra: Sequence[Pattern] = ()) -> None:
        """`statement_paths`: `/v1/statement` and the additional ones, without trailing slash.
        `extra` patterns must match the whole decoded path, in which `%2F` stays as it is.
        """
        self._statements = tuple(_segments(path) for path in statement_paths)
        self._extra = tuple(extra)

    def classify(self, method: str, target: str) -> Asked:
        """What the request asks for. Never raises; the target should have passed `check_target`.

        The path wins over the query string, and text that is not shaped like an id is no id. Below a statement path
        and `/v1/query` a POST is nothing of Trino's: it goes to the query's owner when that is known and starts no
        search, since that would send its body to every cluster.
        """
        path, _, query = target.partition("?")
        segments = _segments(path)
        for prefix in self._statements:
            if segments[: len(prefix)] == prefix:
                return self._below_statement(method, segments[len(prefix) :], query)
        if segments[:2] == _QUERY:
            return _below_query(method, segments[2:], query)
        if segments[:2] == _SPOOLED:
            return _below_spooled(method, path, query)
        if segments[:1] == _UI:
            mentioned = (id_ for segment in reversed(segments) if (id_ := as_query_id(segment)))
            return _mentioned(method, next(mentioned, None), query)
        if any(segments[: len(prefix)] == prefix for prefix in _PROXIED) or self._is_extra(path):
            return _mentioned(method, None, query)
        return Own()

    def _below_statement(self, method: str, rest: tuple[str, ...], query: str) -> Asked:
        # Trino's router takes one trailing slash for none.
        if method == "POST" and rest in {(), ("",)}:
            return Submit()
        named = [segment for segment in rest if segment]
        if named and named[0] in _STAGES:
            named = named[1:]
            if named and named[0] == "partialCancel":
                named = named[1:]
        if named and (query_id := as_query_id(named[0])):
            return Follow(query_id, method in _SEARCHING_METHODS, FollowKind.STATEMENT)
        return _mentioned(method, None, query)

    def _is_extra(self, path: str) -> bool:
        decoded = "/".join(unquote(segment).replace("/", "%2F") for segment in path.split("/"))
        return any(pattern.fullmatch(decoded) for pattern in self._extra)


def _below_query(method: str, rest: tuple[str, ...], query: str) -> Asked:
    named = [segment for segment in rest if segment]
    if named and (query_id := as_query_id(named[0])):
        ends = method == "PUT" and len(named) == 2 and named[1] in _ENDINGS
        return Follow(query_id, ends or method in _SEARCHING_METHODS, FollowKind.QUERY)
    return _mentioned(method, None, query)


def _below_spooled(method: str, path: str, query: str) -> Asked:
    match path.split("/")[3:]:
        case ["download" | "ack" as action, identifier] if identifier and method in _SEARCHING_METHODS:
            return Spooled(identifier, SpooledAction(action))
        case _:
            return _mentioned(method, None, query)


def _mentioned(method: str, in_path: QueryId | None, query: str) -> Asked:
    """A Follow that starts no search, when the path or else the query string names an id. A POST names none there."""
    if method == "POST":
        return Other()
    query_id = in_path or _in_query_string(query)
    return Follow(query_id, False, FollowKind.MENTIONED) if query_id else Other()


def _in_query_string(query: str) -> QueryId | None:
    """The last id that stands at the start, after an encoded slash or as the value of `query_id` (`queryId`, …)."""
    found = [query_id for text in _MENTIONED.findall(query) if (query_id := as_query_id(text))]
    return found[-1] if found else None


def _segments(path: str) -> tuple[str, ...]:
    """The segments as Trino's router compares them: decoded one by one, parameters after `;` cut off."""
    return tuple(unquote(segment.partition(";")[0]) for segment in path.split("/")[1:])

"""From the request that brings a statement to what its SQL says."""

import re

import orjson

from warren.facts import QueryProperties
from warren.protocol.headers import CATALOG, SCHEMA, Fields, first
from warren.protocol.headers import text as header_text
from warren.protocol.sql.analysis import Prepared, Reading, analysing
from warren.protocol.sql.prepared import PreparedStatements

PREPARED = b"x-trino-prepared-statement"
CONTENT_TYPE = b"content-type"

LONGEST_BODY = 1_000_000
"""Characters of a statement that is analysed, unless the settings say otherwise."""
FRONT = 4096
"""Bytes in which a statement's first word is looked for."""

_UTF_8 = frozenset({"utf-8", "utf8", "utf_8"})
_CHARSET = re.compile(r";\s*+charset\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s;,]*+))", re.IGNORECASE)
_BLANK = rb"(?:\s++|--[^\r\n]*+(?=[\r\n])|/\*[^*]*+(?:\*(?!/)[^*]*+)*+\*/)*+"
_MAY_KILL = re.compile(_BLANK + rb"(?:(?:call|execute)\b|\{|/\*|--|[/-]?\Z|[a-z]++\Z)", re.IGNORECASE)
"""Also matches where the first word is not there yet, and the JSON that holds a statement in the V2 format."""


def statement_properties(
    body: bytes, fields: Fields, *, max_body_size: int = LONGEST_BODY, v2: bool = False, is_whole: bool = True
) -> Reading:
    """What is known of a new statement. Yields between slices of work, and never raises.

    `max_body_size` counts characters; `v2`: the body may be JSON that holds the statement and the prepared ones;
    `is_whole` is False when more of the body is to come, that nobody waits for.
    """
    catalog, schema = header_text(fields, CATALOG), header_text(fields, SCHEMA)
    charset = _charset(fields)
    if charset is not None and charset.lower() not in _UTF_8:
        trouble = f"the statement is not analysed: it comes in {charset[:64]}, and only UTF-8 is read"
        return _not_analysed(trouble, catalog, schema)
    # A character is one byte of UTF-8 at least, and four at most.
    text = body.decode("utf-8", "replace") if len(body) <= 4 * max_body_size else None
    if text is not None and not is_whole:
        trouble = f"the statement is not analysed: only its first {len(body):,} bytes are kept"
        return _not_analysed(trouble, catalog, schema)
    if text is None or len(text) > max_body_size:
        trouble = f"the statement is not analysed: it is longer than {max_body_size:,} characters"
        return _not_analysed(trouble, catalog, schema)
    prepared: Prepared = PreparedStatements(fields.get(PREPARED, ()), largest=max_body_size)
    if v2 and (unwrapped := _unwrapped(text)):
        text, statements = unwrapped
        prepared = statements.get
    return (yield from analysing(text, catalog=catalog, schema=schema, prepared=prepared))


def without_statement(fields: Fields) -> QueryProperties:
    """What is known of SQL in a request that brings none: the session's defaults."""
    return QueryProperties(default_catalog=header_text(fields, CATALOG), default_schema=header_text(fields, SCHEMA))


def may_kill(front: bytes) -> bool:
    """Whether the statement that begins like this could call kill_query, or execute a statement that does.

    Looks no further than the first word; False is certain.
    """
    return _MAY_KILL.match(front, 0, FRONT) is not None


def _not_analysed(trouble: str, catalog: str | None, schema: str | None) -> QueryProperties:
    return QueryProperties(
        default_catalog=catalog,
        default_schema=schema,
        is_new_query_submission=True,
        is_query_parsing_successful=False,
        error_message=trouble,
    )


def _charset(fields: Fields) -> str | None:
    """What the content type says; None when it says nothing."""
    found = _CHARSET.search((first(fields, CONTENT_TYPE) or b"").decode("latin-1"))
    return (next((group for group in found.groups() if group is not None), "").strip() or None) if found else None


def _unwrapped(text: str) -> tuple[str, dict[str, str]] | None:
    """The statement and the prepared ones in a body of the V2 format; None when it is no such thing."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    match content:
        case {"query": str(query), "preparedStatements": dict(prepared)}:
            return query, {name: sql for name, sql in prepared.items() if isinstance(sql, str)}
    return None

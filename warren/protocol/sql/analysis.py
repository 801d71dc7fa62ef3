"""From a statement's text to what is known of it. Any text has an answer, in linear time; see docs/sql-analysis.md."""

import re
from collections.abc import Callable, Generator

from warren.facts import QueryProperties
from warren.protocol.sql.cursor import Cursor, Refused
from warren.protocol.sql.found import Found
from warren.protocol.sql.heads import head
from warren.protocol.sql.prepared import Unreadable
from warren.protocol.sql.tokens import BLANK, REST
from warren.protocol.sql.walk import Walk

Prepared = Callable[[str], str | None]
"""The SQL of a prepared statement by its name, None when there is none. Raises Unreadable when they cannot be read."""

UNWRAPPED = 200
"""Words like EXPLAIN that may stand in front of a statement between two pauses."""

_OPTION = rf"{BLANK}(?i:type|format){BLANK}\w++{BLANK}"
_OPTIONS = re.compile(rf"{BLANK}\({_OPTION}(?:,{_OPTION})*+\)", re.ASCII)


Reading = Generator[None, None, QueryProperties]
"""The analysis of a text in slices of about a millisecond: it yields between them."""


def nothing_prepared(_: str) -> str | None:
    return None


def analyse(
    text: str, *, catalog: str | None = None, schema: str | None = None, prepared: Prepared = nothing_prepared
) -> QueryProperties:
    """All at once; right for short texts. `catalog` and `schema` are the session's defaults."""
    return whole(analysing(text, catalog=catalog, schema=schema, prepared=prepared))


def step(reading: Reading) -> QueryProperties | None:
    """One slice of a reading; None when more are needed."""
    try:
        next(reading)
    except StopIteration as done:
        properties: QueryProperties = done.value
        return properties
    return None


def whole(reading: Reading) -> QueryProperties:
    """All slices of a reading, one right after the other: where nobody waits for his turn."""
    while (properties := step(reading)) is None:
        pass
    return properties


def analysing(
    text: str, *, catalog: str | None = None, schema: str | None = None, prepared: Prepared = nothing_prepared
) -> Reading:
    """The same in slices."""
    found = Found(catalog, schema)
    reading = _Reading(text, found, prepared)
    try:
        yield from reading.steps()
    except (Refused, Unreadable) as error:
        return QueryProperties(
            body=reading.body,
            default_catalog=catalog,
            default_schema=schema,
            is_new_query_submission=True,
            is_query_parsing_successful=False,
            error_message=str(error),
        )
    return found.as_properties(reading.body, catalog, schema)


class _Reading:
    """Unwraps a statement, and reads what is inside."""

    __slots__ = ("_cursor", "_found", "_is_replaced", "_prepared", "body")

    def __init__(self, text: str, found: Found, prepared: Prepared) -> None:
        self.body = text
        self._cursor = Cursor(text)
        self._found = found
        self._prepared = prepared
        self._is_replaced = False

    def steps(self) -> Generator[None, None, None]:
        unwrapped = 0
        while True:
            while self._cursor.passes_blanks():
                yield
            if not self._unwrap():
                break
            unwrapped += 1
            if unwrapped % UNWRAPPED == 0:
                yield
        if self._found.kind:
            # The arguments of an EXECUTE that stays one are read, and add nothing.
            yield from Walk(self._cursor, Found(None, None), REST).steps()
        else:
            mode = head(self._cursor, self._found)
            yield from Walk(self._cursor, self._found, mode).steps()

    def _unwrap(self) -> bool:
        """Goes to the statement inside, and answers whether that has to be looked at in the same way."""
        match self._cursor.word():
            case "explain":
                return self._explain()
            case "prepare":
                self._cursor.next_word()
                self._cursor.identifier()
                self._cursor.expect("from")
                self._found.wrap("Prepare")
                return True
            case "execute":
                return self._execute()
        return False

    def _explain(self) -> bool:
        cursor = self._cursor
        cursor.next_word()
        if cursor.word() != "analyze":
            if found := _OPTIONS.match(cursor.text, cursor.position):
                cursor.position = found.end()
            self._found.wrap("Explain")
        elif not self._explains_an_analyze():
            cursor.take("verbose")
            self._found.wrap("ExplainAnalyze")
        return True

    def _explains_an_analyze(self) -> bool:
        """EXPLAIN ANALYZE in front of a table's name is EXPLAIN, of ANALYZE. The name may be a word such as SHOW."""
        cursor = self._cursor
        before = cursor.position
        cursor.take("analyze")
        behind = cursor.position
        explains = False
        if cursor.is_at_name():
            cursor.name()
            explains = cursor.is_at_end() or (cursor.take("with") and cursor.mark() == "(")
        cursor.position = before if explains else behind
        if explains:
            self._found.wrap("Explain")
        return explains

    def _execute(self) -> bool:
        cursor = self._cursor
        cursor.next_word()
        before = cursor.position
        kind, name = "ExecuteImmediate", "the statement to execute"
        inner = cursor.string() if cursor.take("immediate") else None
        if inner is None:
            cursor.position = before
            kind, name = "Execute", cursor.identifier()
            inner = None if self._is_replaced else self._prepared(name)
        if self._is_replaced or inner is None:
            # One that executes another one is none that Trino would run: it stays what it is.
            self._found.kind = kind
            return False
        self._is_replaced = True
        if not self._found.is_wrapped():
            self.body = inner
        self._cursor = Cursor(inner, called=name)
        return True

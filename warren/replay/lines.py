"""Statements as JSON lines: read from a file that people may have edited, and written for them to edit."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final

import orjson

from warren.replay.period import Period
from warren.replay.statement import LATEST_MS, Statement, printable

LONGEST_LINE: Final = 16 * 1024 * 1024
"""Bytes; a statement of the greatest length that the history keeps has a sixteenth of it."""
CHUNK: Final = 250
CHUNK_CHARACTERS: Final = 4_000_000
MOST_SHOWN: Final = 10
MOST_HEADERS: Final = 1_000
HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

KEYS: Final = ("sql", "user", "source", "headers", "time", "group", "cluster", "clientAddress", "id", "wallSeconds")


class BadLine(Exception):
    """A line that is no statement. Its text says why, and what to write."""


@dataclass(slots=True)
class FromLines:
    """The statements of a file, in chunks."""

    file: BinaryIO
    size: int
    period: Period
    now: int
    """Unix time in milliseconds: when statements without a time are sent."""
    share: float = 0.0
    """How much of the file is behind us, from 0 to 1."""
    bad: int = 0
    first_bad: list[str] = field(default_factory=list)
    headers: set[str] = field(default_factory=set)
    """Names of all headers that some statement had."""
    has_addresses: bool = False

    def __iter__(self) -> Iterator[list[Statement]]:
        chunk: list[Statement] = []
        characters = 0
        for statement in self._statements():
            chunk.append(statement)
            characters += len(statement.sql)
            if len(chunk) == CHUNK or characters > CHUNK_CHARACTERS:
                yield chunk
                chunk, characters = [], 0
        if chunk:
            yield chunk

    def _statements(self) -> Iterator[Statement]:
        done = 0
        for number, line in enumerate(_lines(self.file), start=1):
            done += len(line)
            self.share = min(done / max(self.size, 1), 1.0)
            if not line.strip():
                continue
            try:
                statement = statement_of(line, number=number, now=self.now)
            except BadLine as bad:
                self.bad += 1
                if len(self.first_bad) < MOST_SHOWN:
                    self.first_bad.append(f"line {number}: {bad}")
                continue
            if self.period.holds(statement.when):
                if len(self.headers) < MOST_HEADERS:
                    self.headers.update(statement.headers)
                self.has_addresses |= bool(statement.client_address)
                yield statement


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines without their ends; of one that is too long only the beginning, which is no JSON."""
    while line := file.readline(LONGEST_LINE):
        if not line.endswith(b"\n"):
            while (rest := file.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
        yield line


def statement_of(line: bytes, *, number: int, now: int) -> Statement:
    """The statement of a line. Raises BadLine."""
    try:
        content = orjson.loads(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)
    except orjson.JSONDecodeError as error:
        raise BadLine(f"not JSON: {printable(str(error), 200)}") from None
    if not isinstance(content, dict):
        raise BadLine('write an object with keys and values, such as {"sql": "SELECT 1", "user": "ann"}')
    for key in content:
        if key not in KEYS:
            raise BadLine(f"{printable(key, 50)}: nothing is known by that name; known are {', '.join(KEYS)}")
    given = {key: value for key, value in content.items() if value is not None}
    if not _text(given, "sql"):
        raise BadLine("sql: write the statement's text")
    when = _time(given.get("time"))
    return Statement(
        name=_text(given, "id") or f"line {number}",
        sql=_text(given, "sql"),
        when=now if when is None else when,
        is_timed=when is not None,
        user=_text(given, "user"),
        source=_text(given, "source"),
        group=_text(given, "group") or None,
        cluster=_text(given, "cluster"),
        headers=_headers(given.get("headers", {})),
        client_address=_text(given, "clientAddress"),
        wall_seconds=_seconds(given.get("wallSeconds")),
    )


def _text(given: Mapping[str, Any], key: str) -> str:
    value = given.get(key, "")
    if not isinstance(value, str):
        raise BadLine(f"{key}: write a text")
    return value


def _time(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, str):
        try:
            when = milliseconds(value)
        except ValueError:
            when = -1
    else:
        when = int(value) if isinstance(value, int | float) and not isinstance(value, bool) else -1
    if not 0 <= when < LATEST_MS:
        raise BadLine("time: write an ISO time such as 2026-11-01T09:30:00Z, or milliseconds since 1970")
    return when


def milliseconds(text: str) -> int:
    """Unix time of an ISO date or time; in UTC unless it names a zone. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _headers(value: Any) -> Mapping[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise BadLine('headers: write names with values, such as {"X-Trino-Client-Tags": "nightly"}')
    found: dict[str, tuple[str, ...]] = {}
    for name, written in value.items():
        values = written if isinstance(written, list) else [written]
        if not HEADER_NAME.fullmatch(name) or not all(isinstance(each, str) for each in values):
            raise BadLine(f"headers: {printable(name, 50)}: write a header's name, and a text or a list of texts")
        if values:
            found[name.lower()] = (*found.get(name.lower(), ()), *values)
    return found


def _seconds(value: Any) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e9:
        raise BadLine("wallSeconds: write a number of seconds")
    return float(value)


def line_of(statement: Statement) -> bytes:
    """The statement as a line of such a file."""
    written: dict[str, object] = {
        "id": statement.name,
        "time": datetime.fromtimestamp(statement.when / 1000, UTC).isoformat(timespec="milliseconds"),
        "user": statement.user,
        "source": statement.source,
        "group": statement.group,
        "cluster": statement.cluster,
        "sql": statement.sql,
    }
    return orjson.dumps({key: value for key, value in written.items() if value}) + b"\n"


def writing_to(file: BinaryIO) -> Callable[[list[Statement]], None]:
    """What writes chunks to a file."""

    def write(chunk: list[Statement]) -> None:
        file.writelines(map(line_of, chunk))

    return write

"""What the history keeps of a query: the row that a Java gateway would write, in a form that any database takes."""

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from operator import attrgetter, le
from sys import maxsize
from typing import Any, TypeVar

from warren.model import ClusterUrl, GroupName, QueryId

LONGEST_TEXT = 1024 * 1024
"""Bytes of a statement, in UTF-8, that are kept."""
BRIEF_TEXT = 200
"""Characters of a statement for which the oldest tables have room, with a mark."""
WIDEST_CHARACTER = 4
"""Bytes of a character in UTF-8, at most."""

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""NUL, which PostgreSQL takes in no text, and halves of characters, which no encoding can write."""
BEYOND_BASIC = re.compile("[\U00010000-\U0010ffff]")
"""What MySQL's `utf8mb3` has no room for: emoji, and rare letters."""
SUBSTITUTE = "\ufffd"
_UNFINISHED = codecs.getincrementaldecoder("utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A statement that a cluster has taken."""

    query_id: QueryId
    query_text: str
    """What `statement_text` makes of its body."""
    created: int
    """Unix time in milliseconds."""
    backend_url: ClusterUrl
    user_name: str
    """Empty when the client did not say: stored as NULL, as is `source`."""
    source: str
    routing_group: GroupName
    external_url: str
    routing_reason: str = ""
    """Why it went there, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """Where a query lives after all: changes its row, when there is one."""

    query_id: QueryId
    backend_url: ClusterUrl
    routing_group: GroupName
    external_url: str


Entry = Record | Correction
AnyEntry = TypeVar("AnyEntry", bound=Entry)

LONGEST_REASON = 2000
COLUMNS = {
    "query_id": 256,
    "backend_url": 256,
    "user_name": 256,
    "source": 256,
    "routing_group": 255,
    "external_url": 255,
    "query_text": maxsize,
}
"""How many characters each text column of `query_history` holds."""
TEXTS: dict[type[Entry], tuple[tuple[str, int], ...]] = {
    Record: (*COLUMNS.items(), ("routing_reason", LONGEST_REASON)),
    Correction: tuple((name, width) for name, width in COLUMNS.items() if name in Correction.__slots__),
}
VALUES = {kind: attrgetter(*(name for name, _ in texts)) for kind, texts in TEXTS.items()}
WIDTHS = {kind: tuple(width for _, width in texts) for kind, texts in TEXTS.items()}


def statement_text(body: bytes, *, missing: int | None = 0) -> str:
    """A statement as it is kept: at most LONGEST_TEXT bytes and, when that is not all of it, a mark that says so.

    `missing` is how many bytes at its end the caller does not have; None when nobody knows how many.
    """
    # A character that was cut in two belongs to what is missing, not to the text.
    text = body.decode("utf-8", "replace") if missing == 0 else _UNFINISHED("replace").decode(body)
    kept = _beginning(text)
    if missing == 0 and kept is text:
        return text
    if missing is None:
        return f"{kept}\n/* the rest is not kept */"
    left_out = max(len(body) - len(kept.encode()), 0) + missing
    return f"{kept}\n/* {left_out} more bytes are not kept */"


def _beginning(text: str) -> str:
    """As many whole characters as may be kept; the same object when those are all."""
    if len(text) * WIDEST_CHARACTER <= LONGEST_TEXT:
        return text
    encoded = text.encode()
    return text if len(encoded) <= LONGEST_TEXT else encoded[:LONGEST_TEXT].decode("utf-8", "ignore")


def cleaned(entry: AnyEntry) -> AnyEntry:
    """The entry without what no database takes; the same object when there is nothing of it, as nearly always."""
    kind = Record if isinstance(entry, Record) else Correction
    values = VALUES[kind](entry)
    if all(map(le, map(len, values), WIDTHS[kind])) and _is_plain("".join(values)):
        return entry
    changed: dict[str, Any] = {
        name: UNSTORABLE.sub(SUBSTITUTE, value[:width])
        for (name, width), value in zip(TEXTS[kind], values, strict=True)
        if len(value) > width or not _is_plain(value)
    }
    return replace(entry, **changed) if changed else entry


def _is_plain(text: str) -> bool:
    return text.isascii() and "\0" not in text


def milder(record: Record) -> Iterator[Record]:
    """Forms of a record that was refused, each taken by more tables than the one before: without characters beyond
    the basic plane; in ASCII; also with no more of the statement than the oldest tables hold."""
    before = record
    for form in (_rewritten(record, _basic), _rewritten(record, _ascii), briefest(record)):
        if form != before:
            yield form
        before = form


def briefest(record: Record) -> Record:
    """The last of the milder forms."""
    text = record.query_text
    brief = text if len(text) <= BRIEF_TEXT else f"{text[:BRIEF_TEXT]}..."
    return _rewritten(replace(record, query_text=brief), _ascii)


def _basic(text: str) -> str:
    return BEYOND_BASIC.sub(SUBSTITUTE, text)


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()


def _rewritten(record: Record, rewrite: Callable[[str], str]) -> Record:
    rewritten: dict[str, Any] = {name: rewrite(getattr(record, name)) for name, _ in TEXTS[Record]}
    return replace(record, **rewritten)

"""What a statement yields: columns, rows a page at a time, and what it did to the session."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from warren.simulator.sql.columns import Column, written

ROWS_AT_A_TIME = 500


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows, as the JSON array that stands in a page."""

    json: bytes
    count: int


class Rows:
    """The rows of a result, in order, each handed out once. Taken by one thread at a time."""

    def __init__(self, columns: Sequence[Column], batches: Iterator[Sequence[Sequence[Any]]]) -> None:
        self._types = [column.type for column in columns]
        self._batches = batches
        self._first = 0

    def take(self, most_bytes: int) -> Batch | None:
        """The next rows: about `most_bytes` of them, at least one; None when there are no more.

        Raises Failure when a row cannot be made.
        """
        parts: list[bytes] = []
        count = size = 0
        while size < most_bytes:
            rows = next(self._batches, None)
            if not rows:
                break
            encoded = orjson.dumps([self._encode(row) for row in rows])[1:-1]
            parts.append(encoded)
            count += len(rows)
            size += len(encoded)
        return Batch(b"[" + b",".join(parts) + b"]", count) if count else None

    def _encode(self, row: Sequence[Any]) -> list[Any]:
        return [written(kind, value) for kind, value in zip(self._types, row, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a statement."""

    columns: tuple[Column, ...] = ()
    rows: Rows | None = None
    """None when the statement has no result, as `USE`."""
    update_type: str | None = None
    update_count: int | None = None
    headers: tuple[tuple[str, str], ...] = ()


def listed(columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> Rows:
    """Rows that are at hand."""
    chunks = (rows[i : i + ROWS_AT_A_TIME] for i in range(0, len(rows), ROWS_AT_A_TIME))
    return Rows(columns, iter(chunks))

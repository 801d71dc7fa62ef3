"""Real SQL on DuckDB, locked down: no files, no network, no settings, bounded memory."""

import contextlib
import logging
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import duckdb

from warren.simulator.sql import metadata, sample
from warren.simulator.sql.failures import Failure
from warren.simulator.sql.rows import ROWS_AT_A_TIME

LIMITS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "memory_limit": "1GB",
    "temp_directory": "",
    "threads": 2,
}

_NAMING: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (re.compile(r'Ambiguous reference to column name "([^"]+)"'), "AMBIGUOUS_NAME", "Column '{}' is ambiguous"),
    (re.compile(r'Referenced column "([^"]+)" not found'), "COLUMN_NOT_FOUND", "Column '{}' cannot be resolved"),
    (re.compile(r'does not have a column named "([^"]+)"'), "COLUMN_NOT_FOUND", "Column '{}' cannot be resolved"),
    (
        re.compile(r"Function with name \"?(\w+)\"? does not exist"),
        "FUNCTION_NOT_FOUND",
        "Function '{}' not registered",
    ),
)
"""DuckDB's messages that are about one word of the statement, and what Trino says instead."""

_MEANINGS: tuple[tuple[str, str], ...] = (
    ("division by zero", "DIVISION_BY_ZERO"),
    ("no function matches", "FUNCTION_NOT_FOUND"),
    ("could not convert", "INVALID_CAST_ARGUMENT"),
    ("conversion error", "INVALID_CAST_ARGUMENT"),
    ("out of range", "NUMERIC_VALUE_OUT_OF_RANGE"),
    ("overflow", "NUMERIC_VALUE_OUT_OF_RANGE"),
    ("type mismatch", "TYPE_MISMATCH"),
    ("cannot compare", "TYPE_MISMATCH"),
)
"""Words in DuckDB's other messages, and the error that Trino has for it. First match wins."""


class Cursor(Protocol):
    """What is used of a DuckDB connection."""

    description: Sequence[tuple[Any, ...]]

    def execute(self, query: str) -> Any: ...

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]: ...

    def fetchall(self) -> list[tuple[Any, ...]]: ...

    def interrupt(self) -> None: ...

    def close(self) -> None: ...


def our_failure(error: duckdb.Error) -> Failure:
    """DuckDB's error by Trino's name, and in its words where they are short."""
    message = str(error)
    for pattern, name, words in _NAMING:
        if found := pattern.search(message):
            return Failure(name, words.format(found[1]), subject=found[1])
    first = message.split("\n", 1)[0]
    for sign, name in _MEANINGS:
        if sign in message.lower():
            return Failure(name, "Division by zero" if name == "DIVISION_BY_ZERO" else first)
    name = "GENERIC_INTERNAL_ERROR" if isinstance(error, duckdb.InternalException) else "GENERIC_USER_ERROR"
    return Failure(name, first)


@dataclass(frozen=True, slots=True)
class Run:
    """One statement on the engine; may be interrupted from another thread."""

    cursor: Cursor
    stopped: threading.Event = field(default_factory=threading.Event)

    def execute(self, sql: str) -> None:
        """Raises Failure for whatever DuckDB objects to."""
        if self.stopped.is_set():
            raise Failure("USER_CANCELED", "Query was canceled")
        try:
            self.cursor.execute(sql)
        except duckdb.Error as error:
            raise our_failure(error) from error

    def batches(self) -> Iterator[Sequence[Sequence[Any]]]:
        while True:
            try:
                rows = self.cursor.fetchmany(ROWS_AT_A_TIME)
            except duckdb.Error as error:
                raise our_failure(error) from error
            if not rows:
                self.cursor.close()
                return
            yield rows

    def all(self, sql: str) -> list[tuple[Any, ...]]:
        self.execute(sql)
        try:
            return self.cursor.fetchall()
        except duckdb.Error as error:
            raise our_failure(error) from error

    def interrupt(self) -> None:
        """Stop what runs; it then fails in its own thread. Harmless when it has ended."""
        self.stopped.set()
        # A result that was read to its end has closed its cursor.
        with contextlib.suppress(duckdb.ConnectionException):
            self.cursor.interrupt()


class Engine:
    """One DuckDB with the sample in it. Each statement runs on its own cursor; any thread may ask for one."""

    def __init__(self) -> None:
        # It tells of every statement that it has no words for; the client hears it as a Failure.
        logging.getLogger("sqlglot").setLevel(logging.ERROR)
        self._lock = threading.Lock()
        self._connection = duckdb.connect(":memory:", config=LIMITS)
        for statement in (
            "ATTACH ':memory:' AS tpch",
            'CREATE SCHEMA memory."default"',
            metadata.TYPES_MACRO,
            *metadata.OTHER_MACROS,
            *sample.statements(),
            *self._noted_types(),
            "SET GLOBAL integer_division = true",  # Trino: 7 / 2 = 3
            "SET GLOBAL TimeZone = 'UTC'",
            "SET GLOBAL default_null_order = 'nulls_last'",
            "SET GLOBAL enable_external_access = false",
            "SET GLOBAL lock_configuration = true",
        ):
            self._connection.execute(statement)

    @staticmethod
    def _noted_types() -> Iterator[str]:
        """Lengths of varchars, kept as comments: DuckDB has none."""
        for table, lengths in sample.LENGTHS.items():
            for column, length in lengths.items():
                name = f"{sample.CATALOG}.{sample.SCHEMA}.{table}.{column}"
                yield f"COMMENT ON COLUMN {name} IS 'varchar({length})'"

    def run(self) -> Run:
        with self._lock:
            return Run(cast(Cursor, self._connection.cursor()))

    def close(self) -> None:
        with self._lock:
            self._connection.close()

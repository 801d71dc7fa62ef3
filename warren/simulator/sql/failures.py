"""The ways a query fails, with the numbers and names that Trino gives them."""

import re
from dataclasses import dataclass
from typing import Any

USER_ERROR = "USER_ERROR"

CODES = {
    "GENERIC_USER_ERROR": 0,
    "SYNTAX_ERROR": 1,
    "ABANDONED_QUERY": 2,
    "USER_CANCELED": 3,
    "NOT_FOUND": 5,
    "FUNCTION_NOT_FOUND": 6,
    "INVALID_FUNCTION_ARGUMENT": 7,
    "DIVISION_BY_ZERO": 8,
    "INVALID_CAST_ARGUMENT": 9,
    "NOT_SUPPORTED": 13,
    "INVALID_SESSION_PROPERTY": 14,
    "NUMERIC_VALUE_OUT_OF_RANGE": 19,
    "UNKNOWN_TRANSACTION": 20,
    "NOT_IN_TRANSACTION": 21,
    "INCOMPATIBLE_CLIENT": 27,
    "QUERY_TEXT_TOO_LARGE": 35,
    "ADMINISTRATIVELY_KILLED": 38,
    "CATALOG_NOT_FOUND": 44,
    "SCHEMA_NOT_FOUND": 45,
    "TABLE_NOT_FOUND": 46,
    "COLUMN_NOT_FOUND": 47,
    "SCHEMA_ALREADY_EXISTS": 49,
    "TABLE_ALREADY_EXISTS": 50,
    "MISSING_CATALOG_NAME": 56,
    "MISSING_SCHEMA_NAME": 57,
    "TYPE_MISMATCH": 58,
    "AMBIGUOUS_NAME": 62,
    "GENERIC_INTERNAL_ERROR": 65536,
    "EXCEEDED_TIME_LIMIT": 131075,
    "ADMINISTRATIVELY_PREEMPTED": 131080,
}
"""Trino's StandardErrorCode; recorded from a real server where it could be made to fail that way."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a statement's text; both counted from one."""

    line: int
    column: int


def position_of(text: str, offset: int) -> Position:
    """The line and column of the character at that offset."""
    before = text[: max(offset, 0)]
    return Position(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


class Failure(Exception):
    """A query ends with this error; the client reads it in a page."""

    def __init__(
        self, name: str, message: str, position: Position | None = None, *, subject: str | None = None
    ) -> None:
        """`subject`: the word of the statement that the message is about, when its position is not known."""
        self.name = name
        self.subject = subject
        self.message = f"line {position.line}:{position.column}: {message}" if position else message
        self.position = position
        super().__init__(self.message)

    def found_in(self, text: str) -> "Failure":
        """The same failure, with the position of its subject in the statement."""
        if self.position or self.subject is None:
            return self
        found = re.search(rf"(?<!\w){re.escape(self.subject)}(?!\w)", text, re.IGNORECASE)
        return Failure(self.name, self.message, position_of(text, found.start())) if found else self

    @property
    def kind(self) -> str:
        """Trino's error type: whose fault it is."""
        if self.name == "GENERIC_INTERNAL_ERROR":
            return "INTERNAL_ERROR"
        return "INSUFFICIENT_RESOURCES" if CODES[self.name] > 65536 else USER_ERROR

    def as_json(self) -> dict[str, Any]:
        """The `error` object of a page, keys in Trino's order."""
        code = CODES[self.name]
        place = {"lineNumber": self.position.line, "columnNumber": self.position.column} if self.position else None
        error: dict[str, Any] = {
            "message": self.message,
            "errorCode": code,
            "errorName": self.name,
            "errorType": self.kind,
        }
        info: dict[str, Any] = {
            "type": "io.trino.spi.TrinoException",
            "message": self.message,
            "suppressed": [],
            "stack": [],
            "errorInfo": {"code": code, "name": self.name, "type": self.kind},
        }
        if place:
            error["errorLocation"] = place
            info["errorLocation"] = place
        error["failureInfo"] = info
        return error

"""Trino's request headers by name, and what of them a log line tells about the client."""

from collections.abc import Mapping, Sequence

USER = b"x-trino-user"
CATALOG = b"x-trino-catalog"
SCHEMA = b"x-trino-schema"
SOURCE = b"x-trino-source"
ROUTING_GROUP = b"x-trino-routing-group"
AUTHORIZATION = b"authorization"

LONGEST_SHOWN = 256
"""Characters of a header's value in a log line; also what the history table has room for."""

Fields = Mapping[bytes, Sequence[bytes]]
"""Header fields by name, in lower case: their values, in the order in which they came."""


def first(fields: Fields, name: bytes) -> bytes | None:
    """The value of the first field of that name; None when there is none."""
    values = fields.get(name)
    return values[0] if values else None


def text(fields: Fields, name: bytes) -> str | None:
    """The first value as text; None when the field is absent or blank."""
    return (first(fields, name) or b"").decode("utf-8", "replace").strip() or None


def source(fields: Fields) -> str:
    """The program that sends the statement, as it names itself; empty when it does not."""
    return _shown(first(fields, SOURCE) or b"")


def routing_group(fields: Fields) -> str | None:
    """The group that the client wishes for; None when the header is absent or blank."""
    return text(fields, ROUTING_GROUP)


def _shown(value: bytes) -> str:
    return value.decode("utf-8", "replace").strip()[:LONGEST_SHOWN]

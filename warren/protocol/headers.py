"""Trino's request headers by name, and what of them a log line tells about the client."""

import binascii
from base64 import b64decode
from collections.abc import Iterable

USER = b"X-Trino-User"
SOURCE = b"X-Trino-Source"
ROUTING_GROUP = b"X-Trino-Routing-Group"
TRANSACTION_ID = b"X-Trino-Transaction-Id"
AUTHORIZATION = b"Authorization"
ACCEPT = b"Accept"
SET_COOKIE = b"Set-Cookie"

LONGEST_SHOWN = 256
"""Characters of a header's value in a log line; also what the history table has room for."""

Fields = Iterable[tuple[bytes, bytes]]
"""Header fields as they came: name, value."""


def first(fields: Fields, name: bytes) -> bytes | None:
    """The value of the first field of that name, in any case; None when there is none."""
    wanted, length = name.lower(), len(name)
    for field, value in fields:
        # Nearly all others have another length, which costs less to see than their lower case.
        if len(field) == length and field.lower() == wanted:
            return value
    return None


def user(fields: Fields) -> str:
    """Who the client says it is, unverified: X-Trino-User, else the name of Basic authorization, else empty."""
    fields = tuple(fields)
    return _shown(first(fields, USER) or _basic_user(first(fields, AUTHORIZATION) or b""))


def source(fields: Fields) -> str:
    """The program that sends the statement, as it names itself; empty when it does not."""
    return _shown(first(fields, SOURCE) or b"")


def routing_group(fields: Fields) -> str | None:
    """The group that the client wishes for; None when the header is absent or blank."""
    return (first(fields, ROUTING_GROUP) or b"").decode("utf-8", "replace").strip() or None


def _basic_user(authorization: bytes) -> bytes:
    scheme, _, credentials = authorization.strip().partition(b" ")
    if scheme.lower() != b"basic":
        return b""
    try:
        name, colon, _ = b64decode(credentials.strip(), validate=True).partition(b":")
    except binascii.Error:
        return b""
    return name if colon else b""


def _shown(value: bytes) -> str:
    return value.decode("utf-8", "replace").strip()[:LONGEST_SHOWN]

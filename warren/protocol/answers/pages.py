"""The query id at the front of a result page; nothing else is decoded."""

import re

from warren.model import QueryId
from warren.protocol.ids import SHAPE, as_query_id

LOOK_NO_FURTHER = 4096
"""Bytes of a page read in search of its id. Trino writes "id" first, before columns and rows."""

_BLANKS = b" \t\r\n"
_ID = re.compile(rb'"id"[ \t\r\n]{0,16}:[ \t\r\n]{0,16}"(' + SHAPE.encode() + rb')"')


def query_id(front: bytes) -> QueryId | None:
    """The id named in the first bytes of a page, or None when it is not there (yet)."""
    if not front.lstrip(_BLANKS).startswith(b"{"):
        return None
    # Quotes inside a JSON string are escaped, so a text that only mentions "id":"…" cannot match.
    found = _ID.search(front, 0, LOOK_NO_FURTHER)
    return as_query_id(found[1].decode("ascii")) if found else None


def id_may_follow(front: bytes) -> bool:
    """Whether reading on may still bring an id: what has come looks like the beginning of a page, and is short.

    When it may not, release the bytes as they are and remember nothing: a compressed page, an error text or somebody's
    HTML is the client's to read, and its query is found again by asking the clusters.
    """
    content = front.lstrip(_BLANKS)
    return len(front) < LOOK_NO_FURTHER and (not content or content.startswith(b"{"))

"""The query id at the front of a result page; nothing else is decoded."""

import re

from warren.model import QueryId
from warren.protocol.ids import SHAPE, as_query_id

LOOK_NO_FURTHER = 4096
"""Bytes of a page read in search of its id. Trino writes "id" first, before columns and rows."""

_BLANKS = b" \t\r\n"
_ID = re.compile(rb'"id"[ \t\r\n]{0,16}:[ \t\r\n]{0,16}"(' + SHAPE.encode() + rb')"')


def query_id(front: bytes) -> QueryId | None:
    """The id named in the first bytes of a page, or None when it is not there, nor will be: then nothing is remembered.

    A compressed page, an error text or somebody's HTML is the client's to read.
    """
    if not front.lstrip(_BLANKS).startswith(b"{"):
        return None
    # Quotes inside a JSON string are escaped, so a text that only mentions "id":"…" cannot match.
    found = _ID.search(front, 0, LOOK_NO_FURTHER)
    return as_query_id(found[1].decode("ascii")) if found else None

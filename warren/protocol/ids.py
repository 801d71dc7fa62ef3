"""Reading query ids: what text is one, and which coordinator drew it."""

import re

from warren.model import CoordinatorId, QueryId

LONGEST_ID = 64
"""Characters of an id. Trino's have 27; the looser shape below lets other distributions work, within this bound."""

SHAPE = r"[0-9]{1,20}_[0-9]{1,20}_[0-9]{1,20}_[0-9A-Za-z_]{1,40}"
"""Date, time, counter and the coordinator's own part. Every repetition is bounded, so no text makes a search slow."""

STRICT = r"[0-9]{8}_[0-9]{6}_[0-9]{5}_[0-9a-z]{5}"
"""The same as Trino itself writes it."""

_LOOSE = re.compile(SHAPE)
_STRICT = re.compile(STRICT)


def as_query_id(text: str) -> QueryId | None:
    """The text as an id, or None when it is not shaped like one: `partialCancel` and `not-an-id` are no ids."""
    if len(text) <= LONGEST_ID and _LOOSE.fullmatch(text):
        return QueryId(text)
    return None


def coordinator_id(query_id: QueryId) -> CoordinatorId | None:
    """The coordinator that drew the id, or None when the id is not of Trino's exact shape and so proves nothing."""
    return CoordinatorId(query_id[-5:]) if _STRICT.fullmatch(query_id) else None

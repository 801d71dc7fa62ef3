"""Trino's own form of an error, which every client shows to people in words: for statements that rules reject."""

import re
from datetime import UTC, datetime

import orjson

NEVER_DRAWN = "00000"
"""The end of an id that no coordinator gives: Trino draws its own from other characters."""
PERMISSION_DENIED = {"errorCode": 4, "errorName": "PERMISSION_DENIED", "errorType": "USER_ERROR"}

_PLAIN = re.compile(r"[A-Za-z0-9.:_-]+|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?")


def failed_query(message: str, *, now: datetime, scheme: str, authority: str) -> bytes:
    """The answer to a statement whose query has failed at once. `authority` is what the client calls us."""
    query_id = f"{now.astimezone(UTC):%Y%m%d_%H%M%S}_00000_{NEVER_DRAWN}"
    host = authority if _PLAIN.fullmatch(authority) else "localhost"
    sentence = message.encode("utf-8", "replace").decode("utf-8")
    kind = "io.trino.spi.security.AccessDeniedException"
    return orjson.dumps(
        {
            "id": query_id,
            "infoUri": f"{scheme}://{host}/ui/query.html?{query_id}",
            "stats": {
                "state": "FAILED",
                "queued": False,
                "scheduled": False,
                "nodes": 0,
                "totalSplits": 0,
                "queuedSplits": 0,
                "runningSplits": 0,
                "completedSplits": 0,
                "cpuTimeMillis": 0,
                "wallTimeMillis": 0,
                "queuedTimeMillis": 0,
                "elapsedTimeMillis": 0,
                "processedRows": 0,
                "processedBytes": 0,
                "physicalInputBytes": 0,
                "peakMemoryBytes": 0,
                "spilledBytes": 0,
            },
            "error": {
                "message": sentence,
                **PERMISSION_DENIED,
                "failureInfo": {"type": kind, "message": sentence, "suppressed": [], "stack": []},
            },
            "warnings": [],
        }
    )

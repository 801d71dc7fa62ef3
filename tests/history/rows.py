"""Rows of a history for its tests, and what a database has of them."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from warren.drivers.sql import Database
from warren.history.record import Correction, Record
from warren.model import ClusterUrl, GroupName, QueryId

CREATED = 1_776_355_376_000


def record(number: int, **changed: Any) -> Record:
    """Row number so and so, as a submission makes it."""
    values: dict[str, Any] = {
        "query_id": QueryId(f"20260416_160256_{number:05}_6b4yt"),
        "query_text": f"SELECT {number}",
        "created": CREATED + number,
        "backend_url": ClusterUrl("http://blue:8080"),
        "user_name": "ann",
        "source": "trino-cli",
        "routing_group": GroupName("adhoc"),
        "external_url": "https://blue.example.com",
    }
    return Record(**values | changed)


def correction(number: int) -> Correction:
    return Correction(
        query_id=record(number).query_id,
        backend_url=ClusterUrl("http://green:8080"),
        routing_group=GroupName("etl"),
        external_url="https://green.example.com",
    )


def row(number: int, **changed: Any) -> dict[str, Any]:
    """What the table has of that record."""
    made = record(number, **changed)
    columns = ("query_id", "query_text", "created", "backend_url", "routing_group", "external_url")
    return {
        **{name: getattr(made, name) for name in columns},
        "user_name": made.user_name or None,
        "source": made.source or None,
    }


async def stored(database: Database) -> list[dict[str, Any]]:
    """All rows, oldest first."""
    return [dict(row) for row in await database.fetch("SELECT * FROM query_history ORDER BY created")]


async def count(database: Database) -> int:
    (found,) = await database.fetch("SELECT count(*) AS found FROM query_history")
    return int(str(found["found"]))


async def eventually(holds: Callable[[], bool], what: str, *, within: float = 30.0) -> None:
    """Raises AssertionError when so many seconds have passed before it holds."""
    until = time.monotonic() + within
    while not holds():
        assert time.monotonic() < until, f"waited {within:g} s in vain for {what}"
        await asyncio.sleep(0.005)

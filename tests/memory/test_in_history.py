"""Looking a query up in `query_history`, on every kind of database."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from tests.fixtures.databases import Server
from tests.memory.distributed.caches import BLUE, GREEN, ROSTER, query
from warren.current import Current
from warren.drivers.sql import Database
from warren.errors import StoreUnavailable
from warren.memory.in_history import AT_ONCE, WITHIN_SECONDS, InHistory
from warren.settings.stores.jdbc import DatabaseUrl

INSERT = (
    "INSERT INTO query_history (query_id, query_text, created, backend_url, user_name, source, routing_group, external_url)"
    " VALUES (:query_id, 'SELECT 1', 1, :backend_url, 'me', NULL, :routing_group, :external_url)"
)

LEEWAY = 0.6
"""Seconds by which a busy machine may be late, beside the tenth that drivers get for their goodbye."""


@pytest.fixture
async def database(any_database: DatabaseUrl) -> AsyncIterator[Database]:
    database = Database(any_database)
    await database.migrate()
    yield database
    await database.close()


def history(database: Database, *, is_reachable: bool = True) -> InHistory:
    return InHistory(database, Current(ROSTER), is_reachable=lambda: is_reachable)


async def record(database: Database, number: int, backend: str | None, group: str | None, shown: str | None) -> None:
    await database.insert(INSERT, query_id=query(number), backend_url=backend, routing_group=group, external_url=shown)


async def test_a_row_is_a_placement(database: Database) -> None:
    here = history(database)
    assert await here.find(query(1)) is None
    await record(database, 1, GREEN, "etl", "https://shown")
    found = await here.find(query(1))
    assert found is not None
    assert (found.cluster, found.group, found.external_url) == (GREEN, "etl", "https://green")
    assert (here.counts.requests, here.counts.hits, here.counts.misses) == (2, 1, 1)


async def test_a_row_of_an_older_schema_has_the_backend_alone(database: Database) -> None:
    await record(database, 1, BLUE, None, None)
    found = await history(database).find(query(1))
    assert found is not None
    assert (found.cluster, found.group, found.external_url) == (BLUE, "adhoc", "https://blue")


@pytest.mark.parametrize("backend", [None, "", "http://evil.example", "x"])
async def test_a_row_that_leads_nowhere_is_a_miss(sqlite_url: DatabaseUrl, backend: str | None) -> None:
    database = Database(sqlite_url)
    await database.migrate()
    await record(database, 1, backend, "etl", None)
    here = history(database)
    assert await here.find(query(1)) is None
    assert here.counts.rejected == 1
    await database.close()


async def test_a_database_that_is_known_to_be_down_is_not_asked(sqlite_url: DatabaseUrl) -> None:
    database = Database(sqlite_url)
    here = history(database, is_reachable=False)
    with pytest.raises(StoreUnavailable, match="not reachable"):
        await here.find(query(1))
    assert here.counts.errors == 1
    await database.close()


@pytest.mark.slow
async def test_a_database_that_hangs_delays_nobody_for_long_and_leaves_room_for_others(
    any_server: tuple[Server, DatabaseUrl],
) -> None:
    server, url = any_server
    database = Database(url)
    await database.migrate()
    here = history(database)

    async def seconds_until_it_fails(number: int) -> float:
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            await here.find(query(number))
        return time.monotonic() - began

    with server.stopped():
        first = asyncio.gather(*(seconds_until_it_fails(number) for number in range(10)))
        await asyncio.sleep(0.9 * WITHIN_SECONDS)  # these are given their turn when the first have had theirs
        later = asyncio.gather(*(seconds_until_it_fails(number) for number in range(10, 20)))
        assert max(await first + await later) < WITHIN_SECONDS + LEEWAY
    assert here.counts.errors == 20
    await database.ping()
    assert AT_ONCE < 5, "the pool has five connections, for the list of clusters as well"
    await database.close()

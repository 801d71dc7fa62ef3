"""Why statements went where they went, beside their rows: kept where there is a table for it, on each kind of server."""

from collections.abc import AsyncIterator

import pytest

from tests.history.rows import record
from warren.drivers.sql import Database
from warren.history.counts import Counts
from warren.history.reasons import LOOK_AGAIN_SECONDS, TABLE, Reasons
from warren.history.record import LONGEST_REASON, Entry
from warren.history.table import Table
from warren.settings.stores.jdbc import DatabaseUrl


async def none_set_aside(entry: Entry, because: str) -> None:
    raise AssertionError(f"{entry}: {because}")


@pytest.fixture
async def database(any_database: DatabaseUrl) -> AsyncIterator[Database]:
    made = Database(any_database, deadline=20.0)
    yield made
    await made.close()


async def kept(database: Database) -> dict[object, object]:
    return {row["query_id"]: row["reason"] for row in await database.fetch(f"SELECT query_id, reason FROM {TABLE}")}


async def test_each_row_of_the_history_has_its_reason(database: Database) -> None:
    await database.migrate()
    rows = [
        record(1, routing_reason="rule etl says group etl; at random of 2"),
        record(2, routing_reason="\0 é 😀" + "x" * 5000),
        record(3),
    ]
    table = Table(database, none_set_aside, Counts())
    await table.write(rows)
    await table.write(rows)
    found = await kept(database)
    assert found.keys() == {rows[0].query_id, rows[1].query_id}
    assert found[rows[0].query_id] == rows[0].routing_reason
    assert len(str(found[rows[1].query_id])) == LONGEST_REASON


async def test_without_the_table_the_history_is_written_all_the_same(database: Database) -> None:
    await database.migrate()
    await database.execute(f"DROP TABLE {TABLE}")
    counts = Counts()
    await Table(database, none_set_aside, counts).write([record(1, routing_reason="because")])
    assert (counts.written, counts.failed_batches) == (1, 0)


async def test_a_table_that_comes_later_is_found(sqlite_url: DatabaseUrl) -> None:
    database = Database(sqlite_url)
    now = 0.0
    reasons = Reasons(database, clock=lambda: now)
    assert not await reasons.is_there()
    await database.migrate()
    assert not await reasons.is_there()
    now = LOOK_AGAIN_SECONDS
    assert await reasons.is_there()
    await database.close()

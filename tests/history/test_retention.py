"""Old rows go, in small steps, by one instance at a time, and never for good because of an error."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from tests.history.rows import count, record, stored
from warren.drivers.sql import Database
from warren.history.counts import Counts
from warren.history.record import Record
from warren.history.retention import EVERY_SECONDS, FIRST_SECONDS, PAUSE_SECONDS, Retention
from warren.history.table import Table
from warren.settings.stores.jdbc import DatabaseUrl

NOW = 1_800_000_000.0
HOUR = 3_600_000


class Pauses:
    """Time that passes in no time; the test ends with the last pause."""

    def __init__(self, most: int = 1000) -> None:
        self.taken: list[float] = []
        self._most = most

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        if len(self.taken) == self._most:
            raise asyncio.CancelledError
        await asyncio.sleep(0)


def retention(database: Database, counts: Counts, pauses: Pauses, *, hours: int = 4) -> Retention:
    return Retention(database, counts, hours=hours, step_rows=10, unix=lambda: NOW, sleep=pauses)


def aged(number: int, hours: float) -> Record:
    return record(number, created=int(NOW * 1000 - hours * HOUR))


async def keep_nothing(*_: object) -> None:
    raise AssertionError("nothing is refused here")


@pytest.fixture
def write(database: Database) -> Callable[[list[Record]], object]:
    return Table(database, keep_nothing, Counts()).write


async def test_rows_older_than_the_limit_go_and_others_stay(database: Database) -> None:
    rows = [*(aged(number, 5) for number in range(35)), aged(100, 4.001), aged(101, 3.999), aged(102, 0)]
    await Table(database, keep_nothing, Counts()).write(rows)
    await database.execute("INSERT INTO query_history (query_id, query_text) VALUES ('timeless', 'SELECT 1')")
    counts, pauses = Counts(), Pauses()
    await retention(database, counts, pauses).trim()
    kept = {str(each["query_id"]) for each in await stored(database)}
    assert kept == {record(101).query_id, record(102).query_id, "timeless"}
    assert counts.trimmed == 36
    assert pauses.taken == [PAUSE_SECONDS] * 3, "a pause after each full step"


async def test_of_three_at_a_time_one_trims(database: Database) -> None:
    await Table(database, keep_nothing, Counts()).write([aged(number, 5) for number in range(45)])
    counts = [Counts() for _ in range(3)]
    await asyncio.gather(*(retention(database, each, Pauses()).trim() for each in counts))
    assert sorted(each.trimmed for each in counts) == [0, 0, 45]
    assert await count(database) == 0
    (lease,) = await database.fetch("SELECT holder FROM warren_leases")
    assert lease["holder"] == "", "it is left"


async def test_whoever_loses_the_lease_stops(database: Database) -> None:
    await Table(database, keep_nothing, Counts()).write([aged(number, 5) for number in range(45)])

    class Robbed(Pauses):
        async def __call__(self, seconds: float) -> None:
            await database.execute("UPDATE warren_leases SET holder = 'another'")

    counts = Counts()
    await retention(database, counts, Robbed()).trim()
    assert counts.trimmed == 20
    (lease,) = await database.fetch("SELECT holder FROM warren_leases")
    assert lease["holder"] == "another"


async def test_reasons_go_with_their_rows_and_those_without_a_row_go_too(database: Database) -> None:
    rows = [aged(1, 5), aged(2, 5), aged(3, 0)]
    await Table(database, keep_nothing, Counts()).write([replace(row, routing_reason="because") for row in rows])
    await database.execute("DELETE FROM query_history WHERE query_id = :id", id=rows[1].query_id)
    counts = Counts()
    await retention(database, counts, Pauses()).trim()
    assert counts.trimmed == 1
    left = await database.fetch("SELECT query_id FROM warren_routing_reasons")
    assert [row["query_id"] for row in left] == [rows[2].query_id]


async def test_any_number_of_hours_can_be_kept(database: Database) -> None:
    await Table(database, keep_nothing, Counts()).write([record(1, created=1)])
    await retention(database, Counts(), Pauses(), hours=10**12).trim()
    assert await count(database) == 1


async def test_it_comes_again_and_again_whatever_the_database_does(sqlite_url: DatabaseUrl) -> None:
    database = Database(sqlite_url)

    class Repaired(Pauses):
        async def __call__(self, seconds: float) -> None:
            if len(self.taken) == 3:
                await database.migrate()
                await Table(database, keep_nothing, Counts()).write([aged(1, 5)])
            if len(self.taken) == 5:
                await database.execute("DROP TABLE warren_leases")
            await super().__call__(seconds)

    counts, pauses = Counts(), Repaired(most=8)
    with capture_logs() as logs, pytest.raises(asyncio.CancelledError):
        await retention(database, counts, pauses).run()
    assert pauses.taken == [FIRST_SECONDS, *[EVERY_SECONDS] * 7]
    assert counts.trimmed == 1
    assert [each["event"] for each in logs if "migration" not in each["event"]] == ["history_not_trimmed"] * 2
    await database.close()

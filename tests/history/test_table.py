"""Writing rows: as they are, else in a milder form, else not at all; and never because of another row."""

from contextlib import suppress
from typing import Any, cast

import pytest

from tests.fixtures.databases import Server
from tests.history.rows import correction, count, record, row, stored
from warren.drivers.sql import Database
from warren.errors import StoreUnavailable
from warren.history.counts import Counts
from warren.history.queue import BATCH_ROWS
from warren.history.record import LONGEST_TEXT, Entry
from warren.history.table import Table
from warren.settings.stores.jdbc import DatabaseUrl


class Aside:
    """Keeps what is set aside, for a test to look at."""

    def __init__(self) -> None:
        self.kept: list[tuple[Entry, str]] = []

    async def keep(self, entry: Entry, reason: str) -> None:
        self.kept.append((entry, reason))


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def aside() -> Aside:
    return Aside()


@pytest.fixture
def table(database: Database, aside: Aside, counts: Counts) -> Table:
    return Table(database, aside.keep, counts)


async def test_rows_arrive_as_upstream_writes_them(table: Table, database: Database) -> None:
    records = [
        record(1),
        record(2, user_name="", source=""),
        record(3, query_text="SELECT 'x:y %s %(a)s ? $1 \\ \" '' \r\n' -- ü🦌", user_name="Zoë 🦌"),
        record(4, query_text="", source="s" * 256, external_url="e" * 255),
        record(5, query_text="'" * LONGEST_TEXT),
    ]
    await table.write(records)
    assert await stored(database) == [
        row(1),
        row(2, user_name="", source=""),
        row(3, query_text="SELECT 'x:y %s %(a)s ? $1 \\ \" '' \r\n' -- ü🦌", user_name="Zoë 🦌"),
        row(4, query_text="", source="s" * 256, external_url="e" * 255),
        row(5, query_text="'" * LONGEST_TEXT),
    ]


async def test_a_row_that_is_there_stays_as_it_is(table: Table, database: Database, counts: Counts) -> None:
    await table.write([record(1), record(2)])
    await table.write([record(2, query_text="another"), record(3), record(3, query_text="another"), record(1)])
    assert await stored(database) == [row(1), row(2), row(3)]
    assert (counts.written, counts.failed_batches) == (6, 0)


async def test_a_correction_changes_the_row_that_there_is(table: Table, database: Database) -> None:
    await table.write([record(1), correction(1), record(2), correction(3)])
    await table.write([correction(2)])
    moved = {"backend_url": "http://green:8080", "routing_group": "etl", "external_url": "https://green.example.com"}
    assert await stored(database) == [row(1, **moved), row(2, **moved)]


BAD: dict[int, dict[str, Any]] = {
    100: {"query_text": "SELECT '\0'"},
    150: {"query_text": "SELECT '\ud800'"},
    200: {"query_id": "q" * 257},
    250: {"user_name": "u" * 300},
    300: {"routing_group": "g" * 256},
    350: {"external_url": "e" * 256},
}


async def test_bad_rows_in_the_middle_are_cleaned_at_no_cost_to_others(
    table: Table, database: Database, aside: Aside, counts: Counts
) -> None:
    await table.write([record(number, **BAD.get(number, {})) for number in range(BATCH_ROWS)])
    assert await count(database) == BATCH_ROWS
    assert (aside.kept, counts.altered, counts.batches) == ([], 0, 1), "they were seen beforehand"


async def make_narrow(database: Database, dialect: str) -> None:
    """A table that refuses what the usual one takes."""
    checks = {
        "sqlite": "CREATE TRIGGER narrow BEFORE INSERT ON query_history WHEN NEW.user_name GLOB '*[^ -~]*'"
        " BEGIN SELECT RAISE(ABORT, 'not in ASCII'); END",
        "postgresql": "ALTER TABLE query_history ADD CHECK (user_name ~ '^[ -~]*$')",
        "mysql": "ALTER TABLE query_history MODIFY COLUMN user_name varchar(256) CHARACTER SET latin1",
    }
    await database.execute(checks[dialect].replace(":", "\\:"))


async def test_rows_that_a_column_cannot_hold_are_found_and_written_in_a_milder_form(
    table: Table, database: Database, any_database: DatabaseUrl, aside: Aside, counts: Counts
) -> None:
    await make_narrow(database, any_database.dialect)
    await table.write([record(n, user_name="Ω" if n in {7, 250, 251, 499} else "ann") for n in range(BATCH_ROWS)])
    rows = await stored(database)
    assert [each["created"] - rows[0]["created"] for each in rows if each["user_name"] == "?"] == [7, 250, 251, 499]
    assert len(rows) == BATCH_ROWS
    assert (aside.kept, counts.altered, counts.written) == ([], 4, BATCH_ROWS)


FORBIDS_THE_PAST = {
    "sqlite": "CREATE TRIGGER forbids BEFORE INSERT ON query_history WHEN NEW.created < 1000"
    " BEGIN SELECT RAISE(ABORT, 'too old'); END",
    "postgresql": "ALTER TABLE query_history ADD CHECK (created >= 1000)",
    "mysql": "ALTER TABLE query_history ADD CHECK (created >= 1000)",
}


async def test_rows_that_no_form_makes_good_are_set_aside(
    table: Table, database: Database, any_database: DatabaseUrl, aside: Aside, counts: Counts
) -> None:
    await database.execute(FORBIDS_THE_PAST[any_database.dialect])
    await table.write([record(n, created=n if n in {0, 300} else 1000 + n) for n in range(BATCH_ROWS)])
    assert await count(database) == counts.written == BATCH_ROWS - 2
    assert [entry for entry, _ in aside.kept] == [record(0, created=0), record(300, created=300)]
    assert not any("SELECT" in reason for _, reason in aside.kept), "the statement is nobody's business"


@pytest.mark.slow
async def test_characters_that_utf8mb3_has_no_room_for_are_replaced(mariadb_url: DatabaseUrl) -> None:
    database, counts = Database(mariadb_url, deadline=20.0), Counts()
    await database.migrate()
    await database.execute("ALTER TABLE query_history CONVERT TO CHARACTER SET utf8mb3")
    await Table(database, Aside().keep, counts).write(
        [record(n, query_text="SELECT 'ü🦌'" if n == 250 else "SELECT 1") for n in range(BATCH_ROWS)]
    )
    (found,) = await database.fetch("SELECT query_text FROM query_history WHERE query_text <> 'SELECT 1'")
    assert found["query_text"] == "SELECT 'ü\ufffd'"
    assert (counts.altered, counts.written) == (1, BATCH_ROWS)
    await database.close()


@pytest.mark.slow
async def test_a_statement_longer_than_an_old_column_is_cut(postgres_url: DatabaseUrl) -> None:
    database, counts = Database(postgres_url, deadline=20.0), Counts()
    await database.migrate()
    await database.execute("ALTER TABLE query_history ALTER COLUMN query_text TYPE varchar(256)")
    await Table(database, Aside().keep, counts).write([record(1), record(2, query_text="x" * 257), record(3)])
    assert [len(str(found["query_text"])) for found in await stored(database)] == [8, 203, 8]
    await database.close()


@pytest.mark.slow
async def test_a_row_that_breaks_the_connection_is_written_in_brief_and_set_aside_whole(
    mariadb: Server, mariadb_url: DatabaseUrl
) -> None:
    await mariadb.run("SET GLOBAL max_allowed_packet = 1048576")
    try:
        database, counts, aside = Database(mariadb_url, deadline=20.0), Counts(), Aside()
        await database.migrate()
        table = Table(database, aside.keep, counts)
        rows = [record(n, query_text="'" * LONGEST_TEXT if n == 3 else "SELECT 1") for n in range(8)]
        with pytest.raises(StoreUnavailable):
            await table.write(rows)
        await table.write_warily(rows)
        found = await stored(database)
        assert [len(str(each["query_text"])) for each in found] == [8, 8, 8, 203, 8, 8, 8, 8]
        assert [entry for entry, _ in aside.kept] == [rows[3]]
        await database.close()
    finally:
        await mariadb.run("SET GLOBAL max_allowed_packet = DEFAULT")


async def test_a_table_that_takes_nothing_is_no_fault_of_the_rows(
    table: Table, database: Database, aside: Aside, counts: Counts
) -> None:
    await database.execute("DROP TABLE query_history")
    for write in (table.write, table.write_warily):
        with pytest.raises(StoreUnavailable, match="query_history"):
            await write([record(number) for number in range(BATCH_ROWS)])
    assert (aside.kept, counts.written) == ([], 0)


class Locked:
    """A database that answers, but takes nothing the next few times."""

    def __init__(self, database: Database, *, times: int) -> None:
        self._database = database
        self.times = times

    async def write(self, *steps: Any, deadline: float) -> None:
        if self.times:
            self.times -= 1
            raise StoreUnavailable("the database is locked")
        await self._database.write(*steps, deadline=deadline)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


LONG = record(1, query_text="SELECT " + "x" * 50_000)


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_a_lock_that_ends_between_two_tries_is_no_fault_of_the_row(
    sqlite_url: DatabaseUrl, aside: Aside, times: int
) -> None:
    database = Database(sqlite_url)
    await database.migrate()
    table = Table(cast(Database, Locked(database, times=times)), aside.keep, Counts())
    with suppress(StoreUnavailable):
        await table.write_warily([LONG])
    await table.write_warily([LONG])
    (found,) = await stored(database)
    assert (found["query_text"], aside.kept) == (LONG.query_text, [])
    await database.close()


@pytest.mark.parametrize("entries", [[correction(1)], [correction(1), record(2), correction(2)]])
@pytest.mark.parametrize("times", range(1, 6))
async def test_nor_is_it_the_fault_of_a_correction(
    sqlite_url: DatabaseUrl, aside: Aside, times: int, entries: list[Entry]
) -> None:
    database = Database(sqlite_url)
    await database.migrate()
    await Table(database, aside.keep, Counts()).write([record(1)])
    locked = Locked(database, times=times)
    table = Table(cast(Database, locked), aside.keep, Counts())
    while locked.times:
        with suppress(StoreUnavailable):
            await table.write_warily(entries)
    await table.write_warily(entries)
    assert (await stored(database))[0]["backend_url"] == correction(1).backend_url
    assert aside.kept == []
    await database.close()


async def test_a_correction_that_cannot_be_made_holds_nothing_up(sqlite_url: DatabaseUrl) -> None:
    database, aside = Database(sqlite_url), Aside()
    await database.migrate()
    # Whoever grants as little as possible may have thought of INSERT alone; this is as near as SQLite comes.
    await database.execute("CREATE VIEW elsewhere AS SELECT 1 AS one")
    await database.execute(
        "CREATE TRIGGER fixed BEFORE UPDATE ON query_history BEGIN UPDATE elsewhere SET one = 2; END"
    )
    await Table(database, aside.keep, Counts()).write_warily([record(1), correction(1), record(2)])
    assert await stored(database) == [row(1), row(2)]
    assert [entry for entry, _ in aside.kept] == [correction(1)]
    await database.close()

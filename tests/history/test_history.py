"""From a note to a row, whatever becomes of the database and the disk in between."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import aiosqlite
import pytest
from structlog.testing import capture_logs

from tests.fixtures.databases import Server
from tests.history.rows import correction, count, eventually, record, row, stored
from warren.drivers.sql import Database
from warren.history import history as history_module
from warren.history.history import History, HistoryLimits, NoHistory
from warren.history.queue import BATCH_ROWS
from warren.model import ClusterUrl, GroupName, QueryId
from warren.settings.stores.jdbc import DatabaseUrl

IMPATIENT = HistoryLimits(batch_seconds=0.5)

Outage = Callable[[], AbstractAsyncContextManager[None]]


@pytest.fixture
def outage(request: pytest.FixtureRequest, any_database: DatabaseUrl) -> Outage:
    """Lets the database be silent: the server hangs, or somebody else holds SQLite's file."""

    @contextlib.asynccontextmanager
    async def silent() -> AsyncIterator[None]:
        if any_database.path is None:
            server: Server = request.getfixturevalue("mariadb" if any_database.dialect == "mysql" else "postgres")
            with server.stopped():
                yield
            return
        async with aiosqlite.connect(any_database.path, isolation_level=None) as other:
            await other.execute("BEGIN IMMEDIATE")
            yield
            await other.execute("ROLLBACK")

    return silent


@contextlib.asynccontextmanager
async def running(history: History) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(history.run())
        yield
        task.cancel()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "history"


def left(directory: Path) -> list[str]:
    return [path.suffix for path in directory.iterdir()] if directory.exists() else []


MOVED = {"backend_url": "http://green:8080", "routing_group": "etl", "external_url": "https://green.example.com"}


def corrected(number: int) -> tuple[QueryId, ClusterUrl, GroupName, str]:
    made = correction(number)
    return made.query_id, made.backend_url, made.routing_group, made.external_url


async def test_what_is_noted_becomes_a_row_within_a_moment_at_a_batch_a_second(
    database: Database, directory: Path
) -> None:
    history = History(database, directory, limits=HistoryLimits())
    async with running(history):
        history.note(record(0))
        await eventually(lambda: history.counts.written == 1, "the first row")
        history.correct(*corrected(0))
        for number in range(1, 51):
            history.note(record(number, user_name=""))
            await asyncio.sleep(0)
        await eventually(lambda: history.counts.written == 52, "the others", within=5)
        assert history.counts.batches == 2
        for number in range(51, 51 + 3 * BATCH_ROWS):
            history.note(record(number))
        await eventually(lambda: history.counts.written == 52 + 3 * BATCH_ROWS, "whole batches", within=5)
    assert history.counts.batches <= 6
    assert (await stored(database))[:51] == [row(0, **MOVED), *(row(number, user_name="") for number in range(1, 51))]
    assert await count(database) == 51 + 3 * BATCH_ROWS
    assert (history.counts.spilled, left(directory)) == (0, [])


async def test_a_database_that_is_silent_for_a_while_costs_no_row(
    database: Database, outage: Outage, directory: Path
) -> None:
    history = History(database, directory, limits=IMPATIENT)
    with capture_logs() as logs:
        async with running(history):
            history.note(record(0))
            await eventually(lambda: history.counts.written == 1, "the first row")
            async with outage():
                for number in range(1, 1001):
                    history.note(record(number))
                history.correct(*corrected(0))
                await eventually(lambda: history.counts.spilled_rows == 1001, "all rows to be on disk")
                await eventually(lambda: history.counts.queued_rows == 0, "the memory to be empty")
                await eventually(lambda: history.counts.failed_batches > 0, "a batch to fail")
                history.note(record(1001))
            await eventually(lambda: history.counts.written >= 1003, "all rows to be written")
            await eventually(lambda: history.counts.spilled_rows == 0, "the disk to be done with")
            history.note(record(1002))
            await eventually(lambda: history.counts.written >= 1004, "one more")
    rows = await stored(database)
    assert rows == [row(0, **MOVED), *(row(number) for number in range(1, 1003))]
    assert (history.counts.dropped, history.counts.dropped_on_disk, history.counts.damaged) == (0, 0, 0)
    # A library may have something to say about the connections that were cut.
    told = [each for each in logs if each["event"].startswith("history_")]
    assert [each["event"] for each in told] == ["history_delayed", "history_caught_up"]
    assert told[1]["rows"] >= 1001


async def test_a_correction_that_comes_while_its_row_waits_on_disk_is_made(
    database: Database, outage: Outage, directory: Path
) -> None:
    history = History(database, directory, limits=IMPATIENT)
    async with running(history):
        async with outage():
            history.note(record(1))
            await eventually(lambda: history.counts.spilled_rows == 1, "the row to be on disk")
            history.correct(*corrected(1))
        await eventually(lambda: history.counts.written >= 2, "both")
        await history_is_idle(history)
    assert await stored(database) == [row(1, **MOVED)]


async def history_is_idle(history: History) -> None:
    counts = history.counts
    await eventually(lambda: counts.queued_rows == 0 and counts.spilled_rows == 0, "nothing to wait any more")


async def test_flushing_writes_what_waits(database: Database, directory: Path) -> None:
    history = History(database, directory, limits=HistoryLimits())
    for number in range(2 * BATCH_ROWS + 1):
        history.note(record(number))
    await history.flush(20.0)
    assert await count(database) == 2 * BATCH_ROWS + 1
    assert left(directory) == []


async def test_what_cannot_be_flushed_is_on_disk_and_written_by_the_next_process(
    database: Database, outage: Outage, directory: Path
) -> None:
    history = History(database, directory, limits=HistoryLimits())
    with capture_logs() as logs:
        async with outage():
            async with running(history):
                for number in range(700):
                    history.note(record(number))
                await asyncio.sleep(0)  # one batch is under way when the end comes
            await history.flush(0.3)
    assert [each["event"] for each in logs] == ["history_left_on_disk"]
    assert (logs[0]["rows"], history.counts.dropped) == (700, 0)
    assert sorted(left(directory)) == [".jsonl", ".lock"]

    later = History(database, directory, limits=HistoryLimits())
    async with running(later):
        later.note(record(700))
        await eventually(lambda: later.counts.written == 701, "all rows")
        await history_is_idle(later)
    await later.flush(5.0)
    assert await stored(database) == [row(number) for number in range(701)]
    assert left(directory) == []


@pytest.fixture
def no_directory(directory: Path) -> Path:
    """A place where no folder can be made."""
    directory.touch()
    return directory


async def test_a_full_memory_drops_and_says_so(sqlite_url: DatabaseUrl, no_directory: Path) -> None:
    database = Database(sqlite_url)
    history = History(database, no_directory, limits=HistoryLimits(memory_rows=100))
    with capture_logs() as logs:
        async with running(history):  # there are no tables
            for number in range(150):
                history.note(record(number))
            await eventually(lambda: history.counts.failed_batches > 0, "a batch to fail")
            await eventually(lambda: len(logs) >= 3, "all to be said")
            assert (history.counts.queued_rows, history.counts.dropped) == (100, 50)
            await database.migrate()
            await eventually(lambda: history.counts.written == 100, "the rest")
    events = [each["event"] for each in logs if not each["event"].startswith("migration")]
    assert sorted(events) == ["history_caught_up", "history_delayed", "history_dropped", "history_not_spilled"]
    assert await stored(database) == [row(number) for number in range(100)]
    await database.close()


async def test_a_memory_that_fills_is_emptied_to_disk(sqlite_url: DatabaseUrl, directory: Path) -> None:
    database = Database(sqlite_url)
    history = History(database, directory, limits=HistoryLimits(memory_rows=1200))
    async with running(history):
        for number in range(3000):
            history.note(record(number))
            if number % 300 == 299:
                await eventually(lambda: history.counts.queued_rows < 600, "room")
        await database.migrate()
        await eventually(lambda: history.counts.written == 3000, "all rows")
    assert history.counts.dropped == 0
    assert history.counts.replayed > 0
    assert await count(database) == 3000
    await database.close()


async def test_rows_that_come_at_once_wait_for_no_look(
    sqlite_url: DatabaseUrl, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the memory is enough to be put on disk at that moment, so that the other half is for those that come next."""
    monkeypatch.setattr(history_module, "LOOK_SECONDS", 3600.0)
    database = Database(sqlite_url)  # there are no tables
    history = History(database, directory, limits=HistoryLimits(memory_rows=1200))
    async with running(history):
        for burst in range(5):
            for number in range(1000):
                history.note(record(burst * 1000 + number))
            await eventually(lambda: history.counts.queued_rows == 0, "the rows to be on disk")
    assert history.counts.dropped == 0
    await history.flush(0.0)
    await database.close()


async def test_when_the_disk_fails_too_the_end_counts_what_is_lost(sqlite_url: DatabaseUrl, no_directory: Path) -> None:
    database = Database(sqlite_url)
    history = History(database, no_directory, limits=HistoryLimits())
    for number in range(7):
        history.note(record(number))
    with capture_logs() as logs:
        await history.flush(1.0)
    assert history.counts.dropped == 7
    assert [each["event"] for each in logs] == ["history_not_spilled", "history_dropped"]
    await database.close()


async def test_beyond_the_bound_on_disk_the_oldest_rows_are_lost_and_counted(
    sqlite_url: DatabaseUrl, directory: Path
) -> None:
    database = Database(sqlite_url)
    limits = HistoryLimits(memory_rows=8, disk_bytes=40_000, segment_bytes=5_000)
    history = History(database, directory, limits=limits)
    async with running(history):  # there are no tables
        for number in range(20):
            history.note(record(number, query_text="x" * 4000))
            if number % 4 == 3:
                await eventually(lambda: history.counts.queued_rows == 0, "the rows to be on disk")
        assert history.counts.spilled_bytes <= 40_000
        dropped = history.counts.dropped_on_disk
        await database.migrate()
        await eventually(lambda: history.counts.written == 20 - dropped, "the rest")
    assert (dropped, history.counts.dropped) == (12, 0)
    assert [each["query_id"] for each in await stored(database)] == [record(n).query_id for n in range(dropped, 20)]
    await database.close()


@pytest.mark.slow
async def test_postgresql_behind_a_pooler_is_written_without_prepared_statements(
    postgres_url: DatabaseUrl, directory: Path
) -> None:
    database = Database(replace(postgres_url, options={"prepareThreshold": "0"}), deadline=20.0)
    await database.migrate()
    history = History(database, directory, limits=HistoryLimits())
    for number in range(BATCH_ROWS):
        history.note(record(number))
    history.correct(*corrected(0))
    await history.flush(20.0)
    assert await count(database) == BATCH_ROWS
    (kept,) = await database.fetch("SELECT count(*) AS kept FROM pg_prepared_statements WHERE name <> ''")
    assert kept["kept"] == 0
    await database.close()


async def test_without_history_nothing_happens() -> None:
    history = NoHistory()
    history.note(record(1))
    history.correct(*corrected(1))
    await history.flush(1.0)
    assert history.counts.queued_rows == 0

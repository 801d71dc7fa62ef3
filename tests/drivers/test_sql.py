"""The door to the database: one kind of failure, and always in time."""

import asyncio
import contextlib
import stat
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiosqlite
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.fixtures.databases import Server
from warren.drivers.sql import Database, NewRows
from warren.errors import RowsRefused, StoreUnavailable
from warren.settings.stores.jdbc import DatabaseUrl

DEADLINE = 0.5
LEEWAY = 0.6
"""Seconds by which a busy machine may be late, beside the tenth that drivers get for their goodbye."""


@contextlib.asynccontextmanager
async def opened(url: DatabaseUrl, *, deadline: float = 20.0) -> AsyncIterator[Database]:
    database = Database(url, deadline=deadline)
    try:
        yield database
    finally:
        await database.close()


@contextlib.contextmanager
def in_time() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < DEADLINE + LEEWAY


@pytest.fixture(
    params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow), pytest.param("mariadb", marks=pytest.mark.slow)]
)
def url(request: pytest.FixtureRequest) -> DatabaseUrl:
    found: DatabaseUrl = request.getfixturevalue(f"{request.param}_url")
    return found


async def test_statements_take_bound_values_and_answer_rows(url: DatabaseUrl) -> None:
    async with opened(url) as database:
        await database.execute("CREATE TABLE notes (id varchar(9) PRIMARY KEY, body varchar(99), done boolean)")
        assert await database.insert(
            "INSERT INTO notes VALUES (:id, :body, :done)", id="a", body="x:y %s ' --", done=True
        )
        assert not await database.insert("INSERT INTO notes VALUES (:id, NULL, NULL)", id="a")
        assert await database.execute("UPDATE notes SET done = :done WHERE id = :id", id="a", done=False) == 1
        assert await database.execute("UPDATE notes SET done = :done WHERE id = :id", id="a", done=False) == 1
        assert await database.execute("DELETE FROM notes WHERE id = :id", id="b") == 0
        (row,) = await database.fetch("SELECT * FROM notes")
        assert dict(row) == {"id": "a", "body": "x:y %s ' --", "done": False}


NOTES = "CREATE TABLE notes (id varchar(9) NOT NULL PRIMARY KEY, body varchar(9))"
NOTE = "INSERT INTO notes (id, body) VALUES (:id, :body)"
NEW = NewRows("notes", "id", {"id": str, "body": str})


def notes(*ids: str, body: str = "x") -> list[dict[str, object]]:
    return [{"id": each, "body": body} for each in ids]


async def test_a_batch_is_stored_whole_and_rows_that_are_there_stay(url: DatabaseUrl) -> None:
    async with opened(url) as database:
        await database.execute(NOTES)
        await database.write((NEW, notes("a", "b")), deadline=20.0)
        change = "UPDATE notes SET body = :body WHERE id = :id"
        await database.write((NEW, notes("b", "c", "c", body="y")), (change, notes("a", body="z")), deadline=20.0)
        await database.write((NEW, []), deadline=20.0)
        rows = await database.fetch("SELECT id, body FROM notes ORDER BY id")
    assert [(row["id"], row["body"]) for row in rows] == [("a", "z"), ("b", "x"), ("c", "y")]


@pytest.mark.parametrize("bad", [{"id": None}, {"body": "\ud800"}, {"body": 2**70}])
@pytest.mark.parametrize("step", [NOTE, NEW], ids=["statement", "new_rows"])
async def test_a_batch_with_a_bad_row_is_refused_whole(
    url: DatabaseUrl, step: str | NewRows, bad: dict[str, object]
) -> None:
    async with opened(url) as database:
        await database.execute(NOTES)
        rows = [*notes("a"), {"id": "b", "body": "hush", **bad}, *notes("c")]
        with pytest.raises(RowsRefused) as caught:
            await database.write((step, rows), deadline=20.0)
        assert await database.fetch("SELECT id FROM notes") == []
    assert database.label in str(caught.value)
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_batch_that_fails_for_another_reason_is_no_fault_of_its_rows(url: DatabaseUrl) -> None:
    async with opened(url) as database:
        await database.execute(NOTES)
        with pytest.raises(StoreUnavailable, match="no_such_table"):
            await database.write(
                (NOTE, notes("a")), ("INSERT INTO no_such_table VALUES (:id)", notes("b")), deadline=20.0
            )
        assert await database.fetch("SELECT id FROM notes") == []


async def test_a_driver_that_stumbles_is_no_fault_of_the_rows(
    sqlite_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On broken connections drivers raise whatever comes to hand."""

    async def stumbles(*_: object) -> None:
        raise TypeError("'NoneType' object is not subscriptable")

    async with opened(sqlite_url) as database:
        await database.execute(NOTES)
        monkeypatch.setattr(AsyncConnection, "execute", stumbles)
        with pytest.raises(StoreUnavailable, match="not subscriptable"):
            await database.write((NEW, notes("a")), deadline=5.0)


async def test_a_tuple_is_a_list_of_values(url: DatabaseUrl) -> None:
    async with opened(url) as database:
        await database.execute(NOTES)
        await database.write((NOTE, notes("a", "b", "c")), deadline=20.0)
        assert await database.execute("DELETE FROM notes WHERE id IN :ids", ids=("a", "c", "d")) == 2


async def test_a_change_is_seen_by_others_at_once(url: DatabaseUrl) -> None:
    async with opened(url) as one, opened(url) as other:
        await one.execute("CREATE TABLE notes (id int)")
        for count in range(3):
            assert len(await other.fetch("SELECT id FROM notes")) == count
            await one.execute("INSERT INTO notes VALUES (1)")


async def test_ping_answers_when_the_database_does(url: DatabaseUrl) -> None:
    async with opened(url) as database:
        await database.ping()


async def test_a_statement_that_fails_says_why_and_shows_neither_itself_nor_its_values(url: DatabaseUrl) -> None:
    async with opened(url) as database:
        with pytest.raises(StoreUnavailable) as caught:
            await database.fetch("SELECT id FROM no_such_table WHERE id = :id", id="hush")
    assert "no_such_table" in str(caught.value)
    assert database.label in str(caught.value)
    assert "SELECT" not in str(caught.value)
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_more_callers_than_connections_take_turns(url: DatabaseUrl) -> None:
    async with opened(url) as database:
        assert len(await asyncio.gather(*(database.fetch("SELECT 1 AS one") for _ in range(40)))) == 40


async def test_a_caller_who_gives_up_leaves_the_pool_whole(url: DatabaseUrl) -> None:
    async with opened(url) as database:
        for _ in range(12):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0):
                    await database.fetch("SELECT 1 AS one")
        assert len(await asyncio.gather(*(database.fetch("SELECT 2 AS two") for _ in range(12)))) == 12


@pytest.mark.slow
async def test_a_server_that_hangs_is_unavailable_in_time_and_usable_afterwards(
    any_server: tuple[Server, DatabaseUrl], caplog: pytest.LogCaptureFixture
) -> None:
    server, url = any_server
    async with opened(url, deadline=DEADLINE) as database:
        for _ in range(20):  # a first connection may take longer on a busy machine
            with contextlib.suppress(StoreUnavailable):
                await database.ping()
                break
        with server.stopped():
            for _ in range(2):  # a connection from the pool, then a new one
                with in_time(), pytest.raises(StoreUnavailable, match="in time"):
                    await database.ping()
            with in_time():
                failures = await asyncio.gather(*(database.ping() for _ in range(12)), return_exceptions=True)
            assert all(isinstance(failure, StoreUnavailable) for failure in failures)
        for _ in range(20):
            with contextlib.suppress(StoreUnavailable):
                await database.ping()
                break
        else:
            pytest.fail("the database did not come back")
        assert len(await asyncio.gather(*(database.fetch("SELECT 1 AS one") for _ in range(5)))) == 5
    assert caplog.records == []


@pytest.mark.slow
async def test_closing_while_the_server_hangs_is_done_in_time_and_in_silence(
    any_server: tuple[Server, DatabaseUrl], caplog: pytest.LogCaptureFixture
) -> None:
    server, url = any_server
    database = Database(url, deadline=DEADLINE)
    await asyncio.gather(*(database.ping() for _ in range(5)), return_exceptions=True)
    with server.stopped(), in_time():
        await database.close()
    assert caplog.records == []


@pytest.mark.slow
async def test_connections_that_the_server_closed_cost_nobody_an_error(
    postgres: Server, postgres_url: DatabaseUrl
) -> None:
    async with opened(postgres_url) as database:
        await asyncio.gather(*(database.ping() for _ in range(5)))
        await postgres.run(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{postgres_url.database}'"
        )
        await asyncio.gather(*(database.ping() for _ in range(5)))


async def test_nobody_listening_is_said_in_words() -> None:
    for dialect in ("postgresql", "mysql"):
        nobody = DatabaseUrl(dialect=dialect, host="127.0.0.1", port=1, database="d", user="u")
        async with opened(nobody, deadline=DEADLINE) as database:
            with in_time(), pytest.raises(StoreUnavailable, match=f"{dialect}://127.0.0.1:1/d: connection refused$"):
                await database.ping()


async def test_a_locked_file_is_unavailable_in_time_and_usable_afterwards(sqlite_url: DatabaseUrl) -> None:
    assert sqlite_url.path is not None
    async with opened(sqlite_url, deadline=DEADLINE) as database:
        await database.execute("CREATE TABLE notes (id int)")
        async with aiosqlite.connect(sqlite_url.path, isolation_level=None) as other:
            await other.execute("BEGIN IMMEDIATE")
            assert await database.fetch("SELECT id FROM notes") == []  # readers wait for nobody
            with in_time(), pytest.raises(StoreUnavailable, match="locked"):
                await database.execute("INSERT INTO notes VALUES (1)")
            await other.execute("ROLLBACK")
        assert await database.execute("INSERT INTO notes VALUES (1)") == 1


async def test_sqlite_files_are_private_and_write_ahead(sqlite_url: DatabaseUrl) -> None:
    assert sqlite_url.path is not None
    async with opened(sqlite_url) as database:
        await database.execute("CREATE TABLE notes (id int)")
        files = sorted(sqlite_url.path.parent.iterdir())
        assert [file.name for file in files] == ["warren.sqlite", "warren.sqlite-shm", "warren.sqlite-wal"]
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


async def test_a_file_of_somebody_else_keeps_its_mode_and_its_tables(sqlite_url: DatabaseUrl) -> None:
    assert sqlite_url.path is not None
    async with aiosqlite.connect(sqlite_url.path) as theirs:
        await theirs.execute("CREATE TABLE invoices (id int)")
    sqlite_url.path.chmod(0o640)
    async with opened(sqlite_url) as database:
        assert await database.migrate()
        assert await database.fetch("SELECT id FROM invoices") == []
        assert (await database.fetch("PRAGMA journal_mode"))[0]["journal_mode"] == "wal"
    assert stat.S_IMODE(sqlite_url.path.stat().st_mode) == 0o640


async def test_a_folder_that_is_not_there_is_said_in_words(tmp_path: Path) -> None:
    async with opened(DatabaseUrl(dialect="sqlite", path=tmp_path / "missing" / "w.sqlite")) as database:
        with pytest.raises(StoreUnavailable, match="no such file or directory"):
            await database.ping()


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_closing_leaves_no_descriptor(sqlite_url: DatabaseUrl) -> None:
    before = descriptors()
    async with opened(sqlite_url) as database:
        await asyncio.gather(*(database.ping() for _ in range(5)))
    assert descriptors() == before

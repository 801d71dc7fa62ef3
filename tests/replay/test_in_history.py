import asyncio
from pathlib import Path

import pytest

from tests.fixtures.child import free_port
from tests.replay.made import NOON
from warren.drivers.sql import Database
from warren.errors import StoreUnavailable
from warren.history.table import INSERT
from warren.replay import in_history
from warren.replay.in_history import FromHistory
from warren.replay.period import Period
from warren.replay.statement import Statement
from warren.settings.stores.jdbc import DatabaseUrl


def row(number: int, **others: object) -> dict[str, object]:
    return {
        "query_id": f"20261101_120000_{number:05}_abcde",
        "query_text": f"SELECT {number}",
        "created": NOON + number // 7,
        "backend_url": "http://blue:8080",
        "user_name": "ann",
        "source": None,
        "routing_group": "adhoc",
        "external_url": "http://blue:8080",
        **others,
    }


async def fill(url: DatabaseUrl, rows: list[dict[str, object]]) -> None:
    database = Database(url, deadline=20)
    try:
        await database.migrate()
        await database.write((INSERT, rows), deadline=20)
        await database.insert(
            "INSERT INTO gateway_backend (name, routing_group, backend_url, external_url, active)"
            " VALUES ('blue', 'adhoc', 'http://blue:8080', 'http://blue:8080', :active)",
            active=True,
        )
    finally:
        await database.close()


def read(url: DatabaseUrl, since: int = 0, until: int = NOON * 2) -> list[list[Statement]]:
    return list(FromHistory(url, Period(since, until)))


async def test_every_row_comes_once_and_in_its_order(
    any_database: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven rows of each millisecond, so that pages end in the middle of one."""
    monkeypatch.setattr(in_history, "FIRST_PAGE", 10)
    monkeypatch.setattr(in_history, "LARGEST_PAGE", 45)
    await fill(any_database, [row(number) for number in range(301)])

    pages = await asyncio.to_thread(read, any_database)

    assert [each.sql for page in pages for each in page] == [f"SELECT {number}" for number in range(301)]
    assert [len(page) for page in pages][:4] == [10, 20, 40, 45]


def test_a_row_is_a_statement(sqlite_url: DatabaseUrl) -> None:
    asyncio.run(
        fill(sqlite_url, [row(3), row(4, user_name=None, source="dbt", routing_group=None, backend_url="http://x")])
    )
    ((known, unknown),) = read(sqlite_url)
    assert known == Statement(
        name="20261101_120000_00003_abcde", sql="SELECT 3", when=NOON, user="ann", group="adhoc", cluster="blue"
    )
    assert (unknown.user, unknown.source, unknown.group, unknown.cluster) == ("", "dbt", None, "")


def test_only_the_period_is_read(sqlite_url: DatabaseUrl) -> None:
    asyncio.run(fill(sqlite_url, [row(number, created=NOON + number) for number in range(5)]))
    source = FromHistory(sqlite_url, Period(NOON + 1, NOON + 4))
    assert [each.sql for page in source for each in page] == ["SELECT 1", "SELECT 2", "SELECT 3"]
    assert source.share == pytest.approx(2 / 3)


def test_pages_of_long_statements_have_few_rows(sqlite_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_history, "PAGE_CHARACTERS", 1000)
    monkeypatch.setattr(in_history, "FIRST_PAGE", 4)
    asyncio.run(fill(sqlite_url, [row(number, query_text="x" * 400) for number in range(9)]))
    assert [len(page) for page in read(sqlite_url)] == [4, 2, 2, 1]


def test_a_reader_that_stops_leaves_nothing_open(sqlite_url: DatabaseUrl) -> None:
    asyncio.run(fill(sqlite_url, [row(number) for number in range(100)]))
    pages = iter(FromHistory(sqlite_url, Period(0, NOON * 2)))
    assert len(next(pages)) == 50
    pages.close()


def test_a_file_that_is_not_there_is_said_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "nothing.sqlite"
    with pytest.raises(StoreUnavailable, match="does not exist: no gateway has written its history there yet"):
        read(DatabaseUrl(dialect="sqlite", path=path))
    assert not path.exists()


def test_a_database_without_tables_is_said_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "empty.sqlite"
    path.touch()
    with pytest.raises(StoreUnavailable, match="warren migrate makes the tables"):
        read(DatabaseUrl(dialect="sqlite", path=path))


def test_a_database_that_is_away_is_said() -> None:
    port = free_port()
    url = DatabaseUrl(dialect="postgresql", host="127.0.0.1", port=port, database="d", user="u")
    with pytest.raises(StoreUnavailable, match=f"127.0.0.1:{port}"):
        read(url)

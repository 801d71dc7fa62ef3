"""Trino's own Python client against the simulator, nothing in between."""

import asyncio
import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from trino.dbapi import Connection
from trino.exceptions import TrinoUserError
from trino.transaction import IsolationLevel

from warren.simulator.coordinator import Simulator


async def visit(simulator: Simulator, what: Callable[[Connection], Any], **settings: Any) -> Any:
    """Do it in a thread, as the client blocks; the connection is closed behind it."""

    def work() -> Any:
        connection = Connection(host=simulator.host, port=simulator.port, user="alice", **settings)
        try:
            return what(connection)
        finally:
            connection.close()  # type: ignore[no-untyped-call]  # the library is not typed

    return await asyncio.to_thread(work)


def rows(connection: Connection, sql: str, parameters: Any = None) -> Any:
    cursor = connection.cursor()
    cursor.execute(sql, parameters)
    return cursor.fetchall()


@pytest.mark.parametrize("encoding", ["json", "json+lz4", "json+zstd", None])
async def test_a_large_result_arrives_whole(simulator: Simulator, encoding: str | None) -> None:
    found = await visit(
        simulator, lambda c: rows(c, "SELECT orderkey, linenumber FROM tpch.tiny.lineitem"), encoding=encoding
    )

    assert len({tuple(row) for row in found}) == len(found) == 60019


@pytest.mark.parametrize("legacy", [True, False, None])
async def test_parameters_are_bound(simulator: Simulator, legacy: bool | None) -> None:
    given = (5, "it's", None, True, Decimal("1.50"), dt.date(2020, 1, 2), b"\x01", [1, 2])
    marks = ", ".join("?" * len(given))

    ((*found,),) = await visit(
        simulator, lambda c: rows(c, f"SELECT {marks}", given), legacy_prepared_statements=legacy
    )

    assert tuple(found) == given


async def test_values_become_pythons(simulator: Simulator) -> None:
    sql = (
        "SELECT TIMESTAMP '2020-01-01 01:02:03.123456', DATE '2020-01-01', TIME '01:02:03', 1.5, X'01',"
        " ARRAY[1, 2], MAP(ARRAY['a'], ARRAY[1]), CAST(ROW(1, 'x') AS ROW(a integer, b varchar)), INTERVAL '1' DAY"
    )

    ((*found,),) = await visit(simulator, lambda c: rows(c, sql))

    assert found[:-2] == [
        dt.datetime(2020, 1, 1, 1, 2, 3, 123456),  # noqa: DTZ001 - a timestamp without a zone
        dt.date(2020, 1, 1),
        dt.time(1, 2, 3),
        Decimal("1.5"),
        b"\x01",
        [1, 2],
        {"a": 1},
    ]
    assert tuple(found[-2]) == (1, "x")
    assert found[-1] == dt.timedelta(days=1)


async def test_changes_tell_how_many_rows(simulator: Simulator) -> None:
    def change(connection: Connection) -> list[Any]:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE memory.default.t (a integer, b varchar)")
        cursor.execute("INSERT INTO memory.default.t VALUES (1, 'x'), (2, 'y')")
        inserted = cursor.rowcount
        cursor.executemany("INSERT INTO memory.default.t VALUES (?, ?)", [(3, "z"), (4, "q")])
        return [inserted, rows(connection, "SELECT a, b FROM memory.default.t ORDER BY a")]

    assert await visit(simulator, change) == [2, [[1, "x"], [2, "y"], [3, "z"], [4, "q"]]]


async def test_the_session_follows_use_and_set(simulator: Simulator) -> None:
    def change(connection: Connection) -> list[Any]:
        rows(connection, "USE tpch.tiny")
        rows(connection, "SET SESSION query_max_run_time = '1h'")
        shown = rows(connection, "SHOW SESSION LIKE 'query_max_run_time'")
        return [rows(connection, "SELECT count(*) FROM nation"), shown[0][1]]

    assert await visit(simulator, change) == [[[25]], "1h"]


async def test_a_transaction_is_begun_and_committed(simulator: Simulator) -> None:
    def transact(connection: Connection) -> Any:
        with connection as inside:
            return rows(inside, "SELECT 1")

    assert await visit(simulator, transact, isolation_level=IsolationLevel.READ_COMMITTED) == [[1]]
    assert simulator.queries.transactions.open() == []


async def test_an_error_is_an_exception_with_trinos_name(simulator: Simulator) -> None:
    with pytest.raises(TrinoUserError) as caught:
        await visit(simulator, lambda c: rows(c, "SELECT 1/0"))

    assert caught.value.error_name == "DIVISION_BY_ZERO"
    assert str(caught.value.query_id).endswith("_abcde")


async def test_a_cancelled_cursor_ends_its_query(simulator: Simulator) -> None:
    def cancel(connection: Connection) -> Any:
        cursor = connection.cursor()
        cursor.execute("SELECT * FROM tpch.tiny.lineitem")
        cursor.fetchone()
        cursor.cancel()
        return cursor.query_id

    query = simulator.queries.find(await visit(simulator, cancel))

    assert query
    assert (query.state, query.failure and query.failure.name) == ("FAILED", "USER_CANCELED")

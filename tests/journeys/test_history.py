"""Every statement becomes a row of `query_history`, whatever the database does meanwhile, and no client waits for that."""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.databases import Server
from tests.journeys.fleet import RoundRobin, fleet, three_clusters
from tests.journeys.scene import USER, Gateway, ask, eventually, gateway, until
from tests.journeys.test_changes_told import shared
from warren.drivers.sql import Database
from warren.settings.stores.jdbc import DatabaseUrl
from warren.simulator.coordinator import Simulator

pytestmark = pytest.mark.slow


async def rows_of(url: DatabaseUrl) -> Sequence[Mapping[str, object]]:
    database = Database(url, deadline=10)
    try:
        return await database.fetch("SELECT * FROM query_history ORDER BY created, query_id")
    finally:
        await database.close()


def sqlite_of(here: Gateway) -> DatabaseUrl:
    return DatabaseUrl(dialect="sqlite", path=here.state / "warren.sqlite")


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_statement_becomes_the_row_that_a_java_gateway_writes(tmp_path: Path, is_chunked: bool) -> None:
    sql = "SELECT 'ä' -- " + "x" * 100
    headers = {"X-Trino-User": "ann", "X-Trino-Source": "dbt", "X-Trino-Routing-Group": "adhoc"}
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}) as here:
        if is_chunked:
            answer = await chunked(here, sql, headers)
        else:
            answer = (await ask("POST", f"{here.url}/v1/statement", sql, headers)).page().query_id

        async def is_there() -> bool:
            return len(await rows_of(sqlite_of(here))) == 1

        await eventually(is_there, "the row")
        row = (await rows_of(sqlite_of(here)))[0]
    assert {name: value for name, value in row.items() if name != "created"} == {
        "query_id": answer,
        "query_text": sql,
        "backend_url": blue.url,
        "user_name": "ann",
        "source": "dbt",
        "routing_group": "adhoc",
        "external_url": blue.url,
    }
    created = row["created"]
    assert isinstance(created, int)
    assert created > 1_700_000_000_000, "milliseconds"


async def chunked(here: Gateway, sql: str, headers: Mapping[str, str]) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"POST /v1/statement HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n{fields}\r\n".encode())
    for piece in pieces(sql.encode()):
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
    writer.write(b"0\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    body = await reader.readuntil(b'",')
    writer.close()
    await writer.wait_closed()
    return body.split(b'"')[3].decode()


def pieces(data: bytes) -> list[bytes]:
    return [data[at : at + 16] for at in range(0, len(data), 16)]


async def test_a_statement_of_two_mebibytes_is_cut_and_says_so(tmp_path: Path) -> None:
    sql = "SELECT 1 -- " + "y" * (2 * 1024 * 1024)
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}) as here:
        await ask("POST", f"{here.url}/v1/statement", sql, USER)

        async def is_there() -> bool:
            return len(await rows_of(sqlite_of(here))) == 1

        await eventually(is_there, "the row")
        text = (await rows_of(sqlite_of(here)))[0]["query_text"]
    assert isinstance(text, str)
    assert text.startswith(sql[: 1024 * 1024])
    assert text.endswith(f"/* {len(sql) - 1024 * 1024} more bytes are not kept */")


async def test_nothing_is_written_when_it_is_off_and_a_statement_that_nobody_took_is_no_row(tmp_path: Path) -> None:
    off: dict[str, Any] = {"dataStore": {"jdbcUrl": "jdbc:sqlite:off.sqlite", "queryHistoryEnabled": False}}
    async with Simulator() as blue, gateway(tmp_path / "off", {"blue": blue.url}, settings=off) as here:
        await ask("POST", f"{here.url}/v1/statement", "SELECT 1", USER)
        url = DatabaseUrl(dialect="sqlite", path=tmp_path / "off" / "off.sqlite")
    assert await rows_of(url) == []
    async with gateway(tmp_path / "on") as here:
        assert (await ask("POST", f"{here.url}/v1/statement", "SELECT 1", USER)).status == 503
        url = sqlite_of(here)
    assert await rows_of(url) == []


async def test_what_waits_at_the_end_is_written_at_the_end(tmp_path: Path) -> None:
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}) as here:
        for _ in range(20):
            await ask("POST", f"{here.url}/v1/statement", "SELECT 1", USER)
        url = sqlite_of(here)
    assert len(await rows_of(url)) == 20


async def test_another_instance_finds_a_query_in_the_history(tmp_path: Path, postgres_url: DatabaseUrl) -> None:
    async with three_clusters() as clusters, fleet(tmp_path, 2, clusters[:1], shared(postgres_url)) as (here, there):
        headers = {**USER, "X-Trino-Routing-Group": "group-0"}
        page = (await ask("POST", f"{here.url}/v1/statement", "SELECT 1", headers)).page()

        async def is_there() -> bool:
            return len(await rows_of(postgres_url)) == 1

        await eventually(is_there, "the row")
        assert page.next_uri is not None
        assert (await ask("GET", page.next_uri.replace(here.url, there.url))).status == 200
        assert there.instance.memory_state()["tiers"]["history"]["hits"] == 1


@pytest.mark.parametrize("seconds", [4, pytest.param(60, marks=[pytest.mark.soak, pytest.mark.timeout(300)])])
async def test_a_database_that_is_away_costs_no_query_and_no_row(
    tmp_path: Path, any_server: tuple[Server, DatabaseUrl], seconds: float
) -> None:
    """Also when an instance is restarted in between."""
    server, url = any_server
    settings = shared(url)
    submitted: list[str] = []
    async with three_clusters() as clusters:
        async with AsyncExitStack() as instances:
            gateways = await instances.enter_async_context(fleet(tmp_path, 2, clusters, settings))
            crowd = RoundRobin(gateways)
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                group.create_task(crowd.run(itertools.takewhile(lambda _: not stop.is_set(), itertools.count())))
                await until(lambda: len(crowd.submitted) > 50, "queries")
                with server.stopped():
                    before = len(crowd.submitted)
                    await asyncio.sleep(seconds)  # the time without a database is what is tested
                    assert len(crowd.submitted) > before + 20 * seconds
                    stop.set()
                    await until(lambda: crowd.is_over, "the last answers")
                    await instances.aclose()  # while the database is still away
            submitted += crowd.submitted
            assert crowd.wrong == []
            assert crowd.slowest < 3
        async with fleet(tmp_path, 2, clusters, settings) as gateways:
            crowd = RoundRobin(gateways)
            await crowd.run(iter(range(30)))
            assert crowd.wrong == []
            submitted += crowd.submitted

            async def all_are_there() -> bool:
                return {row["query_id"] for row in await rows_of(url)} >= set(submitted)

            await eventually(all_are_there, "every row", within=60)

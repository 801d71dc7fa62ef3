"""The database fails under load: queries go on, changes are refused, and everybody can see why."""

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from tests.fixtures.databases import Server
from tests.journeys.scene import Gateway, ask, eventually, gateway, run, statement_status, submit, to_its_end, until
from warren.settings.stores.jdbc import DatabaseUrl
from warren.simulator.coordinator import Simulator

NATIONS = "SELECT nationkey, name FROM tpch.tiny.nation ORDER BY nationkey"


def data_store(url: DatabaseUrl) -> dict[str, Any]:
    jdbc = f"jdbc:postgresql://{url.host}:{url.port}/{url.database}"
    return {"dataStore": {"jdbcUrl": jdbc, "user": url.user, "password": "any"}}


@asynccontextmanager
async def clients(url: str) -> AsyncIterator[list[float]]:
    """A few clients that run statements to their end, one after another: seconds that each took."""
    took: list[float] = []

    async def client() -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            assert len((await run(url, NATIONS)).rows) == 25
            took.append(loop.time() - began)

    async with asyncio.TaskGroup() as group:
        running = [group.create_task(client()) for _ in range(4)]
        yield took
        for each in running:
            each.cancel()


async def details(here: Gateway) -> Any:
    answered = await ask("GET", f"{here.url}/trino-gateway/readyz", headers={"Accept": "application/json"})
    return answered.status, answered.json()["message"], answered.json()["details"]["database"]


async def wait_until_reachable(here: Gateway, *, reachable: bool) -> Any:
    async def is_so() -> bool:
        return (await details(here))[2]["reachable"] is reachable

    await eventually(is_so, "the database's state")
    return await details(here)


async def test_a_stopped_database_stops_no_query(tmp_path: Path, postgres: Server, postgres_url: DatabaseUrl) -> None:
    settings = data_store(postgres_url)
    async with (
        Simulator() as blue,
        gateway(tmp_path, {"blue": blue.url}, settings=settings) as here,
        clients(here.url) as took,
    ):
        await until(lambda: len(took) >= 4, "statements before")
        page = await submit(here.url, NATIONS)
        with postgres.stopped():
            status, message, database = await wait_until_reachable(here, reachable=False)
            assert status == 200
            assert "the database is not reachable" in message
            assert "any" not in database["error"].split()
            took.clear()
            await until(lambda: len(took) >= 20, "statements meanwhile")
            assert max(took) < 10
            assert len((await to_its_end(page)).rows) == 25

            began = asyncio.get_running_loop().time()
            refused = await here.api("POST", "/gateway/backend/deactivate/blue")
            assert refused.status == 503
            assert asyncio.get_running_loop().time() - began < 10
            assert await statement_status(here.url) == 200

        await wait_until_reachable(here, reachable=True)
        assert (await here.api("POST", "/gateway/backend/activate/blue")).status == 200


async def test_an_instance_that_starts_while_the_database_is_stopped_knows_its_clusters(
    tmp_path: Path, postgres: Server, postgres_url: DatabaseUrl
) -> None:
    settings = data_store(postgres_url)
    async with Simulator() as blue:
        async with gateway(tmp_path, {"blue": blue.url}, settings=settings) as before:
            await until((before.state / "roster.json").exists, "the snapshot")
            page = await submit(before.url, NATIONS)
            assert page.next_uri is not None
            saved = before.state / "roster.json"
            await until(lambda: b'"blue"' in saved.read_bytes(), "the cluster in the snapshot")
        assert stat.S_IMODE(mode_of(saved)) == 0o600
        with postgres.stopped():
            async with gateway(tmp_path, settings=settings) as here:
                status, message, database = await details(here)
                assert status == 200
                assert "the database is not reachable" in message
                assert database["migration_pending"] is True
                await here.wait_for_status("blue", "HEALTHY")
                assert len((await run(here.url, NATIONS)).rows) == 25
                assert (await ask("GET", page.next_uri.replace(before.url, here.url))).status == 200
                assert (await here.api("POST", "/gateway/backend/deactivate/blue")).status == 503


async def can_be_changed(here: Gateway) -> bool:
    return (await here.api("POST", "/gateway/backend/modify/delete", "nobody")).status == 200


def mode_of(path: Path) -> int:
    return path.stat().st_mode


async def test_an_instance_that_knows_nothing_is_not_ready_until_the_database_comes(
    tmp_path: Path, postgres: Server, postgres_url: DatabaseUrl
) -> None:
    """Its clients get 503 and a reason; once the database is there, nobody has to restart anything."""
    settings = data_store(postgres_url)
    async with Simulator() as blue:
        with ExitStack() as outage:
            outage.enter_context(postgres.stopped())
            async with gateway(tmp_path, settings=settings, ready=503) as here:
                status, message, _ = await details(here)
                assert status == 503
                assert "the cluster list is not known yet" in message
                assert await statement_status(here.url) == 503
                assert (await here.api("GET", "/trino-gateway/livez")).status == 200
                outage.close()
                await eventually(lambda: can_be_changed(here), "the database and its tables")
                assert (await details(here))[0] == 200
                await here.add("blue", blue.url)
                assert len((await run(here.url, NATIONS)).rows) == 25

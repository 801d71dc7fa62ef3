"""Changes to the list of clusters: by the API of this instance, of another one, and past all instances in SQL."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

from tests.journeys.scene import (
    ABOUT_A_SECOND,
    USER,
    Gateway,
    ask,
    eventually,
    gateway,
    statement_status,
    submit,
    to_its_end,
    until,
)
from warren.simulator.coordinator import Simulator
from warren.simulator.http.behaviour import Behaviour

SELDOM = {"monitor": {"taskDelay": "1h"}}
"""No probe comes round by itself while a test runs."""


def now() -> float:
    return asyncio.get_running_loop().time()


async def says(here: Gateway, status: int) -> None:
    """Returns once a statement is answered so; it may take about a second."""

    async def does() -> bool:
        return await statement_status(here.url) == status

    await eventually(does, f"a statement to be answered with {status}", within=ABOUT_A_SECOND)


async def statuses_during(here: Gateway, change: Any) -> list[int]:
    """The statuses of statements that are sent one after another, from before a change until a little after it."""
    found: list[int] = []

    async def keep_asking() -> None:
        while True:
            found.append(await statement_status(here.url))

    async with asyncio.TaskGroup() as group:
        asking = group.create_task(keep_asking())
        await until(lambda: len(found) > 5, "statements before the change")
        await change
        seen = len(found)
        await until(lambda: len(found) > seen + 20, "statements after the change")
        asking.cancel()
    return found


async def test_an_added_cluster_is_used_at_once(tmp_path: Path) -> None:
    async with Simulator() as blue, gateway(tmp_path, settings=SELDOM) as here:
        assert await statement_status(here.url) == 503
        began = now()
        await here.add("blue", blue.url)
        assert (await submit(here.url, "SELECT 1")).query_id.endswith(blue.coordinator_id)
        assert now() - began < 1.0 + ABOUT_A_SECOND / 2


async def test_a_deactivated_cluster_gets_no_new_statement_and_an_activated_one_does(tmp_path: Path) -> None:
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}, settings=SELDOM) as here:
        assert (await here.api("POST", "/gateway/backend/deactivate/blue")).status == 200
        refused = await ask("POST", f"{here.url}/v1/statement", "SELECT 1", USER)
        assert refused.status == 503
        assert "blue: inactive" in refused.text
        assert (await here.api("POST", "/gateway/backend/activate/blue")).status == 200
        assert (await submit(here.url, "SELECT 1")).query_id.endswith(blue.coordinator_id)


async def test_a_deleted_cluster_is_gone_at_once(tmp_path: Path) -> None:
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}, settings=SELDOM) as here:
        assert (await here.api("POST", "/gateway/backend/modify/delete", "blue")).status == 200
        assert await statement_status(here.url) == 503
        assert (await here.api("GET", "/gateway/backend/all")).json() == []


async def test_an_update_of_the_only_cluster_is_no_outage(tmp_path: Path) -> None:
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}, settings=SELDOM) as here:
        row = f'{{"name":"blue","proxyTo":"{blue.url}","externalUrl":"https://blue.example","routingGroup":"adhoc"}}'
        found = await statuses_during(here, here.api("POST", "/gateway/backend/modify/update", row))
        assert set(found) == {200}
        assert (await here.api("GET", "/api/public/backends/blue")).json()["externalUrl"] == "https://blue.example"


async def test_a_move_of_the_only_cluster_to_another_url_is_no_outage(tmp_path: Path) -> None:
    async with Simulator() as old, Simulator() as new, gateway(tmp_path, {"blue": old.url}, settings=SELDOM) as here:
        found = await statuses_during(here, here.change("update", "blue", new.url))
        assert set(found) == {200}
        assert (await submit(here.url, "SELECT 1")).query_id.endswith(new.coordinator_id)


async def test_a_change_in_sql_is_seen_within_about_a_second(tmp_path: Path) -> None:
    database = tmp_path / "shared.sqlite"
    settings = {**SELDOM, "dataStore": {"jdbcUrl": f"jdbc:sqlite:{database}"}}
    async with (
        Simulator() as blue,
        Simulator() as green,
        gateway(tmp_path / "here", {"blue": blue.url}, settings=settings) as here,
    ):
        await in_sql(database, "UPDATE gateway_backend SET backend_url = ?, external_url = ?", green.url, green.url)

        async def runs_on_green() -> bool:
            return (await submit(here.url, "SELECT 1")).query_id.endswith(green.coordinator_id)

        await eventually(runs_on_green, "the change", within=ABOUT_A_SECOND)

        await in_sql(database, "DELETE FROM gateway_backend")
        await says(here, 503)


async def in_sql(database: Path, statement: str, *values: str) -> None:
    """In a thread: the gateway, in the middle of a transaction, needs this loop to end it and let go of the lock."""
    await asyncio.to_thread(write, database, statement, *values)


def write(database: Path, statement: str, *values: str) -> None:
    connection = sqlite3.connect(database, timeout=10)
    try:
        with connection:
            connection.execute(statement, values)
    finally:
        connection.close()


async def test_a_row_that_cannot_be_a_cluster_is_skipped_and_shown(tmp_path: Path) -> None:
    database = tmp_path / "shared.sqlite"
    settings = {"dataStore": {"jdbcUrl": f"jdbc:sqlite:{database}"}}
    async with Simulator() as blue, gateway(tmp_path / "here", {"blue": blue.url}, settings=settings) as here:
        await in_sql(
            database,
            "INSERT INTO gateway_backend (name, routing_group, backend_url, external_url, active) VALUES (?, ?, ?, ?, 1)",
            "evil",
            "adhoc",
            "http://user:hunter2@127.0.0.1:1/",
            "",
        )

        async def shown() -> str:
            return repr((await ready(here))["details"]["database"])

        async def is_shown() -> bool:
            return "evil" in await shown()

        await eventually(is_shown, "the bad row", within=ABOUT_A_SECOND)
        assert "hunter2" not in await shown()
        assert (await submit(here.url, "SELECT 1")).query_id.endswith(blue.coordinator_id)


async def test_a_statement_waits_a_moment_for_a_cluster_that_was_just_added(tmp_path: Path) -> None:
    """Its first probe is on the way; nobody else is in the group, and the default group is not asked instead."""
    async with Simulator() as blue, Simulator() as green, gateway(tmp_path, {"blue": blue.url}) as here:
        await green.behave(Behaviour(only="/v1/info", delay=0.4))
        await here.change("add", "green", green.url, group="etl")
        page = await submit(here.url, "SELECT 1", {"X-Trino-Routing-Group": "etl"})
        assert page.query_id.endswith(green.coordinator_id)


async def ready(here: Gateway) -> dict[str, Any]:
    found: dict[str, Any] = (
        await ask("GET", f"{here.url}/trino-gateway/readyz", headers={"Accept": "application/json"})
    ).json()
    return found


async def test_a_change_by_one_instance_holds_on_the_other(tmp_path: Path) -> None:
    settings = {**SELDOM, "dataStore": {"jdbcUrl": f"jdbc:sqlite:{tmp_path / 'shared.sqlite'}"}}
    async with (
        Simulator() as blue,
        gateway(tmp_path / "a", settings=settings) as first,
        gateway(tmp_path / "b", settings=settings) as second,
    ):
        await first.add("blue", blue.url)
        await says(second, 200)

        await second.api("POST", "/gateway/backend/deactivate/blue")
        await says(first, 503)


async def test_a_query_goes_on_while_its_cluster_gets_another_name_and_group(tmp_path: Path) -> None:
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}) as here:
        page = await submit(here.url, "SELECT 1")
        await here.add("azure", blue.url, group="etl")
        await here.api("POST", "/gateway/backend/modify/delete", "blue")
        assert (await to_its_end(page)).rows == ((1,),)

"""A change made at one gateway holds at the others at once, not at their next reading."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.valkey import ValkeyProcess
from tests.journeys.fleet import cache
from tests.journeys.scene import ABOUT_A_SECOND, Gateway, eventually, gateway
from warren.clusters import registry
from warren.settings.stores.jdbc import DatabaseUrl

SOMEWHERE = "http://127.0.0.1:9"


def shared(url: DatabaseUrl) -> dict[str, Any]:
    password = {"password": url.password.get_secret_value()} if url.password is not None else {}
    jdbc = f"jdbc:{'mariadb' if url.dialect == 'mysql' else url.dialect}://{url.host}:{url.port}/{url.database}"
    return {"dataStore": {"jdbcUrl": jdbc, "user": url.user, **password}}


async def change_and_see(here: Gateway, there: Gateway) -> None:
    await here.change("add", "blue", SOMEWHERE)
    await eventually(lambda: has(there, "blue", active=True), "it to be added there, too", within=ABOUT_A_SECOND)
    await here.api("POST", "/gateway/backend/deactivate/blue")
    await eventually(lambda: has(there, "blue", active=False), "it to be inactive there, too", within=ABOUT_A_SECOND)
    await here.api("POST", "/gateway/backend/modify/delete", "blue")
    await eventually(lambda: is_gone(there), "it to be gone there, too", within=ABOUT_A_SECOND)


async def has(here: Gateway, name: str, *, active: bool) -> bool:
    found = (await here.api("GET", "/api/public/backends")).json()
    return [(each["name"], each["active"]) for each in found] == [(name, active)]


async def is_gone(here: Gateway) -> bool:
    return (await here.api("GET", "/api/public/backends")).body == b"[]"


@asynccontextmanager
async def two(directory: Path, settings: dict[str, Any]) -> AsyncIterator[tuple[Gateway, Gateway]]:
    async with (
        gateway(directory / "here", settings=settings) as here,
        gateway(directory / "there", settings=settings) as there,
    ):
        yield here, there


@pytest.fixture
def without_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reads the list unless told to: what holds then was told."""
    monkeypatch.setattr(registry, "READ_SECONDS", 3600.0)


@pytest.mark.usefixtures("without_reading")
async def test_postgresql_tells_the_other_instances(tmp_path: Path, postgres_url: DatabaseUrl) -> None:
    async with two(tmp_path, shared(postgres_url)) as (here, there):
        await change_and_see(here, there)


@pytest.mark.usefixtures("without_reading")
async def test_valkey_tells_the_other_instances(
    tmp_path: Path, mariadb_url: DatabaseUrl, valkey_server: ValkeyProcess
) -> None:
    settings = {**shared(mariadb_url), **cache(valkey_server.port)}
    async with two(tmp_path, settings) as (here, there):
        await change_and_see(here, there)


async def test_a_change_that_nobody_told_is_found_by_reading(tmp_path: Path, mariadb_url: DatabaseUrl) -> None:
    async with two(tmp_path, shared(mariadb_url)) as (here, there):
        await change_and_see(here, there)


@pytest.mark.usefixtures("without_reading")
async def test_who_could_not_listen_for_a_while_reads_when_it_can_again(
    tmp_path: Path, mariadb_url: DatabaseUrl, valkey_server: ValkeyProcess
) -> None:
    settings = {**shared(mariadb_url), **cache(valkey_server.port)}
    async with two(tmp_path, settings) as (here, there):
        await asyncio.to_thread(valkey_server.kill)
        await here.change("add", "blue", SOMEWHERE)
        await asyncio.to_thread(valkey_server.start)
        await eventually(lambda: has(there, "blue", active=True), "it to be added there, too")
        await change_and_see_again(here, there)


async def change_and_see_again(here: Gateway, there: Gateway) -> None:
    await here.api("POST", "/gateway/backend/deactivate/blue")
    await eventually(lambda: has(there, "blue", active=False), "announcements to arrive again")

"""Announcements through a real PostgreSQL."""

import asyncio

import pytest

from tests.fixtures.databases import Server
from warren.drivers import sql_notify
from warren.drivers.sql_notify import NotifyChannel, can_notify
from warren.errors import StoreUnavailable
from warren.settings.stores.jdbc import DatabaseUrl

pytestmark = pytest.mark.slow


async def test_what_is_told_is_heard(postgres_url: DatabaseUrl) -> None:
    channel = NotifyChannel("warren_clusters", postgres_url)
    heard: asyncio.Queue[str] = asyncio.Queue()
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group, asyncio.timeout(20):
        listening = group.create_task(channel.listen(heard.put_nowait, listening=ready.set))
        await ready.wait()
        await channel.publish("one")
        assert await heard.get() == "one"
        listening.cancel()


@pytest.mark.parametrize("how", ["ended", "frozen"])
async def test_a_listener_that_is_cut_off_is_told(
    postgres: Server, postgres_url: DatabaseUrl, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_notify, "QUIET_SECONDS", 0.1)
    monkeypatch.setattr(sql_notify, "PATIENCE_SECONDS", 1.0)
    channel = NotifyChannel("warren_clusters", postgres_url)
    ready = asyncio.Event()

    async def listen() -> None:
        with pytest.raises(StoreUnavailable, match="postgresql://"):
            await channel.listen(lambda _: None, listening=ready.set)

    async with asyncio.TaskGroup() as group, asyncio.timeout(20):
        listening = group.create_task(listen())
        await ready.wait()
        if how == "ended":
            await postgres.run(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{postgres_url.database}'"
            )
            await listening
        else:
            with postgres.stopped():
                await listening
                with pytest.raises(StoreUnavailable):
                    await channel.publish("x")


@pytest.mark.parametrize(
    ("dialect", "options", "can"),
    [
        ("postgresql", {}, True),
        ("postgresql", {"prepareThreshold": "0"}, False),  # PgBouncer hands a session to whoever comes next
        ("mysql", {}, False),
    ],
)
def test_only_postgresql_itself_can_notify(dialect: str, options: dict[str, str], can: bool) -> None:
    made = DatabaseUrl(dialect=dialect, host="h", port=1, database="d", options=options)  # type: ignore[arg-type] # a parameter
    assert can_notify(made) is can

"""Announcements over a real server, and over connections that die quietly."""

import asyncio

import pytest

from tests.fixtures.rough import rough
from tests.fixtures.valkey import ValkeyProcess
from warren.drivers.valkey import pubsub
from warren.drivers.valkey.pubsub import ValkeyChannel
from warren.errors import StoreUnavailable
from warren.settings.stores.valkey import ValkeyConfiguration


def channel(port: int, **more: object) -> ValkeyChannel:
    settings = {"host": "127.0.0.1", "port": port, **more}
    return ValkeyChannel("trino:query:clusters", ValkeyConfiguration.model_validate(settings).server)


async def test_what_is_told_is_heard_by_all_who_listen(valkey_server: ValkeyProcess) -> None:
    speaker = channel(valkey_server.port)
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with asyncio.TaskGroup() as group, asyncio.timeout(20):
        ready = [asyncio.Event() for _ in range(2)]
        listening = [
            group.create_task(channel(valkey_server.port).listen(heard.put_nowait, listening=event.set))
            for event in ready
        ]
        await asyncio.gather(*(event.wait() for event in ready))
        await speaker.publish("one")
        assert [await heard.get(), await heard.get()] == ["one", "one"]
        valkey_server.run("PUBLISH", "trino:query:clusters", b"\xff")
        assert await heard.get() == "\N{REPLACEMENT CHARACTER}"
        for task in listening:
            task.cancel()
    await speaker.close()


async def test_a_listener_whose_server_ends_is_told(valkey_server: ValkeyProcess) -> None:
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group, asyncio.timeout(20):
        listening = group.create_task(ends(channel(valkey_server.port), ready))
        await ready.wait()
        valkey_server.kill()
        await listening
    with pytest.raises(StoreUnavailable):
        await channel(valkey_server.port).publish("x")


async def test_a_listener_whose_connection_is_dead_notices(
    valkey_server: ValkeyProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pubsub, "QUIET_SECONDS", 0.05)
    ready = asyncio.Event()
    with rough(valkey_server.port) as proxy:
        async with asyncio.TaskGroup() as group, asyncio.timeout(20):
            listening = group.create_task(ends(channel(proxy.port, timeout_ms=100), ready))
            await ready.wait()
            await asyncio.to_thread(proxy.hang)
            await listening


async def ends(here: ValkeyChannel, ready: asyncio.Event) -> None:
    with pytest.raises(StoreUnavailable):
        await here.listen(lambda _: None, listening=ready.set)

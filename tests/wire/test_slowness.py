"""Readers and writers of different speed: each is slowed down to the other's pace, and memory stays small."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from tests.wire.messages import FORWARDED_GET, GET, OK, answered, forwarded_post, post
from tests.wire.stage import Stage, Talker, listening, listening_on_path, make_upstream, stage, until
from warren.errors import ClusterMisbehaved
from warren.wire.exchange import Exchange

BETWEEN = 32 * 1024 * 1024
"""Bytes that may rest between two ends: the kernel's buffers of two connections on loopback, and little of ours."""

PIECE = b"a" * 65536


async def filled(talker: Talker, gateway: Stage) -> int:
    """Send until nothing more is taken for a while; how much was taken."""
    taken = idle = 0
    while idle < 200:
        took = talker.sends_at_most(PIECE)
        taken += took
        idle = 0 if took else idle + 1
        assert taken < BETWEEN
        await asyncio.sleep(0.0005)
    return taken


async def swallowed(talker: Talker, size: int) -> None:
    while size:
        piece = await talker.some(size)
        assert piece.count(b"a") == len(piece) > 0
        size -= len(piece)


@pytest.mark.slow
@pytest.mark.parametrize("chunked", [True, False])
async def test_a_slow_reader_slows_its_cluster_down(*, chunked: bool) -> None:
    framing = b"Transfer-Encoding: chunked\r\n\r\n3b9aca00\r\n" if chunked else b"Content-Length: 1000000000\r\n\r\n"
    async with stage() as gateway:
        client = await gateway.client(receive_buffer=65536)
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        await cluster.sends(b"HTTP/1.1 200 OK\r\n" + framing)
        await client.gets(b"HTTP/1.1 200 OK\r\n" + framing)
        taken = await filled(cluster, gateway)
        (connection,) = gateway.connections
        assert connection.transport.get_write_buffer_size() < 1024 * 1024
        await swallowed(client, taken)
        taken = await filled(cluster, gateway)  # it goes on
        assert taken > 65536
        await swallowed(client, taken)


@pytest.mark.slow
async def test_a_slow_cluster_slows_its_client_down() -> None:
    async with stage(cluster=listening(receive_buffer=65536)) as gateway:
        client = await gateway.client()
        await client.sends(post(1_000_000_000))
        cluster = await gateway.cluster.accepts()
        await cluster.gets(forwarded_post(1_000_000_000))
        for _ in range(2):
            taken = await filled(client, gateway)
            (connection,) = gateway.connections
            assert connection.read_paused
            await swallowed(cluster, taken)
            assert taken > 65536


@pytest.mark.slow
async def test_a_client_waits_while_nobody_has_decided_where_its_body_goes() -> None:
    async with stage() as gateway:
        decided = asyncio.Event()

        async def decision(exchange: Exchange) -> None:
            await decided.wait()
            exchange.forward_to(gateway.upstream, 5.0)

        gateway.script.decide = lambda exchange: exchange.hold(decision(exchange))
        client = await gateway.client()
        await client.sends(post(1_000_000_000))
        taken = await filled(client, gateway)
        (connection,) = gateway.connections
        assert connection.read_paused
        decided.set()
        cluster = await gateway.cluster.accepts()
        await cluster.gets(forwarded_post(1_000_000_000))
        await swallowed(cluster, taken)
        await client.sends(PIECE)
        await swallowed(cluster, len(PIECE))


@pytest.mark.slow
async def test_a_kept_body_that_fills_its_second_cluster_at_once_still_slows_its_client_down(tmp_path: Path) -> None:
    """More was kept than a Unix socket's small buffers take."""
    size = 900_000
    async with stage() as gateway:
        side = listening_on_path(tmp_path / "cluster.sock")
        second = make_upstream(gateway.ticker, unix_path=str(tmp_path / "cluster.sock"))
        gateway.upstreams.append(second)

        async def decision(exchange: Exchange) -> None:
            assert exchange.body is not None
            exchange.body.keep(1_000_000)
            with suppress(ClusterMisbehaved):
                await exchange.ask(gateway.upstream, 5.0)
            exchange.release(await exchange.ask(second, 5.0))

        gateway.script.decide = lambda exchange: exchange.hold(decision(exchange))
        client = await gateway.client()
        await client.sends(post(1_000_000_000))
        first = await gateway.cluster.accepts()
        await first.gets(forwarded_post(1_000_000_000))
        await asyncio.gather(client.sends(b"a" * size), swallowed(first, size))
        first.leaves()
        cluster = await side.accepts()
        taken = size + await filled(client, gateway)
        await cluster.gets(forwarded_post(1_000_000_000))
        await swallowed(cluster, taken)
        side.closes()


@pytest.mark.slow
async def test_a_connection_that_was_slowed_down_serves_the_next_client_at_full_speed() -> None:
    async with stage() as gateway:
        slow, quick = await gateway.client(receive_buffer=4096), await gateway.client()
        await slow.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        size = 100_000_000
        await cluster.sends(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        left = size
        while not any(each.write_paused for each in gateway.connections):
            left -= cluster.sends_at_most(PIECE)
            await asyncio.sleep(0)
        await asyncio.gather(swallowed_after_head(slow, size), finish(cluster, left))
        await answered(quick, cluster)


async def swallowed_after_head(client: Talker, size: int) -> None:
    await client.head()
    await swallowed(client, size)


async def finish(cluster: Talker, left: int) -> None:
    while left:
        step = min(left, len(PIECE))
        await cluster.sends(PIECE[:step])
        left -= step


async def test_an_answer_whose_end_fills_the_client_frees_the_clusters_connection() -> None:
    """The write that paused the cluster was also the last: nothing will come that could resume it."""
    async with stage() as gateway:
        slow, quick = await gateway.client(receive_buffer=4096), await gateway.client()
        await slow.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        (connection,) = [each for each in gateway.connections if not each.is_idle]
        # Small marks stand for a slow network: any byte is too much, and what was sent is taken a turn later.
        connection.transport.set_write_buffer_limits(high=0)
        await cluster.sends(OK)
        await slow.gets(OK)
        await answered(quick, cluster)


async def test_nobody_who_does_not_read_gets_the_next_answer() -> None:
    """A client that sends ahead and never reads must not gather answers in memory."""
    size = 3_000_000
    async with stage() as gateway:
        client = await gateway.client(receive_buffer=4096)
        gateway.script.decide = lambda exchange: exchange.answer(200, b"text/plain", b"a" * size)
        await client.sends(GET * 20)
        await until(lambda: any(each.write_paused for each in gateway.connections))
        for _ in range(50):
            await asyncio.sleep(0)
        (connection,) = gateway.connections
        assert connection.transport.get_write_buffer_size() < 2 * size
        assert len(gateway.script.ended) < 20
        for _ in range(20):
            await swallowed_after_head(client, size)
        assert len(gateway.script.ended) == 20

"""Clients that leave, at every point of an exchange: the cluster's side is closed at once, and nothing stays behind."""

import asyncio
from collections.abc import Callable

import pytest

from tests.wire.messages import FORWARDED_GET, GET, OK, forwarded_post, post
from tests.wire.stage import PATIENCE, Talker, listening, stage, until
from warren.wire.exchange import Exchange
from warren.wire.inbound import ClientConnection
from warren.wire.upstream import UpstreamLimits

WAYS_TO_LEAVE = pytest.mark.parametrize(
    "way", [Talker.leaves, Talker.resets, Talker.shuts_its_side], ids=["closes", "resets", "shuts its side"]
)


@WAYS_TO_LEAVE
async def test_while_the_cluster_thinks(way: Callable[[Talker], None]) -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        way(client)
        await cluster.is_gone()
        await until(lambda: not gateway.connections)
        assert [exchange.status for exchange in gateway.script.ended] == [0]


@WAYS_TO_LEAVE
@pytest.mark.parametrize(
    "answer", [OK, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"]
)
async def test_at_any_byte_of_the_answer(way: Callable[[Talker], None], answer: bytes) -> None:
    for size in range(1, len(answer), 7):
        async with stage() as gateway:
            client = await gateway.client()
            await client.sends(GET)
            cluster = await gateway.cluster.accepts()
            await cluster.gets(FORWARDED_GET)
            await cluster.sends(answer[:size])
            if b"\r\n\r\n" in answer[:size]:
                await client.gets(answer[:size])
            way(client)
            await cluster.is_gone()
            await until(lambda: not gateway.connections)


@WAYS_TO_LEAVE
async def test_at_any_byte_of_the_request(way: Callable[[Talker], None]) -> None:
    request = post(20, b"a" * 19)
    for size in range(1, len(request) + 1, 5):
        async with stage() as gateway:
            client = await gateway.client()
            await client.sends(request[:size])
            if b"\r\n\r\n" in request[:size]:
                cluster = await gateway.cluster.accepts()
                await cluster.gets(forwarded_post(20, request[:size].partition(b"\r\n\r\n")[2]))
                way(client)
                await cluster.is_gone()
            else:
                await until(lambda: bool(gateway.connections))
                way(client)
                assert gateway.cluster.has_no_caller()
            await until(lambda: not gateway.connections)


@WAYS_TO_LEAVE
async def test_while_a_connection_is_made(way: Callable[[Talker], None]) -> None:
    async with stage(cluster=listening(backlog=0)) as gateway:
        clients = [await gateway.client() for _ in range(8)]  # more than the backlog has room for
        for client in clients:
            await client.sends(GET)
        await until(lambda: sum(not each.is_idle for each in gateway.connections) == 8)
        for client in clients:
            way(client)
        await until(lambda: not gateway.connections)
        await until(lambda: not gateway.upstream.open)


@WAYS_TO_LEAVE
async def test_while_it_waits_for_its_turn(way: Callable[[Talker], None]) -> None:
    async with stage(upstream_limits=UpstreamLimits(max_connections=1)) as gateway:
        first, second = await gateway.client(), await gateway.client()
        await first.sends(GET)
        cluster = await gateway.cluster.accepts()
        await second.sends(GET)
        await until(lambda: gateway.upstream.waiting == 1)
        way(second)
        await until(lambda: gateway.upstream.waiting == 0)
        await cluster.sends(OK)
        await first.gets(OK)


@WAYS_TO_LEAVE
async def test_before_its_decision_has_begun(way: Callable[[Talker], None]) -> None:
    async with stage() as gateway:
        began = False

        async def decision() -> None:
            nonlocal began
            began = True

        def hold_and_leave(exchange: Exchange) -> None:
            exchange.hold(decision())
            exchange.client.transport.abort()
            next(iter(gateway.connections)).connection_lost(None)

        gateway.script.decide = hold_and_leave
        client = await gateway.client()
        await client.sends(GET)
        await client.is_gone()
        way(client)
        assert not began


@WAYS_TO_LEAVE
async def test_while_a_decision_is_awaited(way: Callable[[Talker], None]) -> None:
    async with stage() as gateway:
        seen: list[str] = []

        async def decision() -> None:
            seen.append("began")
            try:
                await asyncio.Event().wait()
            finally:
                seen.append("ended")

        gateway.script.decide = lambda exchange: exchange.hold(decision())
        client = await gateway.client()
        await client.sends(GET)
        await until(lambda: seen == ["began"])
        way(client)
        await until(lambda: seen == ["began", "ended"])


@WAYS_TO_LEAVE
@pytest.mark.parametrize("head_arrived", [True, False])
async def test_while_answers_are_held(way: Callable[[Talker], None], *, head_arrived: bool) -> None:
    """The decision discards nothing: the exchange does."""
    async with stage() as gateway:
        green = listening()
        other = gateway.another(green)

        async def decision(exchange: Exchange) -> None:
            await asyncio.gather(
                exchange.inquire(gateway.upstream, 5.0, fresh=True), exchange.inquire(other, 5.0, fresh=True)
            )
            await exchange.ask(other, 5.0)
            await asyncio.Event().wait()

        gateway.script.decide = lambda exchange: exchange.hold(decision(exchange))
        client = await gateway.client()
        await client.sends(GET)
        clusters = [await gateway.cluster.accepts(), await green.accepts()]
        if head_arrived:
            for cluster in clusters:
                await cluster.sends(OK[:-1])
            clusters.append(await green.accepts())
            await clusters[-1].sends(OK[:-1])
        way(client)
        for cluster in clusters:
            await cluster.is_gone()
        green.closes()


@WAYS_TO_LEAVE
async def test_while_a_large_answer_waits_for_it(way: Callable[[Talker], None]) -> None:
    async with stage() as gateway:
        client = await gateway.client(receive_buffer=4096)
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        await cluster.sends(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        (connection,) = gateway.connections
        while not connection.write_paused:
            cluster.sends_at_most(b"a" * 65536)
            await asyncio.sleep(0)
        way(client)
        await cluster.is_gone()
        await until(lambda: not gateway.connections)


async def test_with_requests_sent_ahead() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET * 3)
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        client.leaves()
        await cluster.is_gone()
        await until(lambda: not gateway.connections)
        assert gateway.cluster.has_no_caller()
        assert len(gateway.script.ended) == 1


async def sends_until_paused(client: Talker, piece: bytes, connection: ClientConnection) -> None:
    async with asyncio.timeout(PATIENCE):
        while not connection.read_paused:
            client.sends_at_most(piece)
            await asyncio.sleep(0)


@pytest.mark.parametrize("answer_first", [True, False])
async def test_what_was_sent_ahead_is_not_begun_for_a_client_that_is_gone(*, answer_first: bool) -> None:
    started: list[Exchange] = []
    async with stage(started.append) as gateway:
        client = await gateway.client()
        await client.sends(GET * 2)
        await until(lambda: len(started) == 1)
        (connection,) = gateway.connections
        # Both within one turn of the loop, before the next request has its turn.
        if answer_first:
            started[0].answer(200, b"text/plain", b"ok")
        connection.transport.abort()
        connection.connection_lost(None)
        if not answer_first:
            started[0].answer(200, b"text/plain", b"ok")
        await client.is_gone()
        await until(lambda: not gateway.connections)
        assert len(started) == 1


@WAYS_TO_LEAVE
async def test_while_its_upload_waits_for_a_slow_cluster(way: Callable[[Talker], None]) -> None:
    async with stage(cluster=listening(receive_buffer=65536)) as gateway:
        client = await gateway.client()
        await client.sends(post(1_000_000_000))
        cluster = await gateway.cluster.accepts()
        await cluster.gets(forwarded_post(1_000_000_000))
        (connection,) = gateway.connections
        await sends_until_paused(client, b"a" * 65536, connection)
        client.sends_at_most(b"unread")
        gateway.time_passes(0.1)
        assert gateway.connections  # it waits, and that is all
        way(client)
        gateway.time_passes(0.1)
        await gateway.is_empty()
        await until(lambda: not gateway.upstream.open)
        assert not gateway.serving.paused


@WAYS_TO_LEAVE
async def test_with_more_sent_ahead_than_is_read(way: Callable[[Talker], None]) -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        (connection,) = gateway.connections
        await sends_until_paused(client, GET * 100, connection)
        client.sends_at_most(GET)
        way(client)
        gateway.time_passes(0.1)
        await cluster.is_gone()
        await gateway.is_empty()

"""Clusters that fail: what the client is told, what is sent again, and that a broken answer looks broken."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import ExitStack, closing

import pytest

from tests.wire.messages import FORWARDED_GET, GET, LAST_OK, OK, answered, forwarded_post, post
from tests.wire.stage import Stage, Talker, listening, make_upstream, stage, until
from warren.errors import ClusterFellSilent, ClusterUnreachable, GatewayError
from warren.wire.upstream import UpstreamLimits


async def warmed_up(gateway: Stage) -> tuple[Talker, Talker]:
    """A client, and a cluster whose connection is idle in the pool."""
    client = await gateway.client()
    await client.sends(GET)
    cluster = await gateway.cluster.accepts()
    await cluster.gets(FORWARDED_GET)
    await cluster.sends(OK)
    await client.gets(OK)
    return client, cluster


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"DELETE"])
async def test_a_reused_connection_that_closes_before_its_answer_is_replaced_once(method: bytes) -> None:
    async with stage() as gateway:
        client, cluster = await warmed_up(gateway)
        await client.sends(GET.replace(b"GET", method))
        await cluster.gets(FORWARDED_GET.replace(b"GET", method))
        cluster.leaves()
        fresh = await gateway.cluster.accepts()
        await fresh.gets(FORWARDED_GET.replace(b"GET", method))
        await fresh.sends(OK[:-2] if method == b"HEAD" else OK)
        await client.gets(OK[:-2] if method == b"HEAD" else OK)
        await answered(client, fresh)


async def test_a_fresh_connection_that_closes_too_is_not_replaced_again() -> None:
    async with stage() as gateway:
        client, cluster = await warmed_up(gateway)
        await client.sends(GET)
        await cluster.gets(FORWARDED_GET)
        cluster.leaves()
        fresh = await gateway.cluster.accepts()
        await fresh.head()
        fresh.leaves()
        head, body = await client.message()
        assert head.startswith(b"HTTP/1.1 503 ")
        assert body == b"blue closed the connection without an answer"
        assert gateway.cluster.has_no_caller()


async def test_a_reused_connection_that_closes_within_its_answers_head_is_not_replaced() -> None:
    async with stage() as gateway:
        client, cluster = await warmed_up(gateway)
        await client.sends(GET)
        await cluster.gets(FORWARDED_GET)
        await cluster.sends(b"HTTP/1.1 2")
        cluster.leaves()
        head, body = await client.message()
        assert head.startswith(b"HTTP/1.1 503 ")
        assert body == b"blue closed the connection in the middle of its answer"


@pytest.mark.parametrize("method", [b"POST", b"PUT"])
async def test_a_post_never_takes_a_reused_connection_and_is_never_sent_twice(method: bytes) -> None:
    async with stage() as gateway:
        client, _ = await warmed_up(gateway)
        await client.sends(post(2, b"ab").replace(b"POST", method))
        fresh = await gateway.cluster.accepts()
        await fresh.gets(forwarded_post(2, b"ab").replace(b"POST", method))
        fresh.leaves()
        head, _ = await client.message()
        assert head.startswith(b"HTTP/1.1 503 ")
        assert gateway.cluster.has_no_caller()


async def test_a_delete_with_a_body_that_is_gone_is_not_sent_twice() -> None:
    async with stage() as gateway:
        client, cluster = await warmed_up(gateway)
        await client.sends(post(2, b"ab").replace(b"POST", b"DELETE"))
        await cluster.gets(forwarded_post(2, b"ab").replace(b"POST", b"DELETE"))
        cluster.leaves()
        head, _ = await client.message()
        assert head.startswith(b"HTTP/1.1 503 ")
        assert gateway.cluster.has_no_caller()


async def test_a_refused_connection_is_a_503_and_is_reported() -> None:
    async with stage() as gateway:
        gateway.cluster.closes()
        client = await gateway.client()
        await client.sends(GET)
        head, body = await client.message()
        assert head.startswith(b"HTTP/1.1 503 ")
        assert body == b"blue could not be reached: Connection refused"
        assert [type(trouble) for trouble in gateway.troubles] == [ClusterUnreachable]


async def test_a_name_that_nobody_knows_is_a_503() -> None:
    async with stage() as gateway:
        nowhere = make_upstream(gateway.ticker, "nowhere", host="no-such-host.invalid")
        gateway.script.decide = lambda exchange: exchange.forward_to(nowhere, 1.0)
        client = await gateway.client()
        await client.sends(GET)
        head, body = await client.message()
        assert head.startswith(b"HTTP/1.1 503 ")
        assert body.startswith(b"nowhere: the name no-such-host.invalid cannot be resolved: ")


async def test_trouble_with_names_is_not_the_clusters() -> None:
    troubles: list[GatewayError] = []
    async with stage() as gateway:
        nowhere = make_upstream(gateway.ticker, "nowhere", host="no-such-host.invalid", on_trouble=troubles.append)
        with pytest.raises(ClusterUnreachable):
            await nowhere.connect()
        assert troubles == []


async def test_an_address_that_swallows_everything_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    resolve = asyncio.get_running_loop().getaddrinfo

    async def two_addresses(host: str, port: int, **more: int) -> Sequence[tuple[object, ...]]:
        if host != "blue.test":
            return await resolve(host, port, **more)
        asked.append(host)
        return [(0, 0, 0, "", (address, port)) for address in ("127.0.0.2", "127.0.0.1")]

    good = listening()
    with closing(listening("127.0.0.2", port=good.port, backlog=0)) as full, ExitStack() as callers:
        for _ in range(4):  # more than the backlog has room for; the kernel ignores the rest
            caller = callers.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(("127.0.0.2", full.port))
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", two_addresses)
        async with stage(cluster=good) as gateway:
            blue = make_upstream(
                gateway.ticker, host="blue.test", port=good.port, limits=UpstreamLimits(connect_timeout=0.4)
            )
            gateway.upstreams.append(blue)
            gateway.script.decide = lambda exchange: exchange.forward_to(blue, 1.0)
            client = await gateway.client()
            await client.sends(GET)
            cluster = await good.accepts()
            await cluster.gets(FORWARDED_GET)
            await cluster.sends(OK)
            await client.gets(OK)
            assert asked == ["blue.test"]
            # From now on the address that served comes first.
            async with asyncio.timeout(0.15):
                (await blue.connect()).transport.abort()


async def test_silence_is_a_504_and_is_reported_and_its_connection_closed() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.head()
        gateway.time_passes(9.0)
        assert client.has_nothing()
        gateway.time_passes(2.0)
        head, body = await client.message()
        assert head.startswith(b"HTTP/1.1 504 ")
        assert body == b"blue did not answer within 10 s"
        await cluster.is_gone()
        assert [type(trouble) for trouble in gateway.troubles] == [ClusterFellSilent]


@pytest.mark.parametrize(
    "beginning",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
    ],
)
@pytest.mark.parametrize("rudely", [True, False])
async def test_an_answer_that_is_cut_is_cut_for_the_client_too(beginning: bytes, *, rudely: bool) -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.head()
        await cluster.sends(beginning)
        await client.gets(beginning)
        cluster.resets() if rudely else cluster.leaves()
        assert await client.is_cut() == b""


@pytest.mark.parametrize(
    "head", [b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n"]
)
async def test_a_cut_answer_without_a_visible_length_is_a_reset_connection(head: bytes) -> None:
    """The client could not tell it from a whole one by its bytes."""
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET.replace(b"HTTP/1.1", b"HTTP/1.0"))
        cluster = await gateway.cluster.accepts()
        await cluster.head()
        await cluster.sends(head + b"abc")
        await client.gets(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc")
        cluster.resets()
        assert await client.is_cut() == b""


async def test_a_chunk_that_breaks_later_cuts_the_answer() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.head()
        beginning = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
        await cluster.sends(beginning)
        await client.gets(beginning)
        await cluster.sends(b"xyz\r\n")
        assert await client.is_cut() == b""
        await cluster.is_gone()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n",
    ],
)
async def test_bytes_after_an_answer_never_reach_a_client(answer: bytes) -> None:
    end = b"\r\n" if b"chunked" in answer else b"ay"
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.head()
        await cluster.sends(answer)
        await client.gets(answer)
        await cluster.sends(end + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        assert await client.is_cut() == b""
        await cluster.is_gone()


async def test_what_an_idle_cluster_says_unasked_closes_its_connection() -> None:
    async with stage() as gateway:
        client, cluster = await warmed_up(gateway)
        await cluster.sends(OK)
        await cluster.is_gone()
        await client.sends(GET)
        fresh = await gateway.cluster.accepts()
        await fresh.gets(FORWARDED_GET)
        await fresh.sends(OK.replace(b"ok", b"me"))
        await client.gets(OK.replace(b"ok", b"me"))


async def test_a_cluster_that_stops_within_its_answer_is_cut_after_the_idle_time() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.head()
        await cluster.sends(OK[:-1])
        await client.gets(OK[:-1])
        gateway.time_passes(59.0)
        await cluster.sends(b"")
        gateway.time_passes(2.0)
        assert await client.is_cut() == b""
        await cluster.is_gone()


async def test_an_early_answer_arrives_although_the_client_still_sends() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(post(1_000_000, b"a" * 1000))
        cluster = await gateway.cluster.accepts()
        await cluster.gets(forwarded_post(1_000_000, b"a" * 1000))
        await cluster.sends(OK)
        await cluster.is_gone()  # its next request would be taken for the rest of this body
        for _ in range(20):
            await client.sends(b"a" * 10_000)
        await client.gets(LAST_OK)
        await client.is_closed()


async def test_an_early_answer_that_waits_for_its_body_ends_in_order() -> None:
    """The cluster's answer begins, then it reads the rest of the body and ends its answer: the last, as its head said."""
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(post(4, b"ab"))
        cluster = await gateway.cluster.accepts()
        await cluster.gets(forwarded_post(4, b"ab"))
        await cluster.sends(OK[:-1])
        await client.gets(LAST_OK[:-1])
        await client.sends(b"cd")
        await cluster.gets(b"cd")
        await cluster.sends(OK[-1:])
        await client.gets(OK[-1:])
        await client.is_closed()
        await answered(await gateway.client(), cluster)


async def test_a_client_that_goes_on_sending_after_its_answer_is_cut_in_the_end() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(b"get / HTTP/1.1\r\n\r\n")
        assert (await client.head()).startswith(b"HTTP/1.1 400 ")
        (connection,) = gateway.connections
        began = gateway.ticker.now
        while gateway.ticker.now < began + 28.0:
            gateway.time_passes(1.9)
            before = connection.deadline
            await client.sends(b"a")
            await until(lambda: connection.deadline > before)  # noqa: B023
        assert connection.deadline <= began + 30.0
        gateway.time_passes(2.1)
        await client.is_gone()


async def test_connections_to_one_cluster_can_be_limited_and_the_next_waits() -> None:
    limits = UpstreamLimits(max_connections=1, max_waiting=1)
    async with stage(upstream_limits=limits) as gateway:
        first, second, third = [await gateway.client() for _ in range(3)]
        await first.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        await second.sends(GET)
        await until(lambda: gateway.upstream.waiting == 1)
        await third.sends(GET)
        head, body = await third.message()
        assert head.startswith(b"HTTP/1.1 503 ")
        assert b"1 requests wait" in body
        await cluster.sends(OK)
        await first.gets(OK)
        await cluster.gets(FORWARDED_GET)
        await cluster.sends(OK)
        await second.gets(OK)
        # A POST wants a fresh one: the idle one makes room.
        await first.sends(post(2, b"ab"))
        await cluster.is_gone()
        fresh = await gateway.cluster.accepts()
        await fresh.gets(forwarded_post(2, b"ab"))
        await fresh.sends(OK)
        await first.gets(OK)
        assert gateway.troubles == []


async def test_whoever_leaves_the_queue_makes_room_for_the_next() -> None:
    limits = UpstreamLimits(max_connections=1, max_waiting=1)
    async with stage(upstream_limits=limits) as gateway:
        first, second, third = [await gateway.client() for _ in range(3)]
        await first.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        await second.sends(GET)
        await until(lambda: gateway.upstream.waiting == 1)
        second.leaves()
        await until(lambda: gateway.upstream.waiting == 0)
        await third.sends(GET)
        await until(lambda: gateway.upstream.waiting == 1)
        await cluster.sends(OK)
        await cluster.gets(FORWARDED_GET)
        await cluster.sends(OK)
        await third.gets(OK)


async def test_whoever_leaves_the_queue_while_a_connection_becomes_free_leaves_it_to_the_others() -> None:
    async with stage(upstream_limits=UpstreamLimits(max_connections=1)) as gateway, asyncio.TaskGroup() as group:
        only = await gateway.upstream.connect()
        await gateway.cluster.accepts()
        waiting = group.create_task(gateway.upstream.connect(fresh=False))
        await until(lambda: gateway.upstream.waiting == 1)
        waiting.cancel()  # as when its client leaves
        gateway.upstream.give_back(only)  # within the same turn of the loop
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        assert gateway.upstream.waiting == 0
        assert await gateway.upstream.connect(fresh=False) is only
        gateway.upstream.give_back(only)


async def test_waiting_for_a_connection_has_an_end() -> None:
    limits = UpstreamLimits(max_connections=1, connect_timeout=0.05)
    async with stage(upstream_limits=limits) as gateway:
        first, second = await gateway.client(), await gateway.client()
        await first.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        await second.sends(GET)
        head, body = await second.message()
        assert head.startswith(b"HTTP/1.1 503 ")
        assert body == b"blue: no connection of 1 became free in time"
        assert gateway.upstream.waiting == 0
        assert gateway.troubles == []


async def test_a_cluster_that_does_not_take_the_connection_is_a_503() -> None:
    full = listening(backlog=0)
    async with stage(cluster=full, upstream_limits=UpstreamLimits(connect_timeout=0.05)) as gateway:
        clients = [await gateway.client() for _ in range(8)]
        for client in clients:  # more than the backlog has room for; the kernel ignores the rest
            await client.sends(GET)
        head, body = await clients[-1].message()
        assert head.startswith(b"HTTP/1.1 503 ")
        assert body == b"blue did not take the connection within 0.05 s"


async def test_idle_connections_are_closed_the_oldest_first() -> None:
    async with stage() as gateway:
        client, cluster = await warmed_up(gateway)
        gateway.time_passes(59.0)
        await answered(client, cluster)
        gateway.time_passes(59.0)
        assert gateway.upstream.open == 1
        gateway.time_passes(2.0)
        await cluster.is_gone()
        await until(lambda: gateway.upstream.open == 0)


async def test_a_closed_upstream_still_ends_its_answers() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        gateway.upstream.close()
        await cluster.sends(OK)
        await client.gets(OK)
        await cluster.is_gone()

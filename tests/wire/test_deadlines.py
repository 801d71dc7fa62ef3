"""Time that passes: who is told what, by a clock that the tests move."""

import asyncio

import pytest
from structlog.testing import capture_logs

from tests.wire.messages import FORWARDED_GET, GET, OK, answered, forwarded_post, post
from tests.wire.stage import listening, stage, until
from warren.wire.exchange import Exchange
from warren.wire.ticker import Ticker


async def test_a_head_that_does_not_arrive_is_a_408() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET[:10])
        await until(lambda: any(each._buffer for each in gateway.connections))
        gateway.time_passes(19.0)
        await client.sends(GET[10:20])  # a byte now and then does not help
        await asyncio.sleep(0.01)
        assert client.has_nothing()
        gateway.time_passes(1.5)
        answer, _ = await client.message()
        assert answer.startswith(b"HTTP/1.1 408 ")
        await client.is_closed()


async def test_a_connection_that_says_nothing_is_closed() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await until(lambda: bool(gateway.connections))
        gateway.time_passes(20.5)
        await client.is_closed()


async def test_an_idle_connection_is_closed_after_the_idle_time() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        await cluster.sends(OK)
        await client.gets(OK)
        gateway.time_passes(50.0)
        await answered(client, cluster)
        gateway.time_passes(199.0)
        assert client.has_nothing()
        gateway.time_passes(2.0)
        await client.is_closed()


async def test_the_next_head_has_its_own_deadline() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        await cluster.sends(OK)
        await client.gets(OK)
        gateway.time_passes(100.0)
        await client.sends(GET[:10])
        await until(lambda: any(each._buffer for each in gateway.connections))
        gateway.time_passes(20.5)
        answer, _ = await client.message()
        assert answer.startswith(b"HTTP/1.1 408 ")


async def test_a_body_that_stops_is_a_408_and_its_cluster_is_let_go() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(post(4, b"ab"))
        cluster = await gateway.cluster.accepts()
        await cluster.gets(forwarded_post(4, b"ab"))
        gateway.time_passes(59.0)
        await client.sends(b"c")
        await cluster.gets(b"c")
        gateway.time_passes(59.0)
        assert client.has_nothing()
        gateway.time_passes(2.0)
        answer, body = await client.message()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert body == b"the body of this request stopped arriving"
        await cluster.is_gone()
        assert gateway.troubles == []


@pytest.mark.parametrize("too_slow", [True, False])
async def test_who_is_refused_within_its_body_while_a_cluster_is_asked_is_cut_in_the_end(*, too_slow: bool) -> None:
    async with stage() as gateway:

        async def submission(exchange: Exchange) -> None:
            exchange.release(await exchange.ask(gateway.upstream, 8.0))

        gateway.script.decide = lambda exchange: exchange.hold(submission(exchange))
        client = await gateway.client()
        await client.sends(b"POST /v1/x HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        cluster = await gateway.cluster.accepts()
        await cluster.head()
        if too_slow:
            gateway.time_passes(61.0)
        else:
            await client.sends(b"zz\r\n")
        head, _ = await client.message()
        assert head.startswith(b"HTTP/1.1 408 " if too_slow else b"HTTP/1.1 400 ")
        assert b"\r\nConnection: close\r\n" in head
        await client.is_closed()  # but its own side is still open
        gateway.time_passes(61.0)
        await gateway.is_empty()


async def test_an_empty_line_after_a_request_is_no_unfinished_head() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET + b"\r\n")
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        await cluster.sends(OK)
        await client.gets(OK)
        await client.sends(b"\r\n\r\n")
        await asyncio.sleep(0.01)
        gateway.time_passes(21.0)
        assert client.has_nothing()
        await answered(client, cluster)
        gateway.time_passes(199.0)
        await client.sends(b"\r\n")  # and it does not prolong the idle time
        await asyncio.sleep(0.01)
        gateway.time_passes(2.0)
        await client.is_closed()


class Broken:
    """A connection with a bug."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.deadline = 0.0
        self.judged = 0

    @property
    def is_idle(self) -> bool:
        return True

    def expired(self) -> None:
        self.judged += 1
        raise KeyError("a bug")

    def client_left(self) -> None: ...

    def drain(self) -> None: ...


async def test_a_connection_that_fails_at_its_deadline_is_cut_and_the_others_are_judged() -> None:
    async with stage() as gateway:
        clients = [await gateway.client() for _ in range(8)]
        await until(lambda: len(gateway.connections) == 8)
        broken = Broken(gateway.connections[3].transport)
        gateway.serving.connections.add(broken)
        with capture_logs() as logs:
            gateway.time_passes(20.5)
            gateway.time_passes(0.1)
        for client in clients:
            await client.is_gone()
        assert (broken.judged, [line["event"] for line in logs]) == (1, ["connection_failed"])
        gateway.serving.forget(broken)


async def test_a_watcher_that_fails_is_logged_once_and_the_others_hear() -> None:
    heard: list[float] = []

    def fails(now: float) -> None:
        if now < 3.0:
            raise KeyError("a bug")

    ticker = Ticker()
    ticker.watch(fails)
    ticker.watch(heard.append)
    with capture_logs() as logs:
        for now in (1.0, 2.0, 3.0):
            ticker.tick(now)
    assert heard == [1.0, 2.0, 3.0]
    assert [line["event"] for line in logs] == ["watcher_failed"]


async def test_a_body_that_somebody_waits_for_and_that_stops_is_a_408() -> None:
    async with stage() as gateway:

        async def decision(exchange: Exchange) -> None:
            assert exchange.body is not None
            await exchange.arrives(exchange.body.whole(100))

        gateway.script.decide = lambda exchange: exchange.hold(decision(exchange))
        client = await gateway.client()
        await client.sends(post(4, b"ab"))
        await until(lambda: any(not each.is_idle for each in gateway.connections))
        await asyncio.sleep(0.01)
        gateway.time_passes(61.0)
        answer, _ = await client.message()
        assert answer.startswith(b"HTTP/1.1 408 ")


async def test_a_cluster_that_stops_taking_a_body_is_a_504() -> None:
    async with stage(cluster=listening(receive_buffer=4096)) as gateway:
        client = await gateway.client()
        await client.sends(post(1_000_000_000))
        await gateway.cluster.accepts()
        await until(lambda: bool(gateway.connections))
        (connection,) = gateway.connections
        while not connection.read_paused:
            client.sends_at_most(b"a" * 65536)
            await asyncio.sleep(0)
        gateway.time_passes(61.0)  # it has taken what its kernel buffers, so it gets another minute
        gateway.time_passes(61.0)
        answer, body = await client.message()
        assert answer.startswith(b"HTTP/1.1 504 ")
        assert body == b"blue stopped taking this request's body"
        assert len(gateway.troubles) == 1


async def test_a_client_that_takes_nothing_is_cut_and_one_that_takes_a_little_is_not() -> None:
    async with stage() as gateway:
        client = await gateway.client(receive_buffer=4096)
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        await cluster.sends(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        (connection,) = gateway.connections
        connection.transport.set_write_buffer_limits(high=16_000_000, low=1)  # so that its progress can be seen
        while not connection.write_paused:
            cluster.sends_at_most(b"a" * 65536)
            await asyncio.sleep(0)
        for _ in range(3):
            before = connection.transport.get_write_buffer_size()
            while connection.transport.get_write_buffer_size() == before:
                await client.some()
                await asyncio.sleep(0)
            gateway.time_passes(61.0)
            assert not connection.transport.is_closing()
        gateway.time_passes(61.0)
        await client.is_cut()
        await cluster.is_gone()


async def test_a_cluster_that_waited_for_its_client_has_its_whole_time_again() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        await cluster.sends(OK[:-1])
        await client.gets(OK[:-1])
        (connection,) = gateway.connections
        connection.pause_writing()  # as the transport does when the client takes no more
        gateway.time_passes(59.0)
        connection.resume_writing()
        gateway.time_passes(59.0)
        await cluster.sends(OK[-1:])
        await client.gets(OK[-1:])


async def test_the_tail_of_a_last_answer_is_not_cut_while_its_client_reads() -> None:
    size = 20_000_000
    async with stage() as gateway:
        client = await gateway.client(receive_buffer=4096)
        gateway.script.decide = lambda exchange: exchange.answer(200, b"text/plain", b"a" * size)
        await client.sends(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        got = len(await client.some()) - len(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 20000000\r\nConnection: close\r\n\r\n"
        )
        while piece := await client.some():
            got += len(piece)
            gateway.time_passes(0.05)
        assert got == size


async def test_a_stall_of_the_process_ends_nothing_before_what_arrived_meanwhile_is_read() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        running = asyncio.get_running_loop().create_task(gateway.ticker.run())
        await asyncio.sleep(0)
        gateway.ticker.now -= 100.0  # as if the last tick had been long ago
        before = gateway.ticker.now
        await until(lambda: gateway.ticker.now > before)
        await cluster.sends(OK)
        await client.gets(OK)
        running.cancel()


async def test_draining_closes_idle_connections_now_and_busy_ones_after_their_answer() -> None:
    async with stage() as gateway:
        idle, busy, sending = [await gateway.client() for _ in range(3)]
        await busy.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        await sending.sends(GET[:-1])
        await until(lambda: any(each._buffer for each in gateway.connections))
        await until(lambda: len(gateway.connections) == 3)
        gateway.serving.drain()
        await idle.is_closed()
        await cluster.sends(OK)
        assert b"\r\nConnection: close\r\n" in await busy.everything()
        await sending.sends(GET[-1:])
        await cluster.gets(FORWARDED_GET)
        await cluster.sends(OK)
        assert b"\r\nConnection: close\r\n" in await sending.everything()


async def test_after_the_end_was_announced_answers_say_close() -> None:
    async with stage() as gateway:
        gateway.serving.announce_end()
        client = await gateway.client()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        await cluster.sends(OK)
        assert await client.everything() == OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")

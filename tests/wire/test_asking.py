"""Answers that are held while a decision is made, bodies that are kept for a second try, and other ways to a cluster."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.wire.messages import FORWARDED_GET, GET, LAST_OK, OK, SENT_ON, answered, forwarded_post, post
from tests.wire.stage import Stage, Talker, listening, listening_on_path, make_upstream, stage, until
from warren.errors import ClusterFellSilent, ClusterMisbehaved, GatewayError
from warren.wire.exchange import Exchange
from warren.wire.held import MAX_HELD
from warren.wire.syntax.forwarded import Destination, Rewrite
from warren.wire.upstream import Upstream, UpstreamLimits

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def deciding(gateway: Stage, decision: Callable[[Exchange], Awaitable[None]]) -> None:
    async def decide(exchange: Exchange) -> None:
        await decision(exchange)

    gateway.script.decide = lambda exchange: exchange.hold(decide(exchange))


async def asked(gateway: Stage, request: bytes = GET) -> tuple[Talker, Talker]:
    """A client, and the cluster that has its request."""
    client = await gateway.client()
    await client.sends(request)
    cluster = await gateway.cluster.accepts()
    await cluster.head()
    return client, cluster


@pytest.mark.parametrize("answer", [OK, CHUNKED + b"2\r\nok\r\n0\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n"])
async def test_a_held_answer_is_released_as_it_came_and_its_connection_used_again(answer: bytes) -> None:
    async with stage() as gateway:

        async def decision(exchange: Exchange) -> None:
            held = await exchange.ask(gateway.upstream, 5.0)
            await held.front(4096)
            assert held.complete
            exchange.release(held)

        deciding(gateway, decision)
        client, cluster = await asked(gateway)
        await cluster.sends(answer)
        await client.gets(answer)
        for _ in range(2):
            await client.sends(GET)
            await cluster.gets(FORWARDED_GET)
            await cluster.sends(answer)
            await client.gets(answer)
        assert gateway.cluster.has_no_caller()


async def test_the_front_of_a_chunked_answer_is_told_without_its_framing() -> None:
    fronts: list[bytes] = []
    async with stage() as gateway:

        async def decision(exchange: Exchange) -> None:
            held = await exchange.ask(gateway.upstream, 5.0)
            fronts.append(await held.front(3))
            fronts.append(await held.front(5))
            exchange.release(held)

        deciding(gateway, decision)
        client, cluster = await asked(gateway)
        await cluster.sends(CHUNKED + b"2\r\nab")
        await until(lambda: gateway.upstream.open == 1)
        await cluster.sends(b"\r\n2;x=y\r\ncd\r\n")
        await until(lambda: fronts == [b"abc"])
        assert client.has_nothing()
        await cluster.sends(b"3\r\nefg\r\n")
        await client.gets(CHUNKED + b"2\r\nab\r\n2;x=y\r\ncd\r\n3\r\nefg\r\n")
        assert fronts == [b"abc", b"abcde"]
        await cluster.sends(b"0\r\n\r\n")
        await client.gets(b"0\r\n\r\n")


async def test_a_front_that_is_shorter_than_asked_for_is_all_there_is() -> None:
    fronts: list[bytes] = []
    async with stage() as gateway:

        async def decision(exchange: Exchange) -> None:
            held = await exchange.ask(gateway.upstream, 5.0)
            fronts.append(await held.front(100))
            exchange.release(held)

        deciding(gateway, decision)
        client, cluster = await asked(gateway)
        for byte in OK:
            await cluster.sends(bytes([byte]))
        await client.gets(OK)
        assert fronts == [b"ok"]


async def test_a_held_answer_slows_its_cluster_down_and_goes_on_when_released() -> None:
    size = 50_000_000
    async with stage() as gateway:
        go_on = asyncio.Event()

        async def decision(exchange: Exchange) -> None:
            held = await exchange.ask(gateway.upstream, 5.0)
            assert len(await held.front(1000)) == 1000
            await go_on.wait()
            assert sum(map(len, held.pieces)) < 1024 * 1024
            exchange.release(held)

        deciding(gateway, decision)
        client, cluster = await asked(gateway)
        await cluster.sends(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        left = size
        for _ in range(300):
            left -= cluster.sends_at_most(b"a" * min(left, 65536))
            await asyncio.sleep(0)
        assert left > 0
        go_on.set()

        async def rest() -> None:
            await cluster.sends(b"a" * left)

        async def read() -> None:
            await client.head()
            got = 0
            while got < size:
                got += len(await client.some())

        await asyncio.gather(rest(), read())
        gateway.script.decide = lambda exchange: exchange.forward_to(gateway.upstream, 5.0)
        await answered(client, cluster)


async def test_a_front_hidden_behind_framing_is_not_looked_for_without_end() -> None:
    async with stage() as gateway:

        async def decision(exchange: Exchange) -> None:
            held = await exchange.ask(gateway.upstream, 5.0)
            await held.front(4096)
            exchange.release(held)

        deciding(gateway, decision)
        client, cluster = await asked(gateway)
        await cluster.sends(CHUNKED)
        chunk = b"1;x=" + b"y" * 4000 + b"\r\na\r\n"
        for _ in range(MAX_HELD // len(chunk) + 100):
            try:
                await cluster.sends(chunk)
            except (BrokenPipeError, ConnectionResetError):
                break
        answer, body = await client.message()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert body == b"blue sent an answer that is mostly framing"


async def test_a_discarded_answer_is_closed_and_another_cluster_gets_the_kept_body() -> None:
    async with stage() as gateway:
        green = listening()
        other = gateway.another(green)

        async def decision(exchange: Exchange) -> None:
            assert exchange.body is not None
            exchange.body.keep(100)
            held = await exchange.ask(gateway.upstream, 5.0)
            assert held.status == 503
            held.discard()
            assert exchange.is_replayable()
            exchange.release(await exchange.ask(other, 5.0))

        deciding(gateway, decision)
        client = await gateway.client()
        await client.sends(post(6, b"ab"))
        first = await gateway.cluster.accepts()
        await first.gets(forwarded_post(6, b"ab"))
        await client.sends(b"cd")
        await first.gets(b"cd")
        assert gateway.serving.budget.left == (1 << 20) - 4
        await first.sends(OK.replace(b"200 OK", b"503 Busy")[:-1])
        await first.is_gone()
        second = await green.accepts()
        await second.gets(forwarded_post(6, b"abcd"))
        await client.sends(b"ef")
        await second.gets(b"ef")
        await second.sends(OK)
        await client.gets(OK)
        assert gateway.serving.budget.left == 1 << 20
        green.closes()


async def test_an_early_answer_that_is_held_gets_the_rest_of_its_request_all_the_same() -> None:
    async with stage() as gateway:
        go_on = asyncio.Event()

        async def decision(exchange: Exchange) -> None:
            held = await exchange.ask(gateway.upstream, 5.0)
            await go_on.wait()
            exchange.release(held)

        deciding(gateway, decision)
        client = await gateway.client()
        await client.sends(post(4, b"a"))
        cluster = await gateway.cluster.accepts()
        await cluster.gets(forwarded_post(4, b"a"))
        await cluster.sends(OK[:-1])
        await client.sends(b"b")
        await cluster.gets(b"b")
        go_on.set()
        await client.gets(LAST_OK[:-1])
        await client.sends(b"cd")
        await cluster.gets(b"cd")
        await cluster.sends(OK[-1:])
        await client.gets(OK[-1:])
        await client.is_closed()


async def test_an_early_answer_that_has_ended_while_held_leaves_no_half_request_in_the_pool() -> None:
    async with stage() as gateway:
        go_on = asyncio.Event()

        async def decision(exchange: Exchange) -> None:
            held = await exchange.ask(gateway.upstream, 5.0)
            await go_on.wait()
            exchange.release(held)

        deciding(gateway, decision)
        client = await gateway.client()
        await client.sends(post(4, b"a"))
        cluster = await gateway.cluster.accepts()
        await cluster.gets(forwarded_post(4, b"a"))
        await cluster.sends(OK)
        await cluster.is_gone()
        await client.sends(b"b")
        go_on.set()
        await client.gets(LAST_OK)
        await client.is_closed()


async def test_a_kept_body_that_grows_too_large_is_passed_on_and_cannot_be_sent_again() -> None:
    async with stage() as gateway:
        replayable: list[bool] = []

        async def decision(exchange: Exchange) -> None:
            assert exchange.body is not None
            exchange.body.keep(5)
            replayable.append(exchange.is_replayable())
            try:
                await exchange.ask(gateway.upstream, 5.0)
            except ClusterMisbehaved:
                replayable.append(exchange.is_replayable())
                raise

        deciding(gateway, decision)
        client = await gateway.client()
        await client.sends(post(8, b"abcd"))
        cluster = await gateway.cluster.accepts()
        await cluster.gets(forwarded_post(8, b"abcd"))
        assert gateway.serving.budget.left == (1 << 20) - 4
        await client.sends(b"efgh")
        await cluster.gets(b"efgh")
        assert gateway.serving.budget.left == 1 << 20
        cluster.leaves()
        answer, _ = await client.message()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert replayable == [True, False]


async def test_a_body_too_large_to_keep_while_no_connection_is_there_is_sent_whole_all_the_same() -> None:
    async with stage() as gateway:
        go_on = asyncio.Event()

        async def decision(exchange: Exchange) -> None:
            assert exchange.body is not None
            exchange.body.keep(5)
            await go_on.wait()
            exchange.release(await exchange.ask(gateway.upstream, 5.0))

        deciding(gateway, decision)
        client = await gateway.client()
        await client.sends(post(8, b"abcd"))
        await until(lambda: gateway.serving.budget.left == (1 << 20) - 4)
        await client.sends(b"efgh")
        await asyncio.sleep(0.01)
        go_on.set()
        cluster = await gateway.cluster.accepts()
        await cluster.gets(forwarded_post(8, b"abcdefgh"))
        await cluster.sends(OK)
        await client.gets(OK)


async def test_the_budget_is_shared_by_all_kept_bodies() -> None:
    async with stage(budget=6) as gateway:

        async def decision(exchange: Exchange) -> None:
            assert exchange.body is not None
            await exchange.arrives(exchange.body.whole(100))
            exchange.answer(200, b"text/plain", b"whole")

        deciding(gateway, decision)
        first, second = await gateway.client(), await gateway.client()
        await first.sends(post(5, b"abcd"))
        await until(lambda: gateway.serving.budget.left == 2)
        await second.sends(post(3, b"abc"))
        answer, body = await second.message()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert body == b"too many bodies are held at this moment; ask again"
        await first.sends(b"e")
        assert (await first.message())[1] == b"whole"


@pytest.mark.parametrize("size", [1000, 200_000])
async def test_a_whole_body_is_waited_for_up_to_its_limit(size: int) -> None:
    async with stage() as gateway:

        async def decision(exchange: Exchange) -> None:
            assert exchange.body is not None
            await exchange.arrives(exchange.body.whole(size))
            assert exchange.body is not None
            exchange.answer(200, b"text/plain", b"%d" % len(exchange.body.content))

        deciding(gateway, decision)
        client = await gateway.client()
        await client.sends(post(size, b"a" * size))
        assert (await client.message())[1] == b"%d" % size
        await client.sends(post(size + 1, b"a" * (size + 1)))
        answer, body = await client.message()
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert body == b"the body of this request is larger than %d bytes" % size


def asking_with_its_body_kept(gateway: Stage, patience: float) -> None:
    async def decision(exchange: Exchange) -> None:
        if exchange.body is not None:
            exchange.body.keep(100)
        exchange.release(await exchange.ask(gateway.upstream, patience))

    deciding(gateway, decision)


async def test_a_stale_connection_is_replaced_when_asking_and_the_body_sent_again() -> None:
    async with stage() as gateway:
        asking_with_its_body_kept(gateway, 5.0)
        client, cluster = await asked(gateway)
        await cluster.sends(OK)
        await client.gets(OK)
        await client.sends(post(2, b"ab"))
        await cluster.gets(forwarded_post(2, b"ab"))
        cluster.leaves()
        fresh = await gateway.cluster.accepts()
        await fresh.gets(forwarded_post(2, b"ab"))
        await fresh.sends(OK)
        await client.gets(OK)


async def test_a_stale_connection_is_replaced_though_the_body_takes_longer_than_an_answer_may() -> None:
    async with stage() as gateway:
        asking_with_its_body_kept(gateway, 0.5)
        client, cluster = await asked(gateway)
        await cluster.sends(OK)
        await client.gets(OK)
        await client.sends(post(3, b"a"))
        await cluster.gets(forwarded_post(3, b"a"))
        gateway.time_passes(0.4)
        await client.sends(b"b")
        await cluster.gets(b"b")
        gateway.time_passes(0.4)
        cluster.leaves()
        fresh = await gateway.cluster.accepts()
        await fresh.gets(forwarded_post(3, b"ab"))
        await client.sends(b"c")
        await fresh.gets(b"c")
        await fresh.sends(OK)
        await client.gets(OK)
        assert gateway.troubles == []


async def test_waiting_for_a_connection_is_part_of_the_time_for_an_answer() -> None:
    async with stage(upstream_limits=UpstreamLimits(max_connections=1)) as gateway:
        asking_with_its_body_kept(gateway, 10.0)
        gateway.time_passes(60.0)  # from here on its clock is ahead of the loop's, and moves only when told
        first, cluster = await asked(gateway)
        second = await gateway.client()
        await second.sends(GET)
        await until(lambda: gateway.upstream.waiting == 1)
        gateway.time_passes(9.0)
        await cluster.sends(OK)
        await first.gets(OK)
        await cluster.gets(FORWARDED_GET)
        gateway.time_passes(1.1)
        head, body = await second.message()
        assert head.startswith(b"HTTP/1.1 504 ")
        assert body == b"blue did not answer within 10 s"


async def test_a_connection_is_waited_for_no_longer_than_an_answer() -> None:
    async with stage(cluster=listening(backlog=0)) as gateway:
        asking_with_its_body_kept(gateway, 0.05)
        clients = [await gateway.client() for _ in range(8)]
        for client in clients:  # more than the backlog has room for; the kernel ignores the rest
            await client.sends(GET)
        head, body = await clients[-1].message()
        assert head.startswith(b"HTTP/1.1 503 ")
        assert body == b"blue did not take the connection within 0.05 s"


async def test_silence_ends_the_asking_and_the_decision_may_try_another() -> None:
    async with stage() as gateway:
        green = listening()
        other = gateway.another(green)

        async def decision(exchange: Exchange) -> None:
            try:
                await exchange.ask(gateway.upstream, 8.0)
            except ClusterFellSilent as error:
                assert str(error) == "blue did not answer within 8 s"  # noqa: PT017  # the decision's own view
                exchange.forward_to(other, 8.0)

        deciding(gateway, decision)
        client, cluster = await asked(gateway)
        gateway.time_passes(8.5)
        await cluster.is_gone()
        second = await green.accepts()
        await second.gets(FORWARDED_GET)
        await second.sends(OK)
        await client.gets(OK)
        assert [type(each) for each in gateway.troubles] == [ClusterFellSilent]
        green.closes()


async def test_an_answer_that_broke_while_it_was_held_is_an_error_and_not_half_an_answer() -> None:
    async with stage() as gateway:

        async def decision(exchange: Exchange) -> None:
            held = await exchange.ask(gateway.upstream, 5.0)
            assert await held.front(100) == b"o"
            exchange.release(held)

        deciding(gateway, decision)
        client, cluster = await asked(gateway)
        await cluster.sends(OK[:-1])
        cluster.leaves()
        answer, body = await client.message()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert body == b"blue closed the connection in the middle of its answer"


async def test_several_are_asked_at_once_and_the_others_are_closed() -> None:
    async with stage() as gateway:
        green, silent = listening(), listening()
        upstreams = [gateway.upstream, gateway.another(green), gateway.another(silent)]
        statuses: list[int | str] = []

        async def decision(exchange: Exchange) -> None:
            async def inquire(upstream: Upstream) -> None:
                try:
                    held = await exchange.inquire(upstream, 0.2, fresh=True)
                except GatewayError as error:
                    statuses.append(str(error))
                else:
                    statuses.append(held.status)
                    if held.status == 200:
                        proof.append(held)

            proof: list[object] = []
            assert exchange.body is not None
            await exchange.arrives(exchange.body.whole(100))
            await asyncio.gather(*map(inquire, upstreams))
            exchange.release(proof[0])  # type: ignore[arg-type]  # a HeldAnswer, by the branch above

        deciding(gateway, decision)
        client = await gateway.client()
        await client.sends(post(2, b"ab"))
        clusters = [await gateway.cluster.accepts(), await green.accepts(), await silent.accepts()]
        for cluster in clusters:
            await cluster.gets(forwarded_post(2, b"ab"))
        await clusters[0].sends(OK.replace(b"200 OK", b"404 Not Found")[:-1])
        await clusters[1].sends(OK)
        await client.gets(OK)
        assert statuses == [404, 200, "green did not answer within 0.2 s"]
        await clusters[0].is_gone()
        await clusters[2].is_gone()
        green.closes()
        silent.closes()


async def test_a_decision_that_fails_is_a_500_and_closes_what_it_had_asked() -> None:
    async with stage() as gateway:

        async def decision(exchange: Exchange) -> None:
            await exchange.ask(gateway.upstream, 5.0)
            raise KeyError("a bug")

        deciding(gateway, decision)
        client, cluster = await asked(gateway)
        await cluster.sends(OK[:-1])
        answer, _ = await client.message()
        assert answer.startswith(b"HTTP/1.1 500 ")
        await cluster.is_gone()


async def test_an_error_after_the_answer_does_not_touch_the_next_exchange() -> None:
    async with stage() as gateway:
        fail = asyncio.Event()

        async def decision(exchange: Exchange) -> None:
            exchange.answer(200, b"text/plain", b"ok")
            await fail.wait()
            raise ClusterMisbehaved("too late")

        deciding(gateway, decision)
        client = await gateway.client()
        await client.sends(GET)
        await client.gets(OK)
        gateway.script.decide = lambda exchange: exchange.forward_to(gateway.upstream, 5.0)
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        fail.set()
        await asyncio.sleep(0.01)
        await cluster.sends(OK)
        await client.gets(OK)


async def test_a_statement_asks_for_an_answer_without_content_coding() -> None:
    async with stage() as gateway:

        def identity(exchange: Exchange) -> None:
            exchange.rewrite = Rewrite(identity=True)
            exchange.forward_to(gateway.upstream, 5.0)

        gateway.script.decide = identity
        client = await gateway.client()
        await client.sends(b"GET /v1/x HTTP/1.1\r\nHost: gw\r\nAccept-Encoding: gzip\r\n\r\n")
        cluster = await gateway.cluster.accepts()
        assert b"\r\nAccept-Encoding: identity\r\n" in await cluster.head()
        await cluster.sends(OK)
        await client.gets(OK)
        gateway.script.decide = lambda exchange: exchange.forward_to(gateway.upstream, 5.0)
        await client.sends(b"GET /v1/x HTTP/1.1\r\nHost: gw\r\nAccept-Encoding: gzip\r\n\r\n")
        assert b"\r\nAccept-Encoding: gzip\r\n" in await cluster.head()
        await cluster.sends(OK)
        await client.gets(OK)


async def test_a_unix_socket_is_an_upstream_that_is_told_the_client(tmp_path: Path) -> None:
    own = listening_on_path(tmp_path / "own.sock")

    async with stage(
        cluster=own,
        upstream=lambda ticker: Upstream(
            "own endpoints",
            unix_path=str(tmp_path / "own.sock"),
            destination=Destination(host=b"warren", own=True),
            ticker=ticker,
            limits=UpstreamLimits(),
        ),
    ) as gateway:
        client = await gateway.client()
        await client.sends(GET.replace(b"\r\n\r\n", b"\r\nX-Warren-Client-Address: 10.0.0.1\r\n\r\n"))
        cluster = await own.accepts()
        head = await cluster.head()
        assert b"\r\nX-Warren-Client-Address: 127.0.0.1\r\n" in head
        assert b"10.0.0.1" not in head
        await cluster.sends(OK)
        await client.gets(OK)


async def test_a_clusters_path_comes_before_the_target() -> None:
    cluster_side = listening()
    async with stage(
        cluster=cluster_side,
        upstream=lambda ticker: Upstream(
            "blue",
            host="127.0.0.1",
            port=cluster_side.port,
            prefix=b"/trino",
            destination=Destination(host=b"blue:8080"),
            ticker=ticker,
            limits=UpstreamLimits(),
        ),
    ) as gateway:
        client = await gateway.client()
        await client.sends(GET)
        cluster = await cluster_side.accepts()
        await cluster.gets(b"GET /trino/v1/x HTTP/1.1\r\n" + SENT_ON + b"\r\n")
        await cluster.sends(OK)
        await client.gets(OK)


async def test_a_cluster_may_have_an_ipv6_address() -> None:
    try:
        cluster_side = listening("::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    async with stage(
        cluster=cluster_side, upstream=lambda ticker: make_upstream(ticker, host="::1", port=cluster_side.port)
    ) as gateway:
        client = await gateway.client()
        await client.sends(GET)
        cluster = await cluster_side.accepts()
        await cluster.gets(FORWARDED_GET)
        await cluster.sends(OK)
        await client.gets(OK)

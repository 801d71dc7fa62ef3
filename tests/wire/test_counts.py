"""What is counted of conversations: exactly what happened in them."""

from tests.wire.messages import FORWARDED_GET, GET, OK, answered, forwarded_post, post
from tests.wire.stage import Stage, Talker, listening, make_upstream, stage, until
from warren.wire.serving import ServingLimits

CHUNKED = b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n"
EARLY = b"HTTP/1.1 103 Early Hints\r\n\r\n"


async def asked(gateway: Stage) -> tuple[Talker, Talker]:
    client = await gateway.client()
    await client.sends(GET)
    cluster = await gateway.cluster.accepts()
    await cluster.gets(FORWARDED_GET)
    return client, cluster


def answers(gateway: Stage) -> dict[int, int]:
    return {status: count for status, count in enumerate(gateway.serving.counts.answers) if count}


async def test_requests_answers_and_bytes_are_counted_on_both_sides() -> None:
    async with stage() as gateway:
        client, cluster = await asked(gateway)
        assert gateway.serving.under_way == 1
        await cluster.sends(OK)
        await client.gets(OK)
        await answered(client, cluster)
        counts, of_cluster = gateway.serving.counts, gateway.upstream.counts
        assert (counts.received, counts.sent) == (2 * len(GET), 2 * len(OK))
        assert answers(gateway) == {200: 2}
        assert (of_cluster.requests, sum(of_cluster.heads[2].counts), gateway.serving.under_way) == (2, 2, 0)
        assert 0 < of_cluster.heads[2].sum < 10


async def test_answers_of_every_shape_are_counted_by_their_status() -> None:
    async with stage() as gateway:
        client, cluster = await asked(gateway)
        await cluster.sends(EARLY + CHUNKED)
        await client.gets(EARLY + CHUNKED)
        assert answers(gateway) == {103: 1, 404: 1}
        assert gateway.serving.counts.sent == len(EARLY + CHUNKED)
        heads = gateway.upstream.counts.heads
        assert [sum(histogram.counts) for histogram in heads] == [0, 0, 0, 0, 1, 0]


async def test_a_body_is_counted_as_it_comes() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(post(6, b"abc"))
        cluster = await gateway.cluster.accepts()
        await cluster.gets(forwarded_post(6, b"abc"))
        await client.sends(b"def")
        await cluster.gets(b"def")
        await cluster.sends(OK)
        await client.gets(OK)
        assert gateway.serving.counts.received == len(post(6, b"abcdef"))


async def test_a_request_that_cannot_be_read_counts_by_what_it_is_told() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(b"GET / HTTP/1.1\r\n\r\n")
        told = await client.everything()
        assert told.startswith(b"HTTP/1.1 400 ")
        assert (answers(gateway), gateway.serving.counts.sent) == ({400: 1}, len(told))


async def test_a_client_that_leaves_before_its_answer_counts_as_such() -> None:
    async with stage() as gateway:
        client, cluster = await asked(gateway)
        client.leaves()
        await gateway.is_empty()
        assert answers(gateway) == {0: 1}
        await cluster.is_gone()


async def test_a_connection_without_room_counts_as_refused() -> None:
    async with stage(limits=ServingLimits(max_connections=1)) as gateway:
        await gateway.client()
        await until(lambda: len(gateway.connections) == 1)
        await (await gateway.client()).everything()
        assert gateway.serving.counts.refused == 1


async def test_an_answer_that_breaks_the_rules_or_off_is_misbehaviour() -> None:
    for sent in (b"HTTP/9\r\n\r\n", OK[:-1], OK + b"more", b""):
        async with stage() as gateway:
            client, cluster = await asked(gateway)
            await cluster.sends(sent)
            cluster.leaves()
            await client.is_gone() if sent == OK[:-1] else await client.head()
            counts = gateway.upstream.counts
            assert (counts.misbehaved, counts.stale, counts.silent, counts.unreachable) == (1, 0, 0, 0), sent


async def test_a_kept_connection_that_had_been_closed_is_stale_and_no_misbehaviour() -> None:
    async with stage() as gateway:
        client, cluster = await asked(gateway)
        await cluster.sends(OK)
        await client.gets(OK)
        await client.sends(GET)
        await cluster.gets(FORWARDED_GET)
        cluster.leaves()
        fresh = await gateway.cluster.accepts()
        await fresh.gets(FORWARDED_GET)
        await fresh.sends(OK)
        await client.gets(OK)
        counts = gateway.upstream.counts
        assert (counts.requests, counts.stale, counts.misbehaved) == (3, 1, 0)


async def test_silence_is_counted() -> None:
    async with stage() as gateway:
        client, _ = await asked(gateway)
        gateway.time_passes(10.5)
        assert (await client.message())[0].startswith(b"HTTP/1.1 504 ")
        assert gateway.upstream.counts.silent == 1
        assert answers(gateway) == {504: 1}


async def test_a_refused_connection_is_counted_and_nothing_was_sent() -> None:
    nobody = listening()
    port = nobody.port
    nobody.closes()
    async with stage(upstream=lambda ticker: make_upstream(ticker, port=port)) as gateway:
        client = await gateway.client()
        await client.sends(GET)
        assert (await client.message())[0].startswith(b"HTTP/1.1 503 ")
        counts = gateway.upstream.counts
        assert (counts.unreachable, counts.requests) == (1, 0)

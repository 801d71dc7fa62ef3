"""What client and cluster say to each other through the gateway, byte for byte."""

import asyncio
from ipaddress import ip_network

import pytest

from tests.wire.messages import FORWARDED_GET, GET, LAST_OK, OK, SENT_ON, answered, post
from tests.wire.stage import stage, until
from warren.wire.exchange import Exchange
from warren.wire.outbound import MAX_INTERIM
from warren.wire.syntax.forwarded import Believe, Forwarding


async def test_a_plain_exchange_passes_and_both_connections_are_used_again() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        await cluster.sends(OK)
        await client.gets(OK)

        await answered(client, cluster)
        assert gateway.cluster.has_no_caller()
        assert [exchange.status for exchange in gateway.script.ended] == [200, 200]


async def test_a_head_that_comes_byte_by_byte_is_read() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        for byte in b"\r\n" + GET:
            await client.sends(bytes([byte]))
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        for byte in OK:
            await cluster.sends(bytes([byte]))
        await client.gets(OK)
        await answered(client, cluster)


async def test_requests_sent_ahead_are_answered_in_order_one_at_a_time() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET + GET.replace(b"/v1/x", b"/v1/y") + GET[:7])
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        assert cluster.has_nothing()
        await cluster.sends(OK)
        await client.gets(OK)
        await cluster.gets(FORWARDED_GET.replace(b"/v1/x", b"/v1/y"))
        await cluster.sends(OK)
        await client.gets(OK)
        await client.sends(GET[7:])
        await cluster.gets(FORWARDED_GET)
        await cluster.sends(OK)
        await client.gets(OK)


async def test_a_request_sent_ahead_is_served_although_the_next_begins_to_arrive_before_its_turn() -> None:
    started: list[Exchange] = []
    async with stage(started.append) as gateway:
        client = await gateway.client()
        await client.sends(GET * 2)
        await until(lambda: len(started) == 1)
        (connection,) = gateway.connections
        started[0].answer(200, b"text/plain", b"ok")
        connection.data_received(GET[:20])  # as the loop hands it on, within the turn that ended the first answer
        await client.gets(OK)
        await until(lambda: len(started) == 2)
        started[1].answer(200, b"text/plain", b"ok")
        await client.gets(OK)
        await client.sends(GET[20:])
        await until(lambda: len(started) == 3)
        started[2].answer(200, b"text/plain", b"ok")
        await client.gets(OK)


async def test_what_is_sent_ahead_is_bounded() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        (connection,) = gateway.connections
        while not connection.read_paused:
            client.sends_at_most(GET * 1000)
            await asyncio.sleep(0)
        await cluster.sends(OK)
        await client.gets(OK)
        await cluster.gets(FORWARDED_GET)  # the next one, in its turn


async def test_a_body_of_known_length_is_passed_on_as_it_comes() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(b"POST /v1/x HTTP/1.1\r\nHost: gw\r\nContent-Length: 6\r\n\r\nab")
        cluster = await gateway.cluster.accepts()
        await cluster.gets(b"POST /v1/x HTTP/1.1\r\n" + SENT_ON + b"Content-Length: 6\r\n\r\nab")
        await client.sends(b"cd")
        await cluster.gets(b"cd")
        await client.sends(b"ef" + GET)
        await cluster.gets(b"ef")
        assert cluster.has_nothing()
        await cluster.sends(OK)
        await client.gets(OK)
        await cluster.gets(FORWARDED_GET)
        await cluster.sends(OK)
        await client.gets(OK)


async def test_chunks_and_trailers_pass_in_both_directions() -> None:
    body = b'3;name="a;b"\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nX-Checksum: 1\r\n\r\n'
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(b"POST /v1/x HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n" + body[:5])
        cluster = await gateway.cluster.accepts()
        await cluster.gets(b"POST /v1/x HTTP/1.1\r\n" + SENT_ON + b"Transfer-Encoding: chunked\r\n\r\n" + body[:5])
        await client.sends(body[5:])
        await cluster.gets(body[5:])
        await cluster.sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Checksum\r\n\r\n" + body[:9])
        await client.gets(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body[:9])
        await cluster.sends(body[9:])
        await client.gets(body[9:])
        await answered(client, cluster)


async def test_an_expectation_is_met_here_and_not_sent_on() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(b"POST /v1/x HTTP/1.1\r\nHost: gw\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        await client.gets(b"HTTP/1.1 100 Continue\r\n\r\n")
        await client.sends(b"ab")
        cluster = await gateway.cluster.accepts()
        await cluster.gets(b"POST /v1/x HTTP/1.1\r\n" + SENT_ON + b"Content-Length: 2\r\n\r\nab")
        await cluster.sends(b"HTTP/1.1 100 Continue\r\n\r\n" + OK)
        await client.gets(OK)
        await answered(client, cluster)


@pytest.mark.parametrize(
    ("request_line", "answer"),
    [
        (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"),
        (b"HEAD", b"HTTP/1.1 404 Not Found\r\n\r\n"),
        (b"DELETE", b"HTTP/1.1 204 No Content\r\n\r\n"),
        (b"GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        (b"GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n"),
        (b"GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ],
)
async def test_answers_without_a_body_end_with_their_head(request_line: bytes, answer: bytes) -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET.replace(b"GET", request_line))
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET.replace(b"GET", request_line))
        await cluster.sends(answer)
        await client.gets(answer)
        await answered(client, cluster)


async def test_a_head_answer_with_chunked_coding_has_no_body() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET.replace(b"GET", b"HEAD"))
        cluster = await gateway.cluster.accepts()
        await cluster.head()
        await cluster.sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await client.gets(b"HTTP/1.1 200 OK\r\n\r\n")
        await answered(client, cluster)


async def test_early_hints_pass_and_100_is_dropped() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.head()
        await cluster.sends(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: X-A\r\nX-A: 1\r\n\r\n"
        )
        await client.gets(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        await cluster.sends(OK)
        await client.gets(OK)
        await answered(client, cluster)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", b"protocols"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 21, b"more than 20 interim"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", b"present with"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", b"malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", b"malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok", b"malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nok", b"malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", b"transfer coding"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", b"transfer coding"),
        (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"HTTP/1.0"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n", b"chunk"),
        (b"HTTP/1.1 200 OK\r\nX-A : 1\r\nContent-Length: 2\r\n\r\nok", b"malformed"),
        (b"HTTP/1.1 200 OK\r\nX-A: 1\r\n folded\r\nContent-Length: 2\r\n\r\nok", b"malformed"),
        (b"HTTP/1.1 200 OK\r\nX-A: \0\r\nContent-Length: 2\r\n\r\nok", b"malformed"),
        (b"HTTP/1.1 200 OK\r\nX-A: 1\nContent-Length: 2\r\n\r\nok", b"malformed"),
        (b"HTTP/1.1 99 OK\r\nContent-Length: 2\r\n\r\nok", b"malformed"),
        (b"HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\nok", b"malformed"),
        (b"\r\n\r\n", b"malformed"),
        (OK + b"!", b"more than"),
        (b"HTTP/1.1 204 No Content\r\n\r\nx", b"more than"),
        (b"HTTP/1.1 200 OK\r\n" + b"X-A: 1\r\n" * 201 + b"Content-Length: 2\r\n\r\nok", b"200 fields"),
        (b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 65536 + b"\r\nContent-Length: 2\r\n\r\nok", b"65536 bytes"),
        (b"x" * 65537, b"65536 bytes"),
    ],
)
async def test_an_answer_that_cannot_be_read_in_one_way_only_is_a_503_and_its_connection_closed(
    answer: bytes, said: bytes
) -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.head()
        await cluster.sends(answer)
        head = b""
        while not head.startswith(b"HTTP/1.1 503"):
            head, body = await client.message()
            assert head.startswith((b"HTTP/1.1 503", b"HTTP/1.1 103"))
        assert b"blue" in body
        assert said in body
        await cluster.is_gone()
        assert [exchange.status for exchange in gateway.script.ended] == [503]


@pytest.mark.parametrize(("size", "status"), [(65536, b"200"), (65537, b"503")])
@pytest.mark.parametrize("split", [True, False])
async def test_an_answers_head_may_have_64_kib(size: int, status: bytes, *, split: bool) -> None:
    start, end = b"HTTP/1.1 200 OK\r\nX-A: ", b"\r\nContent-Length: 2\r\n\r\n"
    head = start + b"a" * (size - len(start) - len(end)) + end
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.head()
        if split:
            await cluster.sends(head[:-1])
            await cluster.sends(head[-1:] + b"ok")
        else:
            await cluster.sends(head + b"ok")
        answer, _ = await client.message()
        assert answer.startswith(b"HTTP/1.1 " + status)


async def test_each_answer_of_a_connection_may_have_its_early_hints() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        for _ in range(MAX_INTERIM + 1):
            await cluster.gets(FORWARDED_GET)
            await cluster.sends(hints)
            await client.gets(hints)
            await cluster.sends(OK)
            await client.gets(OK)
            await client.sends(GET)


async def test_an_answer_without_a_body_tells_no_length() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        await cluster.sends(b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n")
        await cluster.sends(b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nX: y\r\n\r\n")
        await client.gets(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\nX: y\r\n\r\n")
        await answered(client, cluster)


async def test_an_ipv4_client_of_a_socket_for_both_families_is_trusted_and_told_as_such() -> None:
    trusting = Forwarding(pseudonym=b"warren-1", believe=Believe.ALL, trusted=(ip_network("127.0.0.0/8"),))
    async with stage(dual_stack=True, forwarding=trusting) as gateway:
        addresses: list[bytes] = []

        def note(exchange: Exchange) -> None:
            addresses.append(exchange.client.address(exchange))
            exchange.forward_to(gateway.upstream, 10.0)

        gateway.script.decide = note
        client = await gateway.client()
        await client.sends(GET.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n"))
        cluster = await gateway.cluster.accepts()
        assert b"\r\nX-Forwarded-For: 203.0.113.7, 127.0.0.1\r\n" in await cluster.head()
        assert addresses == [b"203.0.113.7"]


async def test_an_http_1_0_client_gets_the_content_of_chunks_and_an_end() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(b"GET /v1/x HTTP/1.0\r\nHost: gw\r\nConnection: keep-alive\r\n\r\n")
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        await cluster.sends(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await cluster.sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde")
        await client.gets(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcde")
        await cluster.sends(b"\r\n0\r\nX-Trailer: 1\r\n\r\n")
        await client.is_closed()


async def test_an_http_1_0_client_without_host_is_served() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(b"GET /v1/x HTTP/1.0\r\n\r\n")
        cluster = await gateway.cluster.accepts()
        head = await cluster.head()
        assert head.startswith(b"GET /v1/x HTTP/1.1\r\nHost: blue:8080\r\n")
        assert b"X-Forwarded-Host" not in head
        await cluster.sends(OK)
        assert (await client.everything()).endswith(b"Connection: close\r\n\r\nok")


async def test_an_answer_until_the_end_of_its_connection_ends_the_clients_too() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.head()
        await cluster.sends(b"HTTP/1.0 200 OK\r\n\r\nab")
        await client.gets(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nab")
        await cluster.sends(b"cd")
        cluster.leaves()
        await client.gets(b"cd")
        await client.is_closed()


async def test_a_client_that_wants_its_connection_closed_gets_that() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(b"GET /v1/x HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n")
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        await cluster.sends(OK)
        assert await client.everything() == OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


async def test_a_cluster_that_closes_after_its_answer_is_not_used_again() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.head()
        await cluster.sends(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        await client.gets(OK)
        await cluster.is_gone()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        await cluster.sends(OK)
        await client.gets(OK)


async def test_nginx_saying_keep_alive_in_each_answer_stays_between_it_and_the_gateway() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.head()
        await cluster.sends(OK.replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\nX-A: 1\r\n\r\n"))
        await client.gets(OK.replace(b"\r\n\r\n", b"\r\nX-A: 1\r\n\r\n"))
        await answered(client, cluster)


async def test_connection_cannot_name_what_the_gateway_adds() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(
            b"GET /v1/x HTTP/1.1\r\nHost: gw\r\nConnection: X-Forwarded-For, Via, Host, X-Mine\r\n"
            b"X-Mine: 1\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"
        )
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET.replace(b"For: 127.0.0.1", b"For: 192.0.2.1, 127.0.0.1"))
        await cluster.sends(OK)
        await client.gets(OK)


@pytest.mark.parametrize(
    "field", [b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n", b"Upgrade: x\r\n"]
)
async def test_an_upgrade_is_ignored_and_the_request_served(field: bytes) -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET[:-2] + field + b"\r\n")
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        await cluster.sends(OK)
        await client.gets(OK)
        await answered(client, cluster)


async def test_a_field_line_of_the_service_is_added_to_a_plain_answer() -> None:
    async with stage() as gateway:

        def with_cookie(exchange: Exchange) -> None:
            exchange.extra = (b"Set-Cookie: a=b",)
            exchange.forward_to(gateway.upstream, 10.0)

        gateway.script.decide = with_cookie
        client = await gateway.client()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.head()
        await cluster.sends(OK)
        await client.gets(OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b\r\n\r\n"))


async def test_a_request_that_no_byte_of_the_decision_reached_gets_a_500_and_the_log_says_why() -> None:
    async with stage() as gateway:

        def fails(exchange: Exchange) -> None:
            raise KeyError("a bug")

        gateway.script.decide = fails
        client = await gateway.client()
        await client.sends(GET)
        head, _ = await client.message()
        assert head.startswith(b"HTTP/1.1 500 ")


async def test_answers_made_here_carry_no_body_to_head() -> None:
    async with stage() as gateway:
        gateway.script.decide = lambda exchange: exchange.answer(200, b"text/plain", b"hello")
        client = await gateway.client()
        await client.sends(GET.replace(b"GET", b"HEAD") + GET)
        await client.gets(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n"
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
        )


async def test_a_small_body_that_came_with_its_refused_head_costs_no_connection() -> None:
    async with stage() as gateway:
        gateway.script.decide = lambda exchange: exchange.answer(400, b"text/plain", b"no")
        client = await gateway.client()
        for _ in range(2):
            await client.sends(b"POST /v1/x HTTP/1.1\r\nHost: gw\r\nContent-Length: 2\r\n\r\nab")
            await client.gets(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nno")


async def test_an_answer_made_here_before_the_request_is_whole_says_that_it_is_the_last() -> None:
    async with stage() as gateway:
        gateway.script.decide = lambda exchange: exchange.answer(200, b"text/plain", b"ok")
        client = await gateway.client()
        await client.sends(post(4, b"ab"))
        await client.gets(LAST_OK)
        await client.is_closed()

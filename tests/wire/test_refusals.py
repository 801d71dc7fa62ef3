"""Requests that are refused at the door: the status, the sentence, and that the connection is closed."""

import pytest

from tests.wire.messages import FORWARDED_GET, GET, OK
from tests.wire.stage import Talker, stage
from warren.wire.serving import ServingLimits

HOST = b"Host: gw\r\n"


def head(*lines: bytes, line: bytes = b"GET /v1/x HTTP/1.1") -> bytes:
    return b"\r\n".join([line, *lines]) + b"\r\n\r\n"


REFUSED = {
    "both lengths": (head(b"Host: gw", b"Content-Length: 3", b"Transfer-Encoding: chunked"), 400),
    "both lengths, the other way": (head(b"Host: gw", b"Transfer-Encoding: chunked", b"Content-Length: 3"), 400),
    "two lengths": (head(b"Host: gw", b"Content-Length: 3", b"Content-Length: 4"), 400),
    "two lengths, equal": (head(b"Host: gw", b"Content-Length: 3", b"Content-Length: 3"), 400),
    "a list of lengths": (head(b"Host: gw", b"Content-Length: 3, 3"), 400),
    "a signed length": (head(b"Host: gw", b"Content-Length: +5"), 400),
    "a hexadecimal length": (head(b"Host: gw", b"Content-Length: 0x5"), 400),
    "a negative length": (head(b"Host: gw", b"Content-Length: -5"), 400),
    "an empty length": (head(b"Host: gw", b"Content-Length:"), 400),
    "a length of 16 digits": (head(b"Host: gw", b"Content-Length: 1000000000000000"), 400),
    "an unknown coding": (head(b"Host: gw", b"Transfer-Encoding: xchunked"), 400),
    "gzip, then chunked": (head(b"Host: gw", b"Transfer-Encoding: gzip, chunked"), 400),
    "chunked twice": (head(b"Host: gw", b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), 400),
    "chunked twice in one": (head(b"Host: gw", b"Transfer-Encoding: chunked, chunked"), 400),
    "chunked with HTTP/1.0": (head(b"Host: gw", b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.0"), 400),
    "bare line feeds": (b"GET / HTTP/1.1\nHost: gw\n\n", 400),
    "a bare line feed after the first line": (b"GET / HTTP/1.1\nHost: gw\r\n\r\n", 400),
    "a bare line feed after a field": (b"GET / HTTP/1.1\r\nHost: gw\nX-A: 1\r\n\r\n", 400),
    "a bare carriage return": (head(b"Host: gw", b"X-A: 1\r2"), 400),
    "a blank before the colon": (head(b"Host: gw", b"X-A : 1"), 400),
    "a field without a name": (head(b"Host: gw", b": 1"), 400),
    "a field without a colon": (head(b"Host: gw", b"X-A"), 400),
    "a folded line": (head(b"Host: gw", b"X-A: 1", b" 2"), 400),
    "a folded first line": (head(b" Host: gw"), 400),
    "NUL in a value": (head(b"Host: gw", b"X-A: \0"), 400),
    "NUL in a name": (head(b"Host: gw", b"X\0A: 1"), 400),
    "a control character": (head(b"Host: gw", b"X-A: \x01"), 400),
    "no Host": (head(b"X-A: 1"), 400),
    "no fields": (head(), 400),
    "two Hosts": (head(b"Host: gw", b"Host: gw"), 400),
    "two Hosts with HTTP/1.0": (head(b"Host: gw", b"Host: gw", line=b"GET / HTTP/1.0"), 400),
    "an empty Host": (head(b"Host:"), 400),
    "a Host with user info": (head(b"Host: a@b"), 400),
    "a list of Hosts": (head(b"Host: a, b"), 400),
    "absolute-form": (head(b"Host: gw", line=b"GET http://gw/v1/x HTTP/1.1"), 400),
    "a target without a path": (head(b"Host: gw", line=b"GET v1/x HTTP/1.1"), 400),
    "asterisk-form": (head(b"Host: gw", line=b"GET * HTTP/1.1"), 400),
    "a blank in the target": (head(b"Host: gw", line=b"GET /a b HTTP/1.1"), 400),
    "obs-text in the target": (head(b"Host: gw", line=b"GET /\xc3\xa4 HTTP/1.1"), 400),
    "two blanks": (head(b"Host: gw", line=b"GET  / HTTP/1.1"), 400),
    "a tab": (head(b"Host: gw", line=b"GET\t/ HTTP/1.1"), 400),
    "a blank before the method": (head(b"Host: gw", line=b" GET / HTTP/1.1"), 400),
    "a blank after the version": (head(b"Host: gw", line=b"GET / HTTP/1.1 "), 400),
    "a lower-case method": (head(b"Host: gw", line=b"get / HTTP/1.1"), 400),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "HTTP/1.2": (head(b"Host: gw", line=b"GET / HTTP/1.2"), 400),
    "HTTP/2.0": (head(b"Host: gw", line=b"GET / HTTP/2.0"), 400),
    "lower-case http": (head(b"Host: gw", line=b"GET / http/1.1"), 400),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "the preface of HTTP/2 in pieces": (b"PRI * HTTP/2.0\r\n", 400),
    "another expectation": (head(b"Host: gw", b"Expect: 200-ok", b"Content-Length: 1"), 417),
    "PATCH": (head(b"Host: gw", line=b"PATCH /v1/x HTTP/1.1"), 405),
    "OPTIONS of everything": (head(b"Host: gw", line=b"OPTIONS * HTTP/1.1"), 405),
    "CONNECT": (head(b"Host: gw:443", line=b"CONNECT gw:443 HTTP/1.1"), 405),
    "TRACE": (head(b"Host: gw", line=b"TRACE / HTTP/1.1"), 405),
    "201 fields": (head(b"Host: gw", *[b"X-A: 1"] * 200), 431),
    "a head of 64 KiB and a byte": (head(b"Host: gw", b"X-A: " + b"a" * (65537 - 39)), 431),
    "a target of 64 KiB": (b"GET /" + b"a" * 65536, 431),
    "a head without an end": (b"GET / HTTP/1.1\r\n" + b"X-A: 1\r\n" * 8191 + b"X", 431),
    "our own Via": (head(b"Host: gw", b"Via: 1.1 other, 1.1 warren-1"), 508),
}


async def refusal(client: Talker) -> tuple[int, bytes]:
    answer, body = await client.message()
    assert b"\r\nConnection: close\r\n" in answer
    if b" 405 " in answer:
        assert b"\r\nAllow: DELETE, GET, HEAD, POST, PUT\r\n" in answer
    await client.is_closed()
    return int(answer[9:12]), body


@pytest.mark.parametrize(("request_bytes", "status"), REFUSED.values(), ids=REFUSED.keys())
async def test_what_is_refused(request_bytes: bytes, status: int) -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(request_bytes)
        assert (await refusal(client))[0] == status
        assert gateway.script.ended == []
        assert gateway.cluster.has_no_caller()


@pytest.mark.parametrize(("request_bytes", "status"), REFUSED.values(), ids=REFUSED.keys())
async def test_what_is_refused_is_refused_behind_a_good_request_too(request_bytes: bytes, status: int) -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(GET + request_bytes[:1])
        cluster = await gateway.cluster.accepts()
        await cluster.gets(FORWARDED_GET)
        await cluster.sends(OK)
        await client.gets(OK)
        await client.sends(request_bytes[1:])
        assert (await refusal(client))[0] == status
        assert len(gateway.script.ended) == 1


SERVED = {
    "obs-text in a value": head(b"Host: gw", b"X-A: \xc3\xa4"),
    "an empty value": head(b"Host: gw", b"X-A:"),
    "blanks around a value": head(b"Host: \t gw \t", b"X-A:\t1 "),
    "no blank": head(b"Host:gw"),
    "200 fields": head(b"Host: gw", *[b"X-A: 1"] * 199),
    "a head of 64 KiB": head(b"Host: gw", b"X-A: " + b"a" * (65536 - 39)),
    "empty lines before it": b"\r\n\r\n\r\n" + head(b"Host: gw"),
    "HTTP/1.0 without Host": head(line=b"GET / HTTP/1.0"),
    "an IPv6 Host": head(b"Host: [::1]:8080"),
    "a Host with a port": head(b"Host: gw.example:8080"),
    "a length of nothing": head(b"Host: gw", b"Content-Length: 0", line=b"POST / HTTP/1.1"),
    "leading zeros": head(b"Host: gw", b"Content-Length: 0000", line=b"POST / HTTP/1.1"),
    "an expectation without a body": head(b"Host: gw", b"Expect: 100-continue"),
    "another Via": head(b"Host: gw", b"Via: 1.1 warren-2"),
}


@pytest.mark.parametrize("request_bytes", SERVED.values(), ids=SERVED.keys())
async def test_what_is_served(request_bytes: bytes) -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(request_bytes)
        cluster = await gateway.cluster.accepts()
        await cluster.head()
        await cluster.sends(OK)
        assert (await client.head()).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    "body",
    [
        b"x\r\n", b"0x3\r\nabc\r\n", b"+3\r\nabc\r\n", b"-3\r\n", b" 3\r\nabc\r\n", b"3 \r\nabc\r\n", b"\r\n",
        b"3\nabc\r\n", b"3\r\nabcd\r\n", b"3\r\nabc\n", b"3\r\nabcX\r\n", b"1000000000000000\r\n", b"3;\0=1\r\n",
        b"3;a=\n", b"0\r\nX-A : 1\r\n\r\n", b"0\r\n folded\r\n\r\n", b"0\r\nContent-Length: 1\r\n\r\n",
        b"0\r\nX-A: 1\n\r\n", b"3;" + b"a" * 5000, b"0\r\nX: " + b"a" * 20_000,
    ],
)  # fmt: skip
@pytest.mark.parametrize("in_one", [True, False])
async def test_a_body_with_broken_chunks_is_a_400(body: bytes, *, in_one: bool) -> None:
    start = head(b"Host: gw", b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.1")
    async with stage() as gateway:
        client = await gateway.client()
        if in_one:
            await client.sends(start + body)
        else:
            await client.sends(start)
            cluster = await gateway.cluster.accepts()
            await cluster.head()
            for at in range(0, len(body), 999):
                await client.sends(body[at : at + 999])
            await cluster.is_gone()
        assert (await refusal(client))[0] == 400


async def test_a_refusal_says_what_to_do() -> None:
    async with stage() as gateway:
        client = await gateway.client()
        await client.sends(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert await refusal(client) == (400, b"this gateway speaks HTTP/1.1, not HTTP/2: let the client use HTTP/1.1")


async def test_more_connections_than_it_can_hold_are_refused_in_words_and_far_more_without() -> None:
    async with stage(limits=ServingLimits(max_connections=1)) as gateway:
        client = await gateway.client()
        await client.sends(GET)
        cluster = await gateway.cluster.accepts()
        refused = [await gateway.client() for _ in range(100)]
        for each in refused:
            status, body = await refusal(each)
            assert (status, body) == (503, b"this gateway has as many connections as it can hold; try again")
        cut = await gateway.client()
        assert await cut.everything() == b""
        await cluster.sends(OK)
        await client.gets(OK)
        for each in refused:
            each.leaves()
        client.leaves()
        await gateway.is_empty()
        again = await gateway.client()
        await again.sends(GET)
        await cluster.gets(FORWARDED_GET * 2)
        await cluster.sends(OK)
        await again.gets(OK)

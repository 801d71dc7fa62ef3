"""Against a real server on a loopback port, which answers with the bytes that the test gives it."""

import asyncio
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from warren.drivers.http import BODY_LIMIT, HttpClient
from warren.errors import ClusterFellSilent, ClusterMisbehaved, ClusterUnreachable

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Reads a request's head, then does what the test says; counts connections and keeps the heads."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self.heads: list[bytes] = []
        self.url = ""

    async def on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has had enough: that is what some tests are about
        finally:
            writer.close()


@asynccontextmanager
async def serving(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(talk)
    listening = await asyncio.start_server(server.on_connection, "127.0.0.1", 0, ssl=tls)
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()


def saying(answer: bytes) -> Talk:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    return talk


def saying_no_more_after(front: bytes) -> Talk:
    """Holds the connection open until the client closes it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(front)
        await reader.read()

    return talk


async def endless_body(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient(tls=None, connect_seconds=5)
    yield client
    await client.aclose()


async def test_an_answer_comes_whole_with_status_headers_and_body(client: HttpClient) -> None:
    async with serving(saying(b"HTTP/1.1 418 Teapot\r\nX-Tea: green\r\nContent-Length: 5\r\n\r\nh\xffllo")) as server:
        answer = await client.get(server.url + "/v1/info", {}, deadline_seconds=5)

    assert (answer.status, answer.headers["x-tea"], answer.body) == (418, "green", b"h\xffllo")


async def test_the_request_carries_the_headers_given_and_asks_for_no_encoding(client: HttpClient) -> None:
    async with serving(saying(b"HTTP/1.1 204 No Content\r\n\r\n")) as server:
        await client.get(server.url + "/a%2Fb", {"X-Forwarded-Proto": "https"}, deadline_seconds=5)

    head = server.heads[0].lower().split(b"\r\n")
    assert head[0] == b"get /a%2fb http/1.1"
    assert b"x-forwarded-proto: https" in head
    assert b"accept-encoding: identity" in head


async def test_an_encoded_body_stays_as_it_came(client: HttpClient) -> None:
    body = b"\x1f\x8b not really gzip"
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with serving(saying(head + body)) as server:
        assert (await client.get(server.url, {}, deadline_seconds=5)).body == body


async def test_a_redirect_is_an_answer_and_is_not_followed(client: HttpClient) -> None:
    answer = b"HTTP/1.1 303 See Other\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    async with serving(saying(answer)) as server:
        assert (await client.get(server.url, {}, deadline_seconds=5)).status == 303
    assert len(server.heads) == 1


async def test_cookies_are_not_sent_back(client: HttpClient) -> None:
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 0\r\n\r\n"
    async with serving(saying(answer)) as server:
        by_name = server.url.replace("127.0.0.1", "localhost")  # cookie jars are shy of bare addresses
        await client.get(by_name, {}, deadline_seconds=5)
        await client.get(by_name, {}, deadline_seconds=5)
    assert len(server.heads) == 2
    assert b"cookie" not in server.heads[1].lower()


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(saying(b"HTTP/1.1 500 Proxy\r\nContent-Length: 0\r\n\r\n")) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        client = HttpClient(tls=None, connect_seconds=5)
        async with serving(saying(b"HTTP/1.1 204 No Content\r\n\r\n")) as server:
            assert (await client.get(server.url, {}, deadline_seconds=5)).status == 204
        await client.aclose()
    assert proxy.heads == []


async def test_a_refused_connection_is_unreachable(client: HttpClient) -> None:
    with socket.socket() as bound:  # bound and not listening: nobody else can take the port meanwhile
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(ClusterUnreachable, match=r"^connection refused$"):
            await client.get(f"http://127.0.0.1:{bound.getsockname()[1]}", {}, deadline_seconds=5)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://no-such-host.invalid", "the name no-such-host.invalid cannot be resolved"),
        ("http://127.0.0.1:99999", "its URL cannot be used"),
        ("nonsense", "URL"),
    ],
)
async def test_without_a_connection_a_cluster_is_unreachable(client: HttpClient, url: str, words: str) -> None:
    with pytest.raises(ClusterUnreachable, match=words):
        await client.get(url, {}, deadline_seconds=5)


async def test_a_connection_that_takes_too_long_is_unreachable_not_silent() -> None:
    """A full backlog: the kernel takes one connection and lets the next ones wait."""
    client = HttpClient(tls=None, connect_seconds=0.05)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        try:
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(listening.getsockname())
            with pytest.raises(ClusterUnreachable, match="no connection in time"):
                await client.get(f"http://127.0.0.1:{listening.getsockname()[1]}", {}, deadline_seconds=60)
        finally:
            for each in waiting:
                each.close()
            await client.aclose()


async def test_a_server_that_hangs_up_within_the_tls_handshake_is_unreachable(client: HttpClient) -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    listening = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with listening:
        with pytest.raises(ClusterUnreachable):
            await client.get(f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}", {}, deadline_seconds=5)


async def test_plain_http_where_tls_was_expected_is_unreachable(client: HttpClient) -> None:
    async with serving(saying(b"")) as server:
        with pytest.raises(ClusterUnreachable):
            await client.get(server.url.replace("http:", "https:"), {}, deadline_seconds=0.2)


@pytest.mark.parametrize(
    "front",
    [b"", b"HTTP/1.1 200 OK\r\nContent-", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive "],
    ids=["no answer", "half a head", "half a body"],
)
async def test_a_server_that_stops_talking_fell_silent(client: HttpClient, front: bytes) -> None:
    async with serving(saying_no_more_after(front)) as server:
        with pytest.raises(ClusterFellSilent, match="did not answer in time"):
            await client.get(server.url, {}, deadline_seconds=0.1)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive ",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["closed", "no HTTP", "bad length", "long header", "cut body", "bad chunk"],
)
async def test_a_server_that_speaks_nonsense_misbehaved(client: HttpClient, answer: bytes) -> None:
    async with serving(saying(answer)) as server:
        with pytest.raises(ClusterMisbehaved) as failure:
            await client.get(server.url, {}, deadline_seconds=5)
    assert str(failure.value).isprintable()
    assert len(str(failure.value)) < 300
    assert len(server.heads) == 1, "nothing is asked twice"


async def test_a_body_without_end_is_read_up_to_its_bound(client: HttpClient) -> None:
    async with serving(endless_body) as server:
        with pytest.raises(ClusterMisbehaved, match=f"more than {BODY_LIMIT} bytes"):
            await client.get(server.url, {}, deadline_seconds=10)


async def test_a_body_of_just_the_bound_is_read_whole(client: HttpClient) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BODY_LIMIT
    async with serving(saying(head + b"x" * BODY_LIMIT)) as server:
        assert len((await client.get(server.url, {}, deadline_seconds=10)).body) == BODY_LIMIT


SELF_SIGNED = Path(__file__).with_name("self_signed.pem")
"""A certificate for 127.0.0.1 and its key, made for this test alone; good until 2126."""


async def test_a_certificate_that_nobody_trusts_is_unreachable_and_the_words_say_so(client: HttpClient) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(SELF_SIGNED)
    async with serving(saying(b"HTTP/1.1 204 No Content\r\n\r\n"), tls) as server:
        with pytest.raises(ClusterUnreachable, match="its certificate is not trusted"):
            await client.get(server.url, {}, deadline_seconds=5)
    assert server.heads == []


async def test_the_context_given_decides_which_certificates_are_trusted() -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(SELF_SIGNED)
    client = HttpClient(tls=ssl.create_default_context(cafile=SELF_SIGNED), connect_seconds=5)
    async with serving(saying(b"HTTP/1.1 204 No Content\r\n\r\n"), tls) as server:
        assert (await client.get(server.url, {}, deadline_seconds=5)).status == 204
    await client.aclose()


def test_the_library_is_not_loaded_before_it_is_needed() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, warren.drivers.http; print('aiohttp' in sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert loaded.stdout.strip() == "False"

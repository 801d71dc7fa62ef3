"""Against a real server on a loopback port, whose connections do what the test says, one step for each request."""

import asyncio
import socket
import ssl
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from warren.drivers.http import BODY_LIMIT, Answer
from warren.drivers.http_service import CONNECTIONS_PER_HOST, KeptHttpClient
from warren.errors import ClusterFellSilent, ClusterMisbehaved, ClusterUnreachable

Step = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SELF_SIGNED = Path(__file__).with_name("self_signed.pem")


class Server:
    """Takes the next step for each request, whatever connection it comes on; the last step again and again."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        self._steps = list(steps)
        self.connections = 0
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.arrived = asyncio.Semaphore(0)
        self.url = ""

    async def on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                length = next(
                    (int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"), 0
                )
                self.bodies.append(await reader.readexactly(length))
                self.arrived.release()
                step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
                await step(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has had enough: that is what some tests are about
        finally:
            writer.close()


@asynccontextmanager
async def serving(*steps: Step, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(steps)
    listening = await asyncio.start_server(server.on_connection, "127.0.0.1", 0, ssl=tls)
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()


def saying(answer: bytes, *, then_close: bool = False) -> Step:
    async def step(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        if then_close:
            writer.close()

    return step


async def reset(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What a host says that has forgotten the connection."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Holds the connection open until the client closes it."""
    await reader.read()


well = saying(OK)
closed = saying(b"", then_close=True)


@pytest.fixture
async def client() -> AsyncIterator[KeptHttpClient]:
    client = KeptHttpClient(tls=None, connect_seconds=5)
    yield client
    await client.aclose()


async def ask(client: KeptHttpClient, method: str, url: str) -> Answer:
    if method == "GET":
        return await client.get(url, [], deadline_seconds=5)
    return await client.post(url, [], b"{}", deadline_seconds=5)


async def test_a_connection_serves_again_and_again(client: KeptHttpClient) -> None:
    async with serving(well) as server:
        for _ in range(3):
            answer = await client.post(server.url, [], b"{}", deadline_seconds=5)
            assert (answer.status, answer.body) == (200, b"ok")
        await client.get(server.url, [], deadline_seconds=5)
    assert (server.connections, len(server.heads)) == (1, 4)


async def test_a_post_carries_its_body_and_each_of_its_headers(client: KeptHttpClient) -> None:
    headers = [("Content-Type", "application/json"), ("X-A", "1"), ("x-a", "2"), ("X-A", "3"), ("X-B", "zoë")]
    async with serving(well) as server:
        await client.post(server.url + "/route", headers, b'{"a":1}', deadline_seconds=5)

    lines = server.heads[0].split(b"\r\n")
    assert lines[0] == b"POST /route HTTP/1.1"
    assert [line for line in lines if line.lower().startswith(b"x-a:")] == [b"X-A: 1", b"X-A: 2", b"X-A: 3"]
    assert "X-B: zoë".encode() in lines
    assert [line for line in lines if line.lower().startswith(b"content-type")] == [b"Content-Type: application/json"]
    assert b"Accept-Encoding: identity" in lines
    assert server.bodies == [b'{"a":1}']


async def test_a_get_asks_with_its_headers_and_no_body(client: KeptHttpClient) -> None:
    async with serving(well) as server:
        await client.get(server.url + "/userinfo?a=b", [("Authorization", "Bearer abc")], deadline_seconds=5)
    lines = server.heads[0].split(b"\r\n")
    assert lines[0] == b"GET /userinfo?a=b HTTP/1.1"
    assert b"Authorization: Bearer abc" in lines
    assert b"content-length" not in server.heads[0].lower()


@pytest.mark.parametrize("goodbye", [closed, reset], ids=["closed", "reset"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_kept_connection_that_was_closed_is_replaced_once(
    client: KeptHttpClient, goodbye: Step, method: str
) -> None:
    async with serving(well, goodbye, well) as server:
        for _ in range(2):
            assert (await ask(client, method, server.url)).body == b"ok"
    assert (server.connections, len(server.heads)) == (2, 3)


async def test_the_second_try_takes_no_other_kept_connection(client: KeptHttpClient) -> None:
    both_there = asyncio.Barrier(2)

    async def together(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await both_there.wait()
        writer.write(OK)

    async with serving(together, together, closed, well) as server:
        await asyncio.gather(*(client.post(server.url, [], b"{}", deadline_seconds=5) for _ in range(2)))
        assert (await client.post(server.url, [], b"{}", deadline_seconds=5)).body == b"ok"
    assert server.connections == 3


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_there_is_no_third_try(client: KeptHttpClient, method: str) -> None:
    async with serving(well, closed) as server:
        await ask(client, method, server.url)
        with pytest.raises(ClusterMisbehaved):
            await ask(client, method, server.url)
    assert len(server.heads) == 3


@pytest.mark.parametrize("goodbye", [closed, reset], ids=["closed", "reset"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_fresh_connection_that_breaks_is_not_replaced(
    client: KeptHttpClient, goodbye: Step, method: str
) -> None:
    async with serving(goodbye) as server:
        with pytest.raises(ClusterMisbehaved):
            await ask(client, method, server.url)
    assert len(server.heads) == 1


@pytest.mark.parametrize(
    "front",
    [b"H", b"HTTP/1.1 200 OK\r\nContent-", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive ", b"SSH-2.0\r\n\r\n"],
    ids=["a byte", "half a head", "half a body", "no HTTP"],
)
async def test_what_had_begun_to_answer_is_not_asked_again(client: KeptHttpClient, front: bytes) -> None:
    async with serving(well, saying(front, then_close=True), well) as server:
        await client.post(server.url, [], b"{}", deadline_seconds=5)
        with pytest.raises(ClusterMisbehaved):
            await client.post(server.url, [], b"{}", deadline_seconds=5)
    assert len(server.heads) == 2


async def test_a_kept_connection_that_is_silent_is_not_tried_again(client: KeptHttpClient) -> None:
    async with serving(well, silence) as server:
        await client.post(server.url, [], b"{}", deadline_seconds=5)
        with pytest.raises(ClusterFellSilent, match="did not answer in time"):
            await client.post(server.url, [], b"{}", deadline_seconds=0.1)
    assert len(server.heads) == 2


async def test_the_second_try_has_the_rest_of_the_deadline(client: KeptHttpClient) -> None:
    async with serving(well, closed, silence) as server:
        await client.post(server.url, [], b"{}", deadline_seconds=5)
        with pytest.raises(ClusterFellSilent):
            await client.post(server.url, [], b"{}", deadline_seconds=0.1)


@pytest.mark.parametrize("deadline", [0.0, -1.0])
async def test_a_deadline_that_has_passed_is_one(client: KeptHttpClient, deadline: float) -> None:
    async with serving(silence) as server:
        with pytest.raises(ClusterUnreachable, match="no connection in time"):
            await client.post(server.url, [], b"{}", deadline_seconds=deadline)


async def test_who_waits_for_a_free_connection_finds_the_server_slow_and_not_gone(client: KeptHttpClient) -> None:
    async with serving(silence) as server, asyncio.TaskGroup() as group:
        waiting = [
            group.create_task(client.post(server.url, [], b"", deadline_seconds=60))
            for _ in range(CONNECTIONS_PER_HOST)
        ]
        for _ in waiting:
            await server.arrived.acquire()
        with pytest.raises(ClusterFellSilent, match="all connections to it were busy"):
            await client.post(server.url, [], b"", deadline_seconds=0.05)
        assert server.connections == CONNECTIONS_PER_HOST
        for each in waiting:
            each.cancel()


async def test_a_client_that_leaves_frees_its_connection(client: KeptHttpClient) -> None:
    async with serving(silence) as server:
        for _ in range(CONNECTIONS_PER_HOST + 1):
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(client.post(server.url, [], b"", deadline_seconds=60))
                await server.arrived.acquire()
                asking.cancel()
    assert server.connections == CONNECTIONS_PER_HOST + 1


async def test_a_refused_connection_is_unreachable(client: KeptHttpClient) -> None:
    with socket.socket() as bound:  # bound and not listening: nobody else can take the port meanwhile
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(ClusterUnreachable, match=r"^connection refused$"):
            await client.post(f"http://127.0.0.1:{bound.getsockname()[1]}", [], b"", deadline_seconds=5)


async def test_a_connection_that_takes_too_long_is_unreachable_not_silent() -> None:
    """A full backlog: the kernel takes one connection and lets the next ones wait."""
    client = KeptHttpClient(tls=None, connect_seconds=0.05)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        try:
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(listening.getsockname())
            with pytest.raises(ClusterUnreachable, match="no connection in time"):
                await client.get(f"http://127.0.0.1:{listening.getsockname()[1]}", [], deadline_seconds=60)
        finally:
            for each in waiting:
                each.close()
            await client.aclose()


async def test_a_body_longer_than_the_bound_misbehaved_and_its_connection_is_not_kept(client: KeptHttpClient) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
    too_much, just = (saying(head % size + b"x" * size) for size in (8 * BODY_LIMIT, BODY_LIMIT))
    async with serving(too_much, just) as server:
        with pytest.raises(ClusterMisbehaved, match=f"more than {BODY_LIMIT} bytes"):
            await client.post(server.url, [], b"", deadline_seconds=10)
        assert len((await client.post(server.url, [], b"", deadline_seconds=10)).body) == BODY_LIMIT
    assert server.connections == 2


async def test_a_redirect_is_an_answer_and_is_not_followed(client: KeptHttpClient) -> None:
    async with serving(saying(b"HTTP/1.1 307 There\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")) as server:
        assert (await client.post(server.url, [], b"", deadline_seconds=5)).status == 307
    assert len(server.heads) == 1


async def test_cookies_are_not_sent_back_and_those_given_stay_as_they_are(client: KeptHttpClient) -> None:
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 0\r\n\r\n"
    async with serving(saying(answer)) as server:
        by_name = server.url.replace("127.0.0.1", "localhost")  # cookie jars are shy of bare addresses
        for _ in range(2):
            await client.post(by_name, [("Cookie", 'x="y z"; =odd')], b"", deadline_seconds=5)
    assert [line for line in server.heads[1].split(b"\r\n") if line.lower().startswith(b"cookie")] == [
        b'Cookie: x="y z"; =odd'
    ]


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(saying(b"HTTP/1.1 500 Proxy\r\nContent-Length: 0\r\n\r\n")) as proxy, serving(well) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        client = KeptHttpClient(tls=None, connect_seconds=5)
        assert (await client.post(server.url, [], b"", deadline_seconds=5)).status == 200
        await client.aclose()
    assert proxy.heads == []


async def test_the_context_given_decides_which_certificates_are_trusted(client: KeptHttpClient) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(SELF_SIGNED)
    trusting = KeptHttpClient(tls=ssl.create_default_context(cafile=SELF_SIGNED), connect_seconds=5)
    async with serving(well, tls=tls) as server:
        assert (await trusting.post(server.url, [], b"", deadline_seconds=5)).status == 200
        assert (await trusting.post(server.url, [], b"", deadline_seconds=5)).status == 200
        assert server.connections == 1
        with pytest.raises(ClusterUnreachable, match="its certificate is not trusted"):
            await client.post(server.url, [], b"", deadline_seconds=5)
    await trusting.aclose()


def test_the_library_is_not_loaded_before_it_is_needed() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, warren.drivers.http_service; print('aiohttp' in sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert loaded.stdout.strip() == "False"

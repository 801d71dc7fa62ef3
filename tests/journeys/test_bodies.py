"""Bodies of any size and pace, both ways: what goes in at one end comes out at the other, and nothing piles up."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from tests.fixtures.gateway import GatewayProcess
from tests.journeys.fake_cluster import FakeCluster, Misdeed, fake_cluster
from tests.journeys.scene import Connection, Cut, gateway, until

MIB = 1024 * 1024
PIECE = os.urandom(256 * 1024)
"""Random: neither text nor JSON, and no compression makes it small."""


def large(pieces: int, *, chunked: bool) -> Misdeed:
    """An answer of so many pieces."""

    async def misdeed(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {pieces * len(PIECE)}"
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Encoding: gzip\r\n{framing}\r\n\r\n"
        )
        writer.write(head.encode())
        for _ in range(pieces):
            writer.write(b"%x\r\n%b\r\n" % (len(PIECE), PIECE) if chunked else PIECE)
            await writer.drain()
        if chunked:
            writer.write(b"0\r\n\r\n")
        await writer.drain()

    return misdeed


@asynccontextmanager
async def process_before(directory: Path, cluster: FakeCluster) -> AsyncIterator[GatewayProcess]:
    process = GatewayProcess(directory / "gateway")
    try:
        await asyncio.to_thread(process.start)
        await asyncio.to_thread(process.add, "blue", cluster.url)
        await asyncio.to_thread(process.wait_for_status, "blue", "HEALTHY")
        yield process
    finally:
        process.kill()


def memory_of(process: GatewayProcess) -> int:
    resident: int = psutil.Process(process.pid).memory_info().rss
    return resident


async def read_through(connection: Connection) -> tuple[int, str]:
    """Length and digest of the rest of an answer, framing included: never held whole."""
    digest, length = hashlib.sha256(), 0
    while data := await connection.some():
        digest.update(data)
        length += len(data)
    return length, digest.hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("mib", [64, pytest.param(1024, marks=pytest.mark.soak)])
async def test_a_large_answer_comes_out_as_it_went_in(tmp_path: Path, mib: int, chunked: bool) -> None:
    """Byte for byte, framing too, and the memory of the instance does not grow by more than a stream may take."""
    pieces = mib * 4
    expected = hashlib.sha256()
    for _ in range(pieces):
        expected.update(b"%x\r\n%b\r\n" % (len(PIECE), PIECE) if chunked else PIECE)
    expected.update(b"0\r\n\r\n" if chunked else b"")
    async with fake_cluster(large(pieces, chunked=chunked)) as blue, process_before(tmp_path, blue) as process:
        before = memory_of(process)
        async with await Connection.to(process.url) as client:
            client.begin("GET", "/v1/spooled/download/abc", headers={"Connection": "close"})
            assert (await client.head())[b"content-encoding"] == b"gzip"
            _, digest = await read_through(client)
        assert digest == expected.hexdigest()
        assert memory_of(process) - before < 4 * MIB


@pytest.mark.slow
@pytest.mark.parametrize("mib", [16, pytest.param(100, marks=pytest.mark.soak)])
async def test_a_large_post_arrives_as_it_was_sent(tmp_path: Path, mib: int) -> None:
    got, length = hashlib.sha256(), 0

    async def takes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal length
        while length < mib * MIB:
            data = await reader.read(MIB)
            got.update(data)
            length += len(data)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    sent = hashlib.sha256()
    async with fake_cluster(takes) as blue, process_before(tmp_path, blue) as process:
        before = memory_of(process)
        async with await Connection.to(process.url) as client:
            client.writer.write(b"POST /v1/statement HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (mib * MIB))
            for _ in range(mib * 4):
                sent.update(PIECE)
                client.writer.write(PIECE)
                await client.writer.drain()
            assert b" 400 " in await client.first_line()
        assert (length, got.hexdigest()) == (mib * MIB, sent.hexdigest())
        assert memory_of(process) - before < 6 * MIB


async def test_bytes_that_trickle_in_are_passed_on_as_they_come(tmp_path: Path) -> None:
    go_on = asyncio.Semaphore(0)

    async def trickles(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        for letter in b"hello":
            await go_on.acquire()
            writer.write(bytes([letter]))

    async with (
        fake_cluster(trickles) as blue,
        gateway(tmp_path, {"blue": blue.url}) as here,
        await Connection.to(here.url) as client,
    ):
        client.begin("GET", "/v1/node")
        await client.head()
        for letter in b"hello":
            go_on.release()
            assert await client.some() == bytes([letter]), "before the next one leaves the cluster"


async def test_a_slow_reader_slows_its_cluster_down(tmp_path: Path) -> None:
    sent = 0

    async def endless(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            writer.write(PIECE)
            await writer.drain()
            sent += len(PIECE)

    async with (
        fake_cluster(endless) as blue,
        gateway(tmp_path, {"blue": blue.url}) as here,
        await Connection.to(here.url) as client,
    ):
        client.begin("GET", "/v1/node")
        await client.head()
        before = -1
        while before != sent:  # until a quarter of a second brings nothing more
            before = sent
            await asyncio.sleep(0.25)
        assert sent < 32 * MIB, "no more than the sockets' own buffers hold"
        for _ in range(100):
            await client.some()
        await until(lambda: sent > before, "the cluster to go on")


async def test_a_client_that_leaves_frees_its_cluster_within_a_second(tmp_path: Path) -> None:
    left = asyncio.Event()

    async def waits(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        try:
            assert await reader.read() == b""
        finally:
            left.set()

    async with fake_cluster(waits) as blue, gateway(tmp_path, {"blue": blue.url}) as here:
        for method, target in (("GET", "/v1/node"), ("POST", "/v1/statement"), ("GET", "/v1/spooled/download/abc")):
            left.clear()
            seen = len(blue.asked)
            async with await Connection.to(here.url) as client:
                client.begin(method, target, "SELECT 1" if method == "POST" else None)
                await until(lambda seen=seen: len(blue.asked) > seen, "the request")  # type: ignore[misc]  # mypy cannot infer a lambda with a default
            async with asyncio.timeout(1):
                await left.wait()


@pytest.mark.parametrize("framing", [b"Content-Length: 1000", b"Transfer-Encoding: chunked"])
async def test_an_answer_that_breaks_off_is_seen_as_broken(tmp_path: Path, framing: bytes) -> None:
    async def breaks_off(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = b"5\r\nhello\r\n" if b"chunked" in framing else b"hello"
        writer.write(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n" + body)
        await writer.drain()

    async with (
        fake_cluster(breaks_off) as blue,
        gateway(tmp_path, {"blue": blue.url}) as here,
        await Connection.to(here.url) as client,
    ):
        with pytest.raises(Cut):
            await client.ask("GET", "/v1/node")

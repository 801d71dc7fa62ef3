"""A cluster that is healthy for whoever asks, and does with every other request what a test says, byte by byte."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

INFO = b'{"nodeVersion":{"version":"476"},"environment":"test","coordinator":true,"starting":false,"uptime":"1.00m"}'

Misdeed = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""What it does with a request whose head has been read. The connection is closed when it returns."""


class FakeCluster:
    def __init__(self, misdeed: Misdeed) -> None:
        self.misdeed = misdeed
        self.asked: list[bytes] = []
        """Heads of all requests but those for `/v1/info`, in the order of their arrival."""
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if b"/v1/info " not in head.split(b"\r\n")[0]:
                    self.asked.append(head)
                    await self.misdeed(reader, writer)
                    break
                writer.write(answer(200, INFO, "application/json"))
        writer.close()


@asynccontextmanager
async def fake_cluster(misdeed: Misdeed) -> AsyncIterator[FakeCluster]:
    cluster = FakeCluster(misdeed)
    server = await asyncio.start_server(cluster.serve, "127.0.0.1", 0)
    cluster.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield cluster
    finally:
        server.close()


def answer(status: int, body: bytes, content_type: str = "text/plain") -> bytes:
    head = f"HTTP/1.1 {status} Whatever\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def answering(status: int, body: bytes = b"not now") -> Misdeed:
    async def misdeed(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(status, body))

    return misdeed


def sending(data: bytes) -> Misdeed:
    """These bytes, and then the end of the connection."""

    async def misdeed(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)

    return misdeed


async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Takes everything, and never says a word."""
    while await reader.read(64 * 1024):
        pass

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from bench.held import PAGE, WELL, Holding
from bench.traffic import INFO, POLL

POLLED = f"GET {POLL} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
ASKED = f"GET {INFO} HTTP/1.1\r\nHost: a\r\n\r\n".encode()


@asynccontextmanager
async def connected(seconds: float) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    server = await asyncio.get_running_loop().create_server(lambda: Holding(seconds), "127.0.0.1", 0)
    async with server, asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        try:
            yield reader, writer
        finally:
            writer.close()
            with suppress(ConnectionResetError):
                await writer.wait_closed()


async def test_a_poll_is_held_while_the_cluster_says_at_once_that_it_is_well() -> None:
    async with connected(0.05) as (reader, writer):
        writer.write(POLLED + ASKED)

        assert await reader.readexactly(len(WELL + PAGE)) == WELL + PAGE


@pytest.mark.parametrize("cut", [1, 20, len(POLLED) - 1])
async def test_a_request_may_come_in_pieces(cut: int) -> None:
    async with connected(0) as (reader, writer):
        writer.write(POLLED[:cut])
        await writer.drain()
        writer.write(POLLED[cut:] + POLLED)

        assert await reader.readexactly(2 * len(PAGE)) == PAGE + PAGE


async def test_a_head_without_end_is_not_kept() -> None:
    async with connected(0) as (reader, writer):
        writer.write(b"x" * 200_000)

        with pytest.raises(ConnectionResetError):
            await reader.read()

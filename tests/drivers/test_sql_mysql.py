"""Against a server that offers no TLS, a demand for TLS sends nothing: no name, no password."""

import asyncio
import gc
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from warren.drivers.sql import Database
from warren.errors import StoreUnavailable
from warren.settings.stores.jdbc import DatabaseUrl

PLAIN_SERVER = 0x0008_F7FF  # what MySQL can do, without CLIENT_SSL (0x800)
GREETING = (
    b"\x0a5.7.44\0" + struct.pack("<I", 1) + b"12345678\0"
    + struct.pack("<H", PLAIN_SERVER & 0xFFFF) + b"\x2d" + struct.pack("<H", 2) + struct.pack("<H", PLAIN_SERVER >> 16)
    + b"\x15" + bytes(10) + b"123456789012\0" + b"mysql_native_password\0"
)  # fmt: skip

TLS_GREETING = GREETING.replace(
    struct.pack("<H", PLAIN_SERVER & 0xFFFF) + b"\x2d", struct.pack("<H", (PLAIN_SERVER | 0x800) & 0xFFFF) + b"\x2d"
)


@asynccontextmanager
async def plain_server(heard: asyncio.Queue[bytes]) -> AsyncIterator[int]:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(struct.pack("<I", len(GREETING)) + GREETING)
        heard.put_nowait(await reader.read(4096))
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("mode", "sent"), [("require", False), ("verify-full", False), ("disable", True), ("prefer", True)]
)
async def test_credentials_are_sent_in_plain_text_only_where_that_is_allowed(mode: str, sent: bool) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    async with plain_server(heard) as port:
        url = DatabaseUrl(
            dialect="mysql",
            host="127.0.0.1",
            port=port,
            database="d",
            user="ann",
            password=SecretStr("x"),
            options={"sslmode": mode},
        )
        database = Database(url, deadline=5.0)
        try:
            with pytest.raises(StoreUnavailable) as caught:
                await database.ping()
        finally:
            await database.close()
        assert (b"ann\0" in await heard.get()) is sent
    assert sent or "TLS is demanded by the URL, and the server offers none" in str(caught.value)


async def test_a_connection_that_is_given_up_is_closed_at_once() -> None:
    """Also in the middle of the TLS handshake, and not when garbage is collected: while a server hangs, many try."""
    ended = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(struct.pack("<I", len(TLS_GREETING)) + TLS_GREETING)
        await reader.read()
        ended.set()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        url = DatabaseUrl(
            dialect="mysql", host="127.0.0.1", port=port, database="d", user="ann", password=SecretStr("x")
        )
        database = Database(url, deadline=0.2)
        gc.disable()
        try:
            with pytest.raises(StoreUnavailable):
                await database.ping()
            async with asyncio.timeout(5):
                await ended.wait()
        finally:
            gc.enable()
            await database.close()
            gc.collect()

"""A server that speaks Valkey's protocol as a test tells it to: late, wrongly, or not at all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

Words = tuple[bytes, ...]
Say = Callable[[Words], Awaitable[bytes | None]]
"""What to reply to a command, as bytes of the protocol; None closes the connection."""


class Talking:
    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.heard: list[Words] = []


@asynccontextmanager
async def talking(say: Say) -> AsyncIterator[Talking]:
    """The library's greetings (CLIENT SETNAME) are answered here."""
    here = Talking()
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here.connections += 1
        writers.append(writer)
        try:
            while (words := await read_command(reader)) is not None:
                if words[0] == b"CLIENT":
                    writer.write(b"+OK\r\n")
                    continue
                here.heard.append(words)
                said = await say(words)
                if said is None:
                    break
                writer.write(said)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    here.port = server.sockets[0].getsockname()[1]
    try:
        yield here
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        for writer in writers:
            with suppress(ConnectionError):
                await writer.wait_closed()


async def read_command(reader: asyncio.StreamReader) -> Words | None:
    line = await reader.readline()
    if not line:
        return None
    words = []
    for _ in range(int(line[1:])):
        length = int((await reader.readline())[1:])
        words.append((await reader.readexactly(length + 2))[:-2])
    return tuple(words)


def bulk(value: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(value), value)


def always(reply: bytes | None) -> Say:
    async def say(_words: Words) -> bytes | None:
        return reply

    return say


def in_turn(replies: Sequence[bytes | None]) -> Say:
    left = list(replies)

    async def say(_words: Words) -> bytes | None:
        return left.pop(0)

    return say

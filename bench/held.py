"""A cluster that holds every poll for a second, as Trino does while a query has nothing new to tell.

`python -m bench.held PORT [SECONDS]`; nginx cannot wait, so this is a small program of its own.
"""

import asyncio
import sys
from typing import Final, cast

import uvloop

from bench.traffic import ANSWER_HEADERS, INFO, INFO_BODY, QUERY_ID, page

BACKLOG: Final = 4096
HEAD_ENDS: Final = b"\r\n\r\n"
LONGEST_HEAD: Final = 64 * 1024


def answer(body: str, *, date: str | None = None) -> bytes:
    """A whole answer as Trino would give it."""
    dated = (("Date", date),) if date else ()
    fields = (*dated, ("Content-Type", "application/json"), ("Content-Length", str(len(body))), *ANSWER_HEADERS)
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"HTTP/1.1 200 OK\r\n{lines}\r\n{body}".encode()


PAGE: Final = answer(page(QUERY_ID))
WELL: Final = answer(INFO_BODY)
ASKS_INFO: Final = f"GET {INFO} ".encode()


class Holding(asyncio.Protocol):
    """One connection. Reads requests without a body, answers each after `seconds`, but at once how the cluster is."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes, though they behave as one.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        *heads, self._unread = (self._unread + data).split(HEAD_ENDS)
        if len(self._unread) > LONGEST_HEAD:
            self._transport.abort()
        for head in heads:
            if head.startswith(ASKS_INFO):
                self._transport.write(WELL)
            else:
                asyncio.get_running_loop().call_later(self._seconds, self._transport.write, PAGE)


async def serve(port: int, seconds: float) -> None:
    """Until it is cancelled."""
    server = await asyncio.get_running_loop().create_server(
        lambda: Holding(seconds), "127.0.0.1", port, backlog=BACKLOG
    )
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 1.0))

"""What an exchange needs of the client's connection, and what it says to a client that is too slow."""

import asyncio
import socket
import struct
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from warren.errors import GatewayError
from warren.wire.body import RequestBody
from warren.wire.syntax.forwarded import Peer, Rewrite
from warren.wire.syntax.heads import RequestFields
from warren.wire.ticker import Ticker
from warren.wire.upstream import Upstream

NEVER: Final = float("inf")
"""A deadline that does not come: whoever is waited for has one of their own."""

LINGER_SECONDS: Final = 2.0
"""How long a client that is still sending after its last answer may be silent before the connection is cut (RFC 9112, 9.6)."""

LINGER_AT_MOST_SECONDS: Final = 30.0
"""How long it may go on sending in all."""


@dataclass(slots=True)
class ClientCounts:
    """What passed between this process and its clients. Written at every poll, so nothing here is looked up by name."""

    answers: list[int] = field(default_factory=lambda: [0] * 600)
    """Requests that are over, by the status of their answer; 0 when the client left before it."""
    received: int = 0
    """Bytes, without what TLS adds."""
    sent: int = 0
    refused: int = 0
    """Connections for which there was no room."""


class Request(Protocol):
    """The exchange, as the client's connection sees it."""

    fields: RequestFields
    method: bytes
    target: bytes
    line: bytes
    rewrite: Rewrite
    body: RequestBody | None

    def over(self) -> None: ...


class Client(Protocol):
    """The client's connection, as its exchange sees it."""

    transport: asyncio.Transport
    counts: ClientCounts
    ticker: Ticker
    deadline: float
    """Loop time at which the exchange is asked what to do about the silence."""
    keeps_open: bool
    """The client gets this answer as it stands: it speaks HTTP/1.1 and its connection stays open."""
    http_1_0: bool
    read_paused: bool
    """The client was asked to wait with the rest of its request."""
    write_paused: bool
    """The client is slower than its answer."""

    peer: Peer

    def write(self, data: bytes) -> None: ...

    def body_deadline(self) -> float: ...

    def address(self, exchange: Request) -> bytes:
        """Whose request it is, as far as the instance believes it."""

    def request_head(self, exchange: Request, upstream: Upstream) -> bytes: ...

    def is_serving(self, exchange: Request) -> bool:
        """False once the client has its answer, or has left."""

    def answer(
        self, exchange: Request, status: int, content_type: bytes, body: bytes, extra: tuple[bytes, ...]
    ) -> None: ...

    def refuse(self, exchange: Request, error: GatewayError) -> None: ...

    def finished(self, exchange: Request) -> None: ...

    def break_off(self) -> None:
        """Close so that the client cannot take what it has for a whole answer."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def start(self, decision: Coroutine[Any, Any, None]) -> "asyncio.Task[None]": ...

    def note_unsent(self) -> None:
        """More was written while the client took nothing: from now on its progress counts."""

    def has_progressed(self) -> bool:
        """The client has taken some of its answer since this was last asked, or noted."""


class RequestTooSlow(GatewayError):
    """The client stopped sending its request."""

    status = 408


class BadBody(GatewayError):
    """The framing of the request's body cannot be read."""

    status = 400


def reset(transport: asyncio.Transport) -> None:
    """Close so that the peer sees a reset: an orderly end would make what it has look like a whole answer."""
    sock = transport.get_extra_info("socket")
    if sock is not None and not transport.is_closing():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()

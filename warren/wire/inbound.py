"""A client's connection: reads heads, frames bodies, keeps the order of requests, and hands each to the service."""

import asyncio
import re
from collections.abc import Coroutine
from typing import Any, Final, cast

from warren.errors import GatewayError
from warren.wire.body import RequestBody
from warren.wire.exchange import NEVER, Exchange
from warren.wire.serving import Serving
from warren.wire.syntax.answers import CONTINUE, own_answer
from warren.wire.syntax.chunks import ChunkReader
from warren.wire.syntax.forwarded import Peer, request_block
from warren.wire.syntax.heads import (
    ALLOW,
    CARRIED,
    HTTP2_PREFACE,
    REQUEST_LINE,
    Malformed,
    RequestFields,
    read_request_fields,
)
from warren.wire.upstream import Upstream

REMEMBERED_BLOCK: Final = 4096
"""Bytes of the largest field block that is remembered for the next request of the connection."""

AHEAD: Final = 64 * 1024
"""Bytes of the next requests that may wait while one is being answered."""

EMPTY_LINES: Final = re.compile(rb"(?:\r\n)++")

LINGER_SECONDS: Final = 2.0
"""How long a client may go on sending after its last answer before the connection is cut (RFC 9112, 9.6)."""


def without_empty_lines(data: bytes) -> bytes:
    """What follows the empty lines before a request (RFC 9112, 2.2: they are ignored); empty when there are none, or nothing else."""
    found = EMPTY_LINES.match(data)
    return data[found.end() :] if found else b""


class ClientConnection(asyncio.Protocol):
    """One connection of a client. One exchange at a time; requests sent ahead wait for their turn."""

    __slots__ = (
        "_block",
        "_body_left",
        "_buffer",
        "_chunks",
        "_exchange",
        "_fields",
        "_lingering",
        "_peer",
        "_read_paused",
        "_sent",
        "_sent_to",
        "_serving",
        "_unsent",
        "deadline",
        "http_1_0",
        "keeps_open",
        "transport",
        "write_paused",
    )
    transport: asyncio.Transport
    _peer: Peer
    _fields: RequestFields

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self.deadline = NEVER
        self.http_1_0 = False
        self.keeps_open = True
        self.write_paused = False
        self._buffer = b""
        self._exchange: Exchange | None = None
        self._block = b""
        self._sent = b""
        self._sent_to: Upstream | None = None
        self._body_left = 0
        self._chunks: ChunkReader | None = None
        self._lingering = False
        self._read_paused = False
        self._unsent = 0

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one by shape, not by descent
        peername = transport.get_extra_info("peername")
        address = peername[0] if isinstance(peername, tuple) else "unix"
        self._peer = Peer(address.encode("ascii"), b"https" if transport.get_extra_info("ssl_object") else b"http")
        self.deadline = self.now() + self._serving.limits.head_timeout
        if not self._serving.admit(self):
            self._refuse_and_close(503, "this gateway has as many connections as it can hold; try again")

    def connection_lost(self, error: Exception | None) -> None:
        self._serving.forget(self)
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.left()

    def eof_received(self) -> bool:
        return False

    def data_received(self, data: bytes) -> None:
        if self._exchange is not None:
            self._during_exchange(data)
        elif self._lingering:
            return
        else:
            if self._buffer:
                data = self._buffer + data
                self._buffer = b""
            self._read_head(data)

    def pause_writing(self) -> None:
        self.write_paused = True
        self._unsent = self.transport.get_write_buffer_size()
        if self._exchange is not None:
            self._exchange.client_drains(can_write=False)

    def resume_writing(self) -> None:
        self.write_paused = False
        if self._exchange is not None:
            self._exchange.client_drains(can_write=True)

    # --- reading

    def _read_head(self, data: bytes) -> None:
        end = data.find(b"\r\n\r\n")
        if end < 0 or end > self._serving.limits.max_head:
            self._unfinished_head(data)
            return
        end += 4
        line_end = data.find(b"\r\n")
        found = REQUEST_LINE.fullmatch(data, 0, line_end)
        if found is None:
            self._unreadable_line(data, line_end, end)
            return
        method, target, minor = found.groups()
        block = data[line_end + 2 : end]
        try:
            if block != self._block or self.http_1_0 != (minor == b"0"):
                self._learn(block, http_1_0=minor == b"0")
        except Malformed as error:
            self._refuse_and_close(error.status, str(error))
            return
        fields = self._fields
        self.keeps_open = not (fields.close or self._serving.draining)
        self._buffer = data[end:] if len(data) > end else b""
        self._exchange = exchange = Exchange(self, fields, method, target, data[: line_end + 2])
        if fields.framing.chunked or fields.framing.length:
            self._expect_body(exchange, fields)
        if method not in CARRIED:
            exchange.answer(
                405, *self._serving.service.refusal(405, "this method is not carried", None), (b"Allow: " + ALLOW,)
            )
            return
        self._serving.service.requested(exchange)
        if exchange.body is not None and self._exchange is exchange:
            self._first_of_body(exchange)

    def _unfinished_head(self, data: bytes) -> None:
        if stripped := without_empty_lines(data):
            self.data_received(stripped)
        elif data.startswith(HTTP2_PREFACE[: len(data)]) and len(data) >= len(HTTP2_PREFACE):
            self._refuse_and_close(400, "this gateway speaks HTTP/1.1 only, not HTTP/2 without TLS negotiation")
        elif len(data) > self._serving.limits.max_head:
            self._refuse_and_close(
                431, f"the head of this request is larger than {self._serving.limits.max_head} bytes"
            )
        elif b"\n" in data and b"\r\n" not in data:
            self._refuse_and_close(400, "the lines of a request's head must end with CR LF")
        else:
            if not self._buffer and self.deadline > (limit := self.now() + self._serving.limits.head_timeout):
                self.deadline = limit
            self._buffer = data

    def _unreadable_line(self, data: bytes, line_end: int, end: int) -> None:
        if stripped := without_empty_lines(data):
            self.data_received(stripped)
        elif data.startswith(HTTP2_PREFACE):
            self._refuse_and_close(400, "this gateway speaks HTTP/1.1 only, not HTTP/2 without TLS negotiation")
        else:
            self._refuse_and_close(
                400, "the first line of this request is malformed: METHOD /path HTTP/1.1 is expected"
            )

    def _learn(self, block: bytes, *, http_1_0: bool) -> None:
        fields = read_request_fields(block, http_1_0=http_1_0, max_fields=self._serving.limits.max_fields)
        self._fields = fields
        self.http_1_0 = http_1_0
        self._block = block if len(block) <= REMEMBERED_BLOCK else b""
        self._sent_to = None

    # --- the request's body

    def _expect_body(self, exchange: Exchange, fields: RequestFields) -> None:
        exchange.body = RequestBody(self._serving.budget)
        self._body_left = fields.framing.length
        self._chunks = ChunkReader() if fields.framing.chunked else None

    def _first_of_body(self, exchange: Exchange) -> None:
        data, self._buffer = self._buffer, b""
        if data:
            self._during_exchange(data)
        if self._fields.expects_continue and self._exchange is exchange and not exchange.answer_began:
            assert exchange.body is not None
            if not exchange.body.complete:
                self.transport.write(CONTINUE)

    def _during_exchange(self, data: bytes) -> None:
        exchange = self._exchange
        assert exchange is not None
        if exchange.body is None or exchange.body.complete:
            self._buffer += data
            if len(self._buffer) > AHEAD:
                self.pause()
            return
        if self._chunks is None:
            size = min(self._body_left, len(data))
            self._body_left -= size
            complete = not self._body_left
        else:
            try:
                size = self._chunks.feed(data)
            except Malformed as error:
                self.keeps_open = False
                exchange.refuse(BadBody(str(error)))
                return
            complete = size >= 0
            if not complete:
                size = len(data)
        if size < len(data):
            self._buffer = data[size:]
            data = data[:size]
        exchange.body_arrived(data, complete=complete)

    # --- Client: what the exchange needs

    def now(self) -> float:
        return self._serving.ticker.now

    def body_deadline(self) -> float:
        return self._serving.ticker.now + self._serving.limits.body_idle

    def request_head(self, exchange: Exchange, upstream: Upstream) -> bytes:
        serving = self._serving
        if exchange.identity:
            block = request_block(exchange.fields, self._peer, serving.forwarding, upstream.destination, identity=True)
        elif self._sent_to is upstream:
            block = self._sent
        else:
            block = request_block(exchange.fields, self._peer, serving.forwarding, upstream.destination)
            self._sent_to, self._sent = upstream, block
        if upstream.prefix or self.http_1_0:
            return b"%b %b%b HTTP/1.1\r\n%b" % (exchange.method, upstream.prefix, exchange.target, block)
        return exchange.line + block

    def answer(
        self, exchange: Exchange, status: int, content_type: bytes, body: bytes, extra: tuple[bytes, ...]
    ) -> None:
        close = not self.keeps_open
        head_only = exchange.method == b"HEAD"
        self.transport.write(own_answer(status, content_type, body, extra, close=close, head_only=head_only))
        self.finished(exchange)

    def refuse(self, exchange: Exchange, error: GatewayError) -> None:
        content_type, body = self._serving.service.refusal(error.status, str(error), exchange.fields.first(b"accept"))
        self.answer(exchange, error.status, content_type, body, ())

    def finished(self, exchange: Exchange) -> None:
        if self._exchange is not exchange:
            return
        self._exchange = None
        exchange.over()
        if exchange.body is not None and not exchange.body.complete:
            self._linger()
            return
        if not self.keeps_open:
            self._close()
            return
        self.deadline = self.now() + self._serving.limits.idle_timeout
        if self._read_paused:
            self.resume()
        if self._buffer:
            asyncio.get_running_loop().call_soon(self._next_request)

    def pause(self) -> None:
        if not self._read_paused:
            self._read_paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        if self._read_paused:
            self._read_paused = False
            if not self.transport.is_closing():
                self.transport.resume_reading()

    def start(self, decision: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        return self._serving.tasks.start(decision, name="exchange")

    def has_progressed(self) -> bool:
        """The client has taken some of its answer since this was last asked."""
        before, self._unsent = self._unsent, self.transport.get_write_buffer_size()
        return self._unsent < before

    # --- ending

    def expired(self) -> None:
        """The deadline has passed."""
        exchange = self._exchange
        if exchange is not None:
            self.deadline = NEVER
            exchange.expired()
        elif self._buffer and not self._lingering:
            self._refuse_and_close(408, "the head of this request did not arrive in time")
        else:
            self.transport.abort() if self._lingering else self.transport.close()
            self.deadline = self.now() + LINGER_SECONDS
            self._lingering = True

    def drain(self) -> None:
        """Answer what is being answered, then close; an idle connection is closed now."""
        if self._exchange is None and not self._lingering:
            self._close()
        else:
            self.keeps_open = False

    def _next_request(self) -> None:
        if self._exchange is None and self._buffer and not self._lingering:
            data, self._buffer = self._buffer, b""
            self._read_head(data)

    def _refuse_and_close(self, status: int, sentence: str) -> None:
        content_type, body = self._serving.service.refusal(status, sentence, None)
        self.transport.write(own_answer(status, content_type, body, (), close=True, head_only=False))
        self._linger()

    def _linger(self) -> None:
        """The answer must arrive although the client is still sending: a plain close would reset the connection."""
        self._lingering = True
        self._buffer = b""
        self.deadline = self.now() + LINGER_SECONDS
        self.resume()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def _close(self) -> None:
        self._lingering = True
        self._buffer = b""
        self.deadline = self.now() + LINGER_SECONDS
        self.transport.close()


class BadBody(GatewayError):
    """The framing of the request's body cannot be read."""

    status = 400

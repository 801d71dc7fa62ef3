"""A client's connection: reads heads, frames bodies, keeps the order of requests, and hands each to the service."""

import asyncio
from collections.abc import Coroutine
from typing import Any, cast

import structlog

from warren.errors import GatewayError
from warren.wire.body import RequestBody
from warren.wire.client import LINGER_AT_MOST_SECONDS, LINGER_SECONDS, NEVER, BadBody, Request, reset
from warren.wire.exchange import Exchange
from warren.wire.serving import AHEAD, REMEMBERED_BLOCK, Admission, Serving
from warren.wire.syntax.answers import CONTINUE, own_answer
from warren.wire.syntax.forwarded import AS_IT_IS, Peer, check_forwarded, client_address, plain_address, request_block
from warren.wire.syntax.heads import (
    ALLOW,
    REQUEST_LINE,
    Malformed,
    RequestFields,
    check_unfinished,
    read_request_fields,
    without_empty_lines,
)
from warren.wire.upstream import Upstream

log = structlog.get_logger()


class ClientConnection(asyncio.Protocol):
    """One connection of a client. One exchange at a time; requests sent ahead wait for their turn."""

    __slots__ = (
        "_block",
        "_block_size",
        "_buffer",
        "_exchange",
        "_fields",
        "_lingering",
        "_lingers_until",
        "_searched",
        "_sent",
        "_sent_to",
        "_serving",
        "_unsent",
        "counts",
        "deadline",
        "http_1_0",
        "keeps_open",
        "peer",
        "read_paused",
        "ticker",
        "transport",
        "write_paused",
    )
    transport: asyncio.Transport
    peer: Peer
    _fields: RequestFields

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self.counts = serving.counts
        self.ticker = serving.ticker
        self.deadline = NEVER
        self.http_1_0 = False
        self.keeps_open = True
        self.read_paused = False
        self.write_paused = False
        self._buffer = b""
        self._exchange: Exchange | None = None
        self._block = b""
        self._block_size = -1  # no block is remembered
        self._sent = b""
        self._sent_to: Upstream | None = None
        self._lingering = False
        self._lingers_until = 0.0
        self._searched = 0  # bytes of the buffer that are known to hold no end of a head
        self._unsent = 0

    @property
    def is_idle(self) -> bool:
        """No request of it is being answered."""
        return self._exchange is None

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one by shape, not by descent
        peername = transport.get_extra_info("peername")
        address = plain_address(peername[0].encode("ascii")) if isinstance(peername, tuple) else b"unix"
        self.peer = Peer(address, b"https" if transport.get_extra_info("ssl_object") else b"http")
        self.deadline = self.ticker.now + self._serving.limits.head_timeout
        admission = self._serving.admit(self)
        if admission is Admission.REFUSED:
            self._refuse_and_close(503, "this gateway has as many connections as it can hold; try again")
        elif admission is Admission.CUT:
            self._close()

    def connection_lost(self, error: Exception | None) -> None:
        self._serving.forget(self)
        self._leave()

    def eof_received(self) -> bool:
        self.client_left()
        return False

    def client_left(self) -> None:
        """It has shut its side: nobody waits for an answer with a connection half closed."""
        if self._exchange is not None:
            self._leave()
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        self.counts.received += len(data)
        if self._exchange is not None:
            self._during_exchange(data)
        elif self._lingering:
            self.deadline = max(self.deadline, min(self.ticker.now + LINGER_SECONDS, self._lingers_until))
        elif self._buffer:
            self._more_of_head(data)
        else:
            self._read_head(data)

    def pause_writing(self) -> None:
        self.write_paused = True
        if self._exchange is not None:
            self._exchange.client_drains(can_write=False)

    def resume_writing(self) -> None:
        self.write_paused = False
        if self._exchange is not None:
            self._exchange.client_drains(can_write=True)
        elif not self._lingering:
            self._await_request()

    # --- reading

    def _read_head(self, data: bytes) -> None:
        found = REQUEST_LINE.match(data)
        if found is None:
            self._read_odd_head(data)
            return
        method, target, minor = found.groups()
        line_end = found.end()
        size = len(data)
        # The hot path: the same fields as in the request before, and nothing behind them.
        max_head = self._serving.limits.max_head
        if size - line_end == self._block_size and data.endswith(self._block) and size <= max_head:
            block = self._block
        else:
            end = data.find(b"\r\n\r\n", line_end - 2) + 4
            if end < 4 or end > max_head:
                self._read_odd_head(data)
                return
            if size > end:
                self._buffer, self._searched = data[end:], 0
            block = data[line_end:end]
        is_known = block == self._block and self._block_size > 0 and self.http_1_0 == (minor == b"0")
        if not is_known and not self._learn(block, http_1_0=minor == b"0"):
            return
        fields = self._fields
        self.keeps_open = not (fields.close or self._serving.draining)
        self._exchange = exchange = Exchange(self, fields, method, target, data[:line_end])
        if fields.framing.chunked or fields.framing.length:
            self._begin_body(exchange, fields)
            if self._exchange is not exchange:
                return
        try:
            self._serving.service.requested(exchange)
        except Exception:
            log.exception("request_failed")
            exchange.refuse(GatewayError("the gateway failed at this request; its log says more"))
        if fields.expects_continue and exchange.body is not None:
            self._ask_for_body(exchange, exchange.body)

    def _more_of_head(self, data: bytes) -> None:
        # Searched from where the last search ended: a head that comes byte by byte must not cost its square.
        data, self._buffer = self._buffer + data, b""
        if data.find(b"\r\n\r\n", max(self._searched - 3, 0)) < 0:
            self._read_odd_head(data)
        else:
            self._read_head(data)

    def _read_odd_head(self, data: bytes) -> None:
        """It is unfinished, too large, or its first line is not that of a request that is carried."""
        stripped = without_empty_lines(data)
        if len(stripped) < len(data):
            if stripped:
                self._read_head(stripped)
            return
        try:
            check_unfinished(data, self._serving.limits.max_head)
        except Malformed as error:
            self._refuse_and_close(error.status, str(error))
        else:
            self.deadline = min(self.deadline, self.ticker.now + self._serving.limits.head_timeout)
            self._buffer, self._searched = data, len(data)

    def _learn(self, block: bytes, *, http_1_0: bool) -> bool:
        """False when the request was refused for its fields."""
        self._block_size = -1
        try:
            fields = read_request_fields(block, http_1_0=http_1_0, max_fields=self._serving.limits.max_fields)
            check_forwarded(fields, self._serving.forwarding)
        except Malformed as error:
            self._refuse_and_close(error.status, str(error))
            return False
        self._fields = fields
        self.http_1_0 = http_1_0
        self._sent_to = None
        if len(block) <= REMEMBERED_BLOCK:
            self._block, self._block_size = block, len(block)
        return True

    # --- the request's body

    def _begin_body(self, exchange: Exchange, fields: RequestFields) -> None:
        exchange.body = RequestBody(fields.framing, self._serving.budget, self.resume)
        data, self._buffer = self._buffer, b""
        if data:
            self._during_exchange(data)

    def _ask_for_body(self, exchange: Exchange, body: RequestBody) -> None:
        if self._exchange is exchange and not (exchange.status or body.has_begun):
            self.counts.answers[100] += 1
            self.write(CONTINUE)

    def _during_exchange(self, data: bytes) -> None:
        exchange = self._exchange
        assert exchange is not None
        body = exchange.body
        if body is None or body.complete:
            self._buffer, self._searched = self._buffer + data, 0
            if len(self._buffer) > AHEAD:
                self.pause()
            return
        try:
            size = body.measure(data, self.ticker.now)
        except Malformed as error:
            exchange.refuse(BadBody(str(error)))
            return
        if size < len(data):
            self._buffer, self._searched = data[size:], 0
            data = data[:size]
        exchange.body_arrived(data)

    # --- Client: what the exchange needs

    def write(self, data: bytes) -> None:
        self.counts.sent += len(data)
        self.transport.write(data)

    def body_deadline(self) -> float:
        return self.ticker.now + self._serving.limits.body_idle

    def address(self, exchange: Request) -> bytes:
        return client_address(exchange.fields, self.peer, self._serving.forwarding)

    def request_head(self, exchange: Request, upstream: Upstream) -> bytes:
        if exchange.rewrite is AS_IT_IS and self._sent_to is upstream:
            block = self._sent
        else:
            forwarding = self._serving.forwarding
            block = request_block(exchange.fields, self.peer, forwarding, upstream.destination, exchange.rewrite)
            if exchange.rewrite is AS_IT_IS:
                self._sent_to, self._sent = upstream, block
        if upstream.prefix or self.http_1_0:
            return b"%b %b%b HTTP/1.1\r\n%b" % (exchange.method, upstream.prefix, exchange.target, block)
        return exchange.line + block

    def is_serving(self, exchange: Request) -> bool:
        return self._exchange is exchange

    def answer(
        self, exchange: Request, status: int, content_type: bytes, body: bytes, extra: tuple[bytes, ...]
    ) -> None:
        close = not self.keeps_open or (exchange.body is not None and not exchange.body.complete)
        head_only = exchange.method == b"HEAD"
        self.write(own_answer(status, content_type, body, extra, close=close, head_only=head_only))
        self.finished(exchange)

    def refuse(self, exchange: Request, error: GatewayError) -> None:
        content_type, body = self._serving.service.refusal(error.status, str(error), exchange.fields.first(b"accept"))
        self.answer(exchange, error.status, content_type, body, ())

    def finished(self, exchange: Request) -> None:
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
        self._await_request()

    def break_off(self) -> None:
        reset(self.transport)

    def pause(self) -> None:
        if not self.read_paused:
            self.read_paused = True
            self._serving.paused.add(self)
            self.transport.pause_reading()

    def resume(self) -> None:
        if self.read_paused:
            self.read_paused = False
            self._serving.paused.discard(self)
            self.transport.resume_reading()

    def start(self, decision: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        return self._serving.tasks.start(decision, name="exchange")

    def has_progressed(self) -> bool:
        before = self._unsent
        self.note_unsent()
        return self._unsent < before

    def note_unsent(self) -> None:
        self._unsent = self.transport.get_write_buffer_size()

    # --- between requests, and the end

    def _await_request(self) -> None:
        if self.write_paused:
            # Nobody can send the next request before having read this answer, but for those who send ahead; they wait.
            self.deadline = self.body_deadline()
            self.note_unsent()
            self.pause()
            return
        self.deadline = self.ticker.now + self._serving.limits.idle_timeout
        if self.read_paused:
            self.resume()
        if self._buffer:
            asyncio.get_running_loop().call_soon(self._next_request)

    def _next_request(self) -> None:
        if self._exchange is None and self._buffer and not self.transport.is_closing():
            data, self._buffer = self._buffer, b""
            self._read_head(data)

    def expired(self) -> None:
        """The deadline has passed."""
        exchange = self._exchange
        if exchange is not None:
            self.deadline = NEVER
            exchange.expired()
        elif (self.write_paused or self._lingering) and self.transport.get_write_buffer_size():
            if self.has_progressed():
                self.deadline = self.body_deadline()
            else:
                self.break_off()
        elif self._lingering:
            self.transport.abort()
        elif self._buffer:
            self._refuse_and_close(408, "the head of this request did not arrive in time")
        else:
            self._close()

    def drain(self) -> None:
        """Answer what is being asked, then close; an idle connection is closed now."""
        self.keeps_open = False
        if self._exchange is None and not self._buffer and not self._lingering:
            self._close()

    def _leave(self) -> None:
        self._buffer = b""  # what was sent ahead must not be begun
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.left()

    def _refuse_and_close(self, status: int, sentence: str) -> None:
        content_type, body = self._serving.service.refusal(status, sentence, None)
        extra = (f"Allow: {ALLOW}".encode("ascii"),) if status == 405 else ()
        self.counts.answers[status] += 1
        self.write(own_answer(status, content_type, body, extra, close=True, head_only=False))
        self._linger()

    def _linger(self) -> None:
        """The answer must arrive although the client is still sending: a plain close would reset the connection."""
        self._last_words()
        self.resume()
        if self.transport.can_write_eof():  # not with TLS: the client sees the answer's end by its length
            self.transport.write_eof()

    def _close(self) -> None:
        self._last_words()
        self.transport.close()

    def _last_words(self) -> None:
        self._lingering = True
        self._buffer = b""
        self.note_unsent()
        self._lingers_until = self.ticker.now + LINGER_AT_MOST_SECONDS
        self.deadline = self.body_deadline() if self._unsent else self.ticker.now + LINGER_SECONDS

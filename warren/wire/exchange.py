"""One request of a client and its answer from a cluster, as they stream past each other."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

import structlog

from warren.errors import ClusterMisbehaved, GatewayError
from warren.wire.body import RequestBody
from warren.wire.held import HeldAnswer
from warren.wire.outbound import ClusterConnection
from warren.wire.syntax.chunks import ChunkReader
from warren.wire.syntax.forwarded import answer_block
from warren.wire.syntax.heads import AnswerHead, RequestFields, read_answer_head
from warren.wire.upstream import Upstream

log = structlog.get_logger()

HIGH_WATER: Final = 64 * 1024
"""Bytes of a request's body that wait for a connection before the client is asked to wait."""

NEVER: Final = float("inf")

SENT_TWICE: Final = frozenset({b"GET", b"HEAD", b"DELETE"})
"""Sent once more when a reused connection closes before its answer; PUT and POST are not (DESIGN, section 5)."""


class Client(Protocol):
    """What an exchange needs of the client's connection."""

    transport: asyncio.Transport
    deadline: float
    """Loop time at which the exchange is asked what to do about the silence."""
    keeps_open: bool
    """The client gets this answer as it stands: it speaks HTTP/1.1 and its connection stays open."""
    http_1_0: bool
    write_paused: bool

    def now(self) -> float: ...

    def body_deadline(self) -> float: ...

    def request_head(self, exchange: "Exchange", upstream: Upstream) -> bytes: ...

    def answer(
        self, exchange: "Exchange", status: int, content_type: bytes, body: bytes, extra: tuple[bytes, ...]
    ) -> None: ...

    def refuse(self, exchange: "Exchange", error: GatewayError) -> None: ...

    def finished(self, exchange: "Exchange") -> None: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def start(self, decision: Coroutine[Any, Any, None]) -> "asyncio.Task[None]": ...

    def has_progressed(self) -> bool: ...


class Exchange:
    """What a service does with a request: `forward_to` an upstream, `answer` it here, or `hold` it while a coroutine decides.

    It is the receiver of the cluster's answer. The client leaving ends everything, at once.
    """

    __slots__ = (
        "_connection",
        "_decoder",
        "_held",
        "_patience",
        "_retried",
        "_task",
        "_upstream",
        "answer_began",
        "body",
        "client",
        "extra",
        "fields",
        "identity",
        "line",
        "method",
        "on_end",
        "status",
        "target",
    )

    def __init__(self, client: Client, fields: RequestFields, method: bytes, target: bytes, line: bytes) -> None:
        self.client = client
        self.fields = fields
        self.method = method
        self.target = target
        self.line = line
        """The request line as it came, with its line end."""
        self.body: RequestBody | None = None
        """None when the request has no body."""
        self.status = 0
        """Status of the answer that the client gets; 0 until one has begun."""
        self.answer_began = False
        self.extra: tuple[bytes, ...] = ()
        """Field lines that the client's answer gets in addition."""
        self.identity = False
        """Ask for an answer without a content coding."""
        self.on_end: Callable[[Exchange], None] | None = None
        """Called once, when the client has its answer or has left."""
        self._upstream: Upstream | None = None
        self._patience = 0.0
        self._connection: ClusterConnection | None = None
        self._held: HeldAnswer | None = None
        self._task: asyncio.Task[None] | None = None
        self._retried = False
        self._decoder: ChunkReader | None = None

    # --- what a service does

    def forward_to(self, upstream: Upstream, patience: float) -> None:
        """Pass the request on and its answer back. The head of the answer must come within `patience` seconds."""
        self._upstream = upstream
        self._patience = patience
        # A reused connection may be closed by its cluster at any time; only what may be sent twice takes that risk.
        connection = upstream.take() if self.method in SENT_TWICE else None
        if connection is None:
            self.hold(self._forward(upstream, fresh=self.method not in SENT_TWICE))
        else:
            self._send(connection, upstream)

    def hold(self, decision: Coroutine[Any, Any, None]) -> None:
        """Let a coroutine decide. It ends with the client's answer, or with a GatewayError that becomes it."""
        self.client.deadline = NEVER
        self._task = self.client.start(self._decided(decision))

    async def ask(self, upstream: Upstream, patience: float) -> HeldAnswer:
        """Pass the request on and hold its answer: `release` or discard that.

        May be called again, with another upstream, while `is_replayable()`. Raises ClusterUnreachable when nothing was
        sent, else ClusterFellSilent or ClusterMisbehaved.
        """
        self._upstream = upstream
        self._patience = patience
        connection = upstream.take() or await upstream.connect(fresh=False)
        try:
            return await self._ask_on(connection, upstream)
        except ClusterMisbehaved:
            if connection.reused and not connection.began and self.is_replayable():
                return await self._ask_on(await upstream.connect(), upstream)
            raise

    async def inquire(self, upstream: Upstream, patience: float) -> HeldAnswer:
        """As `ask`, and several at once: the body must be complete. Raises the same errors."""
        connection = await upstream.connect()
        held = HeldAnswer(connection, self.client)
        connection.send(held, self.method, self._request(upstream))
        try:
            async with asyncio.timeout(patience):
                await held.head_arrived()
        except TimeoutError as error:
            raise upstream.silence(patience) from error
        finally:
            if not held.status:
                held.discard()
        return held

    def release(self, held: HeldAnswer) -> None:
        """Give the held answer to the client: what has arrived of it now, the rest as it comes."""
        if not held.is_over:
            held.connection.receiver = self
            self._connection = held.connection
        self.answered(held.connection, held.head_bytes, held.status, held.head, len(held.head_bytes))
        for piece in held.pieces:
            self.body_of_answer(piece)
        if held.complete:
            self.ended()
        elif held.error is not None:
            self.refuse(held.error)
        elif not self.client.write_paused:
            held.connection.transport.resume_reading()

    def answer(self, status: int, content_type: bytes, body: bytes, extra: tuple[bytes, ...] = ()) -> None:
        """Answer here, without a cluster."""
        self.status = status
        self.answer_began = True
        self.client.answer(self, status, content_type, body, extra)

    def refuse(self, error: GatewayError) -> None:
        """Tell the client what happened; an answer that has begun is broken visibly."""
        self._drop_cluster()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        if self.answer_began:
            self.client.transport.abort()
            return
        self.status = error.status
        self.answer_began = True
        self.client.refuse(self, error)

    def is_replayable(self) -> bool:
        """The body can be sent again from its beginning."""
        return self.body is None or not self.body.lost

    # --- what the client's connection tells

    def body_arrived(self, piece: bytes, *, complete: bool) -> None:
        """Bytes of the request's body, framing included."""
        assert self.body is not None
        connection = self._connection
        self.body.arrived(piece, complete=complete, passed_on=connection is not None)
        if connection is not None:
            connection.transport.write(piece)
            if not self.answer_began:
                self._await_answer()
        elif len(self.body.content) > HIGH_WATER:
            self.client.pause()

    def left(self) -> None:
        """The client is gone: so is everything that was done for it."""
        self._drop_cluster()
        if self._task is not None:
            self._task.cancel()
        self.over()

    def over(self) -> None:
        """The client has its answer, or has left."""
        if self.body is not None:
            self.body.let_go()
        if self.on_end is not None:
            self.on_end(self)

    def expired(self) -> None:
        """The deadline has passed: nothing came from whoever was to be heard next."""
        if self.answer_began:
            if self.client.write_paused and self.client.has_progressed():
                self.client.deadline = self.client.body_deadline()
            else:
                self._drop_cluster()
                self.client.transport.abort()
        elif self.body is not None and not self.body.complete:
            self.refuse(RequestTooSlow("the body of this request stopped arriving"))
        elif self._upstream is not None:
            error = self._upstream.silence(self._patience)
            if self._held is not None:
                self._held.give_up(error)
            else:
                self.refuse(error)

    def client_drains(self, *, can_write: bool) -> None:
        """The client takes more, or no more for now; the cluster is slowed down to its pace."""
        if self._connection is not None and self._held is None and self.answer_began:
            if can_write:
                self._connection.transport.resume_reading()
            else:
                self._connection.transport.pause_reading()

    # --- Receiver: the cluster's answer

    def answered(
        self, connection: ClusterConnection, data: bytes, status: int, head: AnswerHead | None, rest: int
    ) -> None:
        client = self.client
        self.status = status
        self.answer_began = True
        client.deadline = client.body_deadline()
        if head is None and client.keeps_open and not self.extra:
            client.transport.write(data)
            return
        self._begin_answer(head or read_answer_head(data[:rest], method=self.method))
        if rest < len(data):
            self.body_of_answer(data[rest:])

    def interim(self, head: bytes) -> None:
        if not self.client.http_1_0:
            self.client.transport.write(head)

    def body_of_answer(self, data: bytes) -> None:
        client = self.client
        client.deadline = client.body_deadline()
        if self._decoder is None:
            client.transport.write(data)
        else:
            content: list[bytes] = []
            self._decoder.feed(data, 0, content)
            client.transport.write(b"".join(content))

    def ended(self) -> None:
        self._connection = None
        self.client.finished(self)

    def failed(self, error: GatewayError) -> None:
        connection, self._connection = self._connection, None
        upstream = self._upstream
        was_stale = connection is not None and connection.reused and not connection.began
        if was_stale and upstream is not None and self._may_repeat():
            self._retried = True
            self.hold(self._forward(upstream, fresh=True))
        else:
            self.refuse(error)

    def pause(self) -> None:
        self.client.pause()

    def resume(self) -> None:
        self.client.resume()

    # --- inside

    def _may_repeat(self) -> bool:
        return self.method in SENT_TWICE and not self._retried and not self.answer_began and self.is_replayable()

    async def _forward(self, upstream: Upstream, *, fresh: bool) -> None:
        self._send(await upstream.connect(fresh=fresh), upstream)

    async def _decided(self, decision: Coroutine[Any, Any, None]) -> None:
        try:
            await decision
        except GatewayError as error:
            self.refuse(error)
        except Exception:
            log.exception("exchange_failed", method=self.method.decode("ascii"))
            self.refuse(GatewayError("the gateway failed at this request; its log says more"))

    async def _ask_on(self, connection: ClusterConnection, upstream: Upstream) -> HeldAnswer:
        held = self._held = HeldAnswer(connection, self.client)
        self._send_to(held, connection, upstream)
        try:
            await held.head_arrived()
        finally:
            self._held = None
            self._connection = None
            self.client.deadline = NEVER
            if not held.status:
                held.discard()
        return held

    def _send(self, connection: ClusterConnection, upstream: Upstream) -> None:
        if self.body is not None:
            self._send_to(self, connection, upstream)
            return
        self._connection = connection
        client = self.client
        client.deadline = client.now() + self._patience
        connection.send(self, self.method, client.request_head(self, upstream))

    def _send_to(self, receiver: "Exchange | HeldAnswer", connection: ClusterConnection, upstream: Upstream) -> None:
        self._connection = connection
        connection.send(receiver, self.method, self._request(upstream))
        if self.body is not None:
            self.body.sent()
            self.client.resume()
        self._await_answer()

    def _request(self, upstream: Upstream) -> bytes:
        head = self.client.request_head(self, upstream)
        return head if self.body is None else head + self.body.content

    def _await_answer(self) -> None:
        if self.body is None or self.body.complete:
            self.client.deadline = self.client.now() + self._patience
        else:
            self.client.deadline = self.client.body_deadline()

    def _begin_answer(self, head: AnswerHead) -> None:
        client = self.client
        chunked = head.framing.chunked
        if client.http_1_0 and chunked:
            self._decoder = ChunkReader()
            chunked = False
        if head.framing.until_close or self._decoder is not None:
            client.keeps_open = False
        client.transport.write(answer_block(head, chunked=chunked, close=not client.keeps_open, extra=self.extra))

    def _drop_cluster(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()


class RequestTooSlow(GatewayError):
    """The client stopped sending its request."""

    status = 408

"""One request of a client and its answer from a cluster, as they stream past each other."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog

from warren.errors import ClusterMisbehaved, GatewayError
from warren.wire.body import HIGH_WATER, RequestBody, time_left
from warren.wire.client import NEVER, Client, RequestTooSlow
from warren.wire.held import HeldAnswer
from warren.wire.outbound import ClusterConnection
from warren.wire.syntax.chunks import ChunkReader
from warren.wire.syntax.forwarded import AS_IT_IS, answer_block
from warren.wire.syntax.heads import AnswerHead, RequestFields, read_answer_head
from warren.wire.ticker import PERIOD_SECONDS
from warren.wire.upstream import Upstream

log = structlog.get_logger()

SENT_TWICE: Final = frozenset({b"GET", b"HEAD", b"DELETE"})
"""Sent once more when a reused connection closes before its answer; PUT and POST are not (DESIGN, section 5)."""


class Exchange:
    """What a service does with a request: `forward_to` an upstream, `answer` it here, or `hold` it while a coroutine decides.

    It is the receiver of the cluster's answer. The client leaving ends everything, at once.
    """

    __slots__ = (
        "_asked",
        "_connection",
        "_decoder",
        "_held",
        "_patience",
        "_retried",
        "_since",
        "_task",
        "_upstream",
        "arrived",
        "body",
        "client",
        "extra",
        "fields",
        "line",
        "method",
        "on_end",
        "rewrite",
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
        self.extra: tuple[bytes, ...] = ()
        """Field lines that the client's answer gets in addition."""
        self.rewrite = AS_IT_IS
        """What is changed in the request's fields on its way to a cluster."""
        self.arrived = 0.0
        """Monotonic seconds of its arrival, set by whoever wants to know."""
        self.on_end: Callable[[Exchange], None] | None = None
        """Called once, when the client has its answer or has left."""
        self._upstream: Upstream | None = None
        self._patience = 0.0
        self._since = 0.0  # when the patience began
        self._connection: ClusterConnection | None = None  # where the body of the request goes
        self._held: HeldAnswer | None = None  # the receiver of that connection, until it is released
        self._asked: list[HeldAnswer] | None = None
        self._task: asyncio.Task[None] | None = None
        self._retried = False
        self._decoder: ChunkReader | None = None

    # --- what a service does

    def forward_to(self, upstream: Upstream, patience: float) -> None:
        """Pass the request on and its answer back. The head of the answer must come within `patience` seconds."""
        self._upstream, self._patience = upstream, patience
        # A reused connection may be closed by its cluster at any time; only what may be sent twice takes that risk.
        connection = upstream.take() if self.method in SENT_TWICE else None
        if connection is None:
            self.hold(self._forward(upstream, fresh=self.method not in SENT_TWICE))
        else:
            self._send(connection, upstream)

    def hold(self, decision: Coroutine[Any, Any, None]) -> None:
        """Let a coroutine decide. It ends with the client's answer, or with a GatewayError that becomes it.

        It is cancelled when the client leaves. Answers that it asked for and did not release are discarded.
        """
        self._expect(NEVER)
        decided = self._decided(decision)
        self._task = self.client.start(decided)
        # A task that is cancelled before its first step never awaits its coroutines, and Python would complain.
        self._task.add_done_callback(lambda _: (decided.close(), decision.close()))

    async def ask(self, upstream: Upstream, patience: float) -> HeldAnswer:
        """Pass the request on and hold its answer: `release` or discard that. Connecting and its head have `patience` together.

        Again with another upstream while `is_replayable()`. Raises ClusterUnreachable when nothing was sent, else
        ClusterFellSilent or ClusterMisbehaved.
        """
        assert self.is_replayable(), "what was sent of this body is not here any more"
        self._upstream, self._patience, self._since = upstream, patience, self.client.ticker.exactly()
        connection = upstream.take() or await upstream.connect(fresh=False, within=patience)
        try:
            return await self._ask_on(connection, upstream)
        except ClusterMisbehaved:
            left = self._left()
            if left > 0 and connection.reused and not connection.began and self.is_replayable():
                return await self._ask_on(await upstream.connect(within=left), upstream)
            raise

    async def inquire(self, upstream: Upstream, patience: float, *, fresh: bool) -> HeldAnswer:
        """As `ask`, and several at once: the body must be complete. One that is not `fresh` may turn out to be closed."""
        connection = (None if fresh else upstream.take()) or await upstream.connect()
        held = self._hold_answer(connection)
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
        """Give the held answer to the client: what has arrived now, the rest as it comes. One that broke becomes an error."""
        client = self.client
        if not client.is_serving(self):
            held.discard()
            return
        if held.error is not None:
            self.refuse(held.error)
            return
        connection = held.connection
        self._held = None
        self._connection = None if held.complete else connection
        if not held.complete:
            connection.receiver = self
        self.answered(connection, held.head_bytes, held.status, held.head, len(held.head_bytes))
        for piece in held.pieces:
            self.body_of_answer(piece)
        if held.complete:
            self.ended()
        elif not client.write_paused:
            connection.resume()

    def answer(self, status: int, content_type: bytes, body: bytes, extra: tuple[bytes, ...] = ()) -> None:
        """Answer here, without a cluster."""
        if self.client.is_serving(self):
            self.status = status
            self.client.answer(self, status, content_type, body, extra)

    def refuse(self, error: GatewayError) -> None:
        """Tell the client what happened; an answer that has begun is broken visibly."""
        if not self.client.is_serving(self):
            return
        self._drop_clusters()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        if self.status:
            self.client.break_off()
            return
        self.status = error.status
        self.client.refuse(self, error)

    async def arrives(self, part: Coroutine[Any, Any, None]) -> None:
        """Wait for a part of the request's body, `body.whole` or `body.gathered`; meanwhile the client has its usual time."""
        self._expect(self.client.body_deadline())
        await part
        self._expect(NEVER)

    def is_replayable(self) -> bool:
        """The body can be sent again from its beginning."""
        return self.body is None or not self.body.lost

    # --- what the client's connection tells

    def body_arrived(self, piece: bytes) -> None:
        """Bytes of the request's body, framing included."""
        body, connection, receiver = self.body, self._connection, self._held or self
        assert body is not None
        if connection is not None and connection.serves(receiver):
            body.arrived(piece, passed_on=True)
            connection.send_body(receiver, piece, complete=body.complete)
            if not self.status and not (self._held and self._held.status):
                self._await_answer()
            return
        body.arrived(piece, passed_on=False)
        if self.client.deadline != NEVER:
            self.client.deadline = self.client.body_deadline()
        if len(body.content) > HIGH_WATER and not body.complete:
            self.client.pause()

    def left(self) -> None:
        """The client is gone: so is everything that was done for it."""
        if self._task is not None:
            self._task.cancel()
        self.over()

    def over(self) -> None:
        """The client has its answer, or has left."""
        self.client.counts.answers[self.status] += 1
        if self._connection is not None or self._asked is not None:
            self._drop_clusters()
        if self.body is not None:
            self.body.let_go()
        if self.on_end is not None:
            self.on_end(self)

    def expired(self) -> None:
        """The deadline has passed: nothing came from whoever was to be heard next."""
        client, upstream = self.client, self._upstream
        if self.status:
            if client.write_paused and client.has_progressed():
                client.deadline = client.body_deadline()
            else:
                self._drop_clusters()
                client.break_off()
        elif self.body is not None and not self.body.complete:
            if self._connection is None or upstream is None or not client.read_paused:
                self.refuse(RequestTooSlow("the body of this request stopped arriving"))
            elif self._connection.is_stuck():
                self._give_up(upstream.standstill())
            else:
                client.deadline = client.body_deadline()
        elif upstream is not None:
            self._give_up(upstream.silence(self._patience))

    def client_drains(self, *, can_write: bool) -> None:
        """The client takes more, or no more for now; the cluster is slowed down to its pace."""
        if self._connection is not None and self.status:
            if can_write:
                self.client.deadline = self.client.body_deadline()
                self._connection.resume()
            else:
                self._connection.pause()

    # --- Receiver: the cluster's answer

    def answered(
        self, connection: ClusterConnection, data: bytes, status: int, head: AnswerHead | None, rest: int
    ) -> None:
        client = self.client
        self.status = status
        client.deadline = client.body_deadline()
        if self.body is not None and not self.body.complete:
            client.keeps_open = False  # the rest of the body may never come, and the next request is behind it
        if head is None and client.keeps_open and not self.extra:
            client.counts.sent += len(data)
            client.transport.write(data)
            return
        self._begin_answer(head or read_answer_head(data[:rest], method=self.method))
        if rest < len(data):
            self.body_of_answer(data[rest:])

    def interim(self, head: AnswerHead) -> None:
        if not self.client.http_1_0:
            self.client.counts.answers[head.status] += 1
            self.client.write(answer_block(head, chunked=False, close=False))

    def body_of_answer(self, data: bytes) -> None:
        client = self.client
        client.deadline = client.body_deadline()
        if self._decoder is not None:
            content: list[bytes] = []
            self._decoder.feed(data, 0, content)
            data = b"".join(content)
        client.write(data)
        if client.write_paused:
            client.note_unsent()

    def ended(self) -> None:
        self._connection = None
        self.client.finished(self)

    def failed(self, error: GatewayError) -> None:
        connection, upstream, self._connection = self._connection, self._upstream, None
        was_stale = connection is not None and connection.reused and not connection.began and not self._retried
        if was_stale and upstream is not None and self.method in SENT_TWICE and self.is_replayable():
            self._retried = True
            self.hold(self._forward(upstream, fresh=True))
        else:
            self.refuse(error)

    def pause(self) -> None:
        if self.body is not None and not self.body.complete:
            self.client.pause()

    def resume(self) -> None:
        self.client.resume()

    # --- inside

    def _expect(self, deadline: float) -> None:
        """The client's connection has deadlines of its own once this exchange is over."""
        if self.client.is_serving(self):
            self.client.deadline = deadline

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
        held = self._hold_answer(connection)
        self._send_to(held, connection, upstream)
        try:
            await held.head_arrived()
        finally:
            self._expect(NEVER)
            if not held.status:
                held.discard()
                self._held = None
        return held

    def _hold_answer(self, connection: ClusterConnection) -> HeldAnswer:
        held = HeldAnswer(connection, self)
        self._asked = [*(self._asked or ()), held]
        return held

    def _send(self, connection: ClusterConnection, upstream: Upstream) -> None:
        if self.body is not None:
            self._since = self.client.ticker.now
            self._send_to(self, connection, upstream)
            return
        self._connection = connection
        client = self.client
        client.deadline = client.ticker.now + self._patience
        connection.send(self, self.method, client.request_head(self, upstream))

    def _send_to(self, receiver: "Exchange | HeldAnswer", connection: ClusterConnection, upstream: Upstream) -> None:
        self._connection = connection
        self._held = receiver if isinstance(receiver, HeldAnswer) else None
        request = self._request(upstream)
        # Before it is sent: a large body may fill the connection, which asks the client to wait again.
        self.client.resume()
        connection.send(receiver, self.method, request)
        if self.body is not None:
            self.body.sent()
            connection.send_body(receiver, b"", complete=self.body.complete)
        self._await_answer()

    def _request(self, upstream: Upstream) -> bytes:
        head = self.client.request_head(self, upstream)
        return head if self.body is None else head + self.body.content

    def _await_answer(self) -> None:
        if self.body is None or self.body.complete:
            self.client.deadline = self.client.ticker.now + max(self._left(), PERIOD_SECONDS)
        else:
            self.client.deadline = self.client.body_deadline()

    def _left(self) -> float:
        """Of the patience; connecting may have taken nearly all of it."""
        return time_left(self._patience, since=self._since, body=self.body, now=self.client.ticker.exactly())

    def _begin_answer(self, head: AnswerHead) -> None:
        client, chunked = self.client, head.framing.chunked
        if client.http_1_0 and chunked:
            self._decoder = ChunkReader()
            chunked = False
        if head.framing.until_close or self._decoder is not None:
            client.keeps_open = False
        client.write(answer_block(head, chunked=chunked, close=not client.keeps_open, extra=self.extra))

    def _give_up(self, error: GatewayError) -> None:
        if self._held is not None and not self._held.is_over:
            self._held.give_up(error)
        else:
            self.refuse(error)

    def _drop_clusters(self) -> None:
        """Close what is still under way for this exchange; what has ended is left alone, it may serve another by now."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.drop(self)
        asked, self._asked = self._asked, None
        for held in asked or ():
            held.discard()

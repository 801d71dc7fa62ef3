"""One connection to a cluster: where each answer begins and ends, and what goes wrong with it, in our errors."""

import asyncio
from bisect import bisect_left
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, Protocol, cast

from warren.errors import ClusterMisbehaved, GatewayError
from warren.telemetry.histogram import SECONDS, Histogram
from warren.wire.syntax.chunks import ChunkReader
from warren.wire.syntax.heads import PLAIN_ANSWER, AnswerHead, Malformed, read_answer_head

MAX_INTERIM: Final = 20
"""1xx answers before an answer proper; a cluster that sends more is taken for broken."""


STATUSES: Final = {b"%d" % status: status for status in range(200, 600)}
"""What `int` says of them, in a third of its time."""


@dataclass(slots=True)
class UpstreamCounts:
    """What was asked of one address, and what came of it. Written at every poll, so nothing here is looked up by name."""

    requests: int = 0
    heads: tuple[Histogram, ...] = field(default_factory=lambda: tuple(Histogram() for _ in range(6)))
    """Seconds from the sending of a request to the head of its answer, by the first digit of the answer's status."""
    by_status: tuple[Histogram, ...] = field(init=False)
    """The same ones, by the whole status: a division would be felt."""
    unreachable: int = 0
    """No connection was to be had, so that nothing was sent."""
    silent: int = 0
    misbehaved: int = 0
    stale: int = 0
    """A kept connection had been closed by the cluster: no fault, and most such requests go out again on another."""

    def __post_init__(self) -> None:
        self.by_status = tuple(self.heads[status // 100] for status in range(600))


class Receiver(Protocol):
    """Who gets the answer that arrives on a connection. Nothing comes after `ended` or `failed`."""

    def answered(
        self, connection: "ClusterConnection", data: bytes, status: int, head: AnswerHead | None, rest: int
    ) -> None:
        """The head has arrived in data[:rest]; what follows it in `data` is body. Without `head` it may be passed on as it stands."""

    def interim(self, head: AnswerHead) -> None:
        """A 1xx answer other than 100 and 101: the answer proper is still to come."""

    def body_of_answer(self, data: bytes) -> None:
        """More of the body, framing included."""

    def ended(self) -> None:
        """The answer is complete. The connection is back in its pool, or closed."""

    def failed(self, error: GatewayError) -> None:
        """The connection broke or its answer cannot be read."""

    def pause(self) -> None:
        """The cluster takes no more of the request's body for now."""

    def resume(self) -> None: ...


class Owner(Protocol):
    """The pool that a connection belongs to."""

    name: str
    max_head: int
    max_fields: int
    counts: UpstreamCounts

    def opened(self, connection: "ClusterConnection") -> None: ...

    def give_back(self, connection: "ClusterConnection") -> None:
        """The connection may carry another request."""

    def lost(self, connection: "ClusterConnection") -> None: ...


class ClusterConnection(asyncio.Protocol):
    """One connection to a cluster: finds where each answer begins and ends, and hands on its bytes as they come."""

    __slots__ = (
        "_buffer",
        "_chunks",
        "_counts",
        "_head",
        "_interims",
        "_left",
        "_method",
        "_read_paused",
        "_sending",
        "_sent_at",
        "_unsent",
        "_until_close",
        "_write_paused",
        "began",
        "idle_since",
        "owner",
        "receiver",
        "reused",
        "transport",
    )
    transport: asyncio.Transport

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.receiver: Receiver | None = None
        self.reused = False
        """It has carried a request before: it may have been closed by the cluster in the meantime."""
        self.began = False
        """The first byte of the present answer has arrived."""
        self.idle_since = 0.0
        self._counts = owner.counts
        self._sent_at = 0.0
        self._method = b""
        self._head: AnswerHead | None = None
        self._buffer = b""
        self._left = 0
        self._chunks: ChunkReader | None = None
        self._until_close = False
        self._interims = 0
        self._sending = False  # the request's body is not complete: no other request may follow it
        self._read_paused = False
        self._write_paused = False
        self._unsent = 0

    def send(self, receiver: Receiver, method: bytes, request: bytes) -> None:
        """Begin a request. Its answer goes to the receiver."""
        self.receiver = receiver
        self._method = method
        self.began = False
        self._counts.requests += 1
        self._sent_at = monotonic()
        self.transport.write(request)

    def send_body(self, receiver: Receiver, piece: bytes, *, complete: bool) -> None:
        """More of the body of this receiver's request."""
        if self.receiver is receiver:
            self._sending = not complete
            if piece:
                self.transport.write(piece)
                self._unsent = self.transport.get_write_buffer_size()

    def serves(self, receiver: Receiver) -> bool:
        """False once the answer has ended: the connection may be carrying somebody else's request by now."""
        return self.receiver is receiver

    def drop(self, receiver: Receiver) -> None:
        """Close now, unless this receiver's answer has ended. It hears nothing more."""
        if self.receiver is receiver:
            self.receiver = None
            self.transport.abort()

    def pause(self) -> None:
        """Read no more of the answer for now: its cluster is slowed down to the pace of its client."""
        if not self._read_paused:
            self._read_paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        if self._read_paused:
            self._read_paused = False
            self.transport.resume_reading()

    def is_stuck(self) -> bool:
        """The cluster has taken nothing of the request since some of it was last written, or this was last asked."""
        before, self._unsent = self._unsent, self.transport.get_write_buffer_size()
        return self._unsent >= before

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one by shape, not by descent
        self.owner.opened(self)

    def data_received(self, data: bytes) -> None:
        receiver = self.receiver
        if receiver is None:
            # Nobody asked: whatever this is, it must not become the answer to the next request.
            self.transport.abort()
        elif self._left:
            self._measured(receiver, data)
        elif self._chunks is not None:
            self._chunked(receiver, data)
        elif self._until_close:
            receiver.body_of_answer(data)
        else:
            found = None if self._buffer or self._method == b"HEAD" else PLAIN_ANSWER.match(data)
            if found is None:
                self._long_way(receiver, data)
                return
            self.began = True
            end = found.end()
            if end > self.owner.max_head:
                self._refuse_long_head()
                return
            left = int(found[2]) - len(data) + end
            if found[3] is not None:
                cut, resume = found.span(3)
                data = data[:cut] + data[resume:]
                end -= resume - cut
            if left < 0:
                self._break("sent more than its answer's length says")
                return
            self._left = left
            status = STATUSES[found[1]]
            # As `Histogram.observe` does it; a call more would be felt here.
            heads = self._counts.by_status[status]
            seconds = monotonic() - self._sent_at
            heads.counts[bisect_left(SECONDS, seconds)] += 1
            heads.sum += seconds
            receiver.answered(self, data, status, None, end)
            if not left:
                self._end(receiver, keep=True)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.owner.lost(self)
        receiver, self.receiver = self.receiver, None
        if receiver is None:
            return
        if self._until_close and error is None:
            receiver.ended()
        elif self.began:
            self._counts.misbehaved += 1
            receiver.failed(ClusterMisbehaved(f"{self.owner.name} closed the connection in the middle of its answer"))
        else:
            if self.reused:
                self._counts.stale += 1
            else:
                self._counts.misbehaved += 1
            receiver.failed(ClusterMisbehaved(f"{self.owner.name} closed the connection without an answer"))

    def pause_writing(self) -> None:
        self._write_paused = True
        self._unsent = self.transport.get_write_buffer_size()  # of a body that came with its head
        if self.receiver is not None:
            self.receiver.pause()

    def resume_writing(self) -> None:
        self._write_paused = False
        if self.receiver is not None:
            self.receiver.resume()

    # --- the body

    def _measured(self, receiver: Receiver, data: bytes) -> None:
        left = self._left - len(data)
        if left < 0:
            self._break("sent more than its answer's length says")
            return
        self._left = left
        receiver.body_of_answer(data)
        if not left:
            self._end(receiver, keep=self._head is None or self._head.keep_alive)

    def _chunked(self, receiver: Receiver, data: bytes) -> None:
        if self._follow_chunks(data, 0):
            receiver.body_of_answer(data)
            if self._chunks is None:
                self._end(receiver, keep=self._head is None or self._head.keep_alive)

    def _follow_chunks(self, data: bytes, start: int) -> bool:
        """False when they are broken. After the last of them there is no reader any more."""
        assert self._chunks is not None
        try:
            end = self._chunks.feed(data, start)
        except Malformed as error:
            self._break(f"sent a broken chunk: {error}")
            return False
        if end >= 0:
            self._chunks = None
            if end < len(data):
                self._break("sent more than its chunked answer")
                return False
        return True

    def _end(self, receiver: Receiver, *, keep: bool) -> None:
        if self.receiver is not receiver:
            return  # it was taken away while it read the last bytes
        self.receiver = None
        self._head = None
        self._chunks = None
        self._until_close = False
        self.reused = True
        if self._read_paused:
            self.resume()  # the client of the next answer is another one
        if keep and not (self._sending or self._write_paused):
            self.owner.give_back(self)
        else:
            self.transport.abort()
        receiver.ended()

    def _break(self, what: str) -> None:
        receiver, self.receiver = self.receiver, None
        self.transport.abort()
        self._counts.misbehaved += 1
        if receiver is not None:
            receiver.failed(ClusterMisbehaved(f"{self.owner.name} {what}"))

    # --- heads that are not plain

    def _long_way(self, receiver: Receiver, data: bytes) -> None:
        if not self.began:
            self.began = True
            self._interims = 0
        searched = max(len(self._buffer) - 3, 0)
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        while data and self.receiver is receiver:
            end = data.find(b"\r\n\r\n", searched) + 4
            if end > self.owner.max_head or (end < 4 and len(data) > self.owner.max_head):
                self._refuse_long_head()
            elif end < 4:
                self._buffer = data
                return
            elif self._read_head(receiver, data, end):
                return
            data = data[end:]
            searched = 0

    def _read_head(self, receiver: Receiver, data: bytes, end: int) -> bool:
        """True when an answer proper began, with all of `data`."""
        try:
            head = read_answer_head(data[:end], method=self._method, max_fields=self.owner.max_fields)
        except Malformed as error:
            self._break(f"sent an answer that cannot be read: {error}")
            return False
        if head.status >= 200:
            self._begin(receiver, head, data, end)
            return True
        self._interims += 1
        if head.status == 101:
            self._break("switched protocols unasked")
        elif self._interims > MAX_INTERIM:
            self._break(f"sent more than {MAX_INTERIM} interim answers")
        elif head.status != 100:  # a client's own 100 was answered here
            receiver.interim(head)
        return False

    def _refuse_long_head(self) -> None:
        self._break(f"sent a head of more than {self.owner.max_head} bytes")

    def _begin(self, receiver: Receiver, head: AnswerHead, data: bytes, end: int) -> None:
        framing = head.framing
        present = len(data) - end
        self._head = head
        self._until_close = framing.until_close
        self._chunks = ChunkReader() if framing.chunked else None
        self._left = 0 if framing.chunked or framing.until_close else framing.length - present
        if self._left < 0:
            self._break("sent more than its answer's length says")
            return
        if framing.chunked and not self._follow_chunks(data, end):
            return
        self._counts.by_status[head.status].observe(monotonic() - self._sent_at)
        receiver.answered(self, data[:end], head.status, head, end)
        if present and self.receiver is receiver:
            receiver.body_of_answer(data[end:])
        if not (self._left or self._chunks or self._until_close):
            self._end(receiver, keep=head.keep_alive)

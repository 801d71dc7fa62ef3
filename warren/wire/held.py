"""An answer whose body waits while someone looks at its head or its front: released to the client, or discarded."""

import asyncio
from typing import Final, Protocol

from warren.errors import ClusterMisbehaved, GatewayError
from warren.wire.body import HIGH_WATER
from warren.wire.outbound import ClusterConnection
from warren.wire.syntax.chunks import ChunkReader
from warren.wire.syntax.heads import AnswerHead

MAX_HELD: Final = 1024 * 1024
"""Bytes, framing included, beyond which no front is looked for: chunks may be mostly framing."""


class Sender(Protocol):
    """Where the body of the request comes from."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...


class HeldAnswer:
    """The receiver of an answer, until it is released."""

    __slots__ = (
        "_chunks",
        "_front",
        "_loop",
        "_sender",
        "_size",
        "_waiter",
        "complete",
        "connection",
        "error",
        "head",
        "head_bytes",
        "pieces",
        "status",
    )

    def __init__(self, connection: ClusterConnection, sender: Sender) -> None:
        self.connection = connection
        self.status = 0
        """0 until the head has arrived."""
        self.head: AnswerHead | None = None
        """None when the head may be passed on as it stands."""
        self.head_bytes = b""
        self.pieces: list[bytes] = []
        """What has arrived of the body, framing included."""
        self.complete = False
        self.error: GatewayError | None = None
        self._sender = sender
        self._size = 0  # bytes of all pieces
        self._front = bytearray()  # the pieces without framing, up to HIGH_WATER bytes
        self._chunks: ChunkReader | None = None
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] = self._loop.create_future()

    @property
    def is_over(self) -> bool:
        """Nothing more will arrive."""
        return self.complete or self.error is not None

    async def head_arrived(self) -> None:
        """Wait for the head. Raises what went wrong with the connection before it."""
        while not self.status:
            if self.error is not None:
                raise self.error
            await self._next_news()

    async def front(self, enough: int) -> bytes:
        """The first bytes of the body, without framing: `enough` of them (at most HIGH_WATER), or all when there are fewer.

        It sets no deadline: the caller does.
        """
        while len(self._front) < enough and not self.is_over:
            if self._size > MAX_HELD:
                self.connection.owner.counts.misbehaved += 1
                self.give_up(ClusterMisbehaved(f"{self.connection.owner.name} sent an answer that is mostly framing"))
                break
            self.connection.resume()
            await self._next_news()
        return bytes(self._front[:enough])

    def discard(self) -> None:
        """The answer is not wanted: its connection is closed, unless the answer has ended already or was released."""
        if not self.is_over:
            self.error = GatewayError("this answer was discarded")
            self.connection.drop(self)

    def give_up(self, error: GatewayError) -> None:
        """End it with this error: it is taken for broken."""
        if not self.is_over:
            self.connection.drop(self)
            self.failed(error)

    # --- Receiver

    def answered(
        self, connection: ClusterConnection, data: bytes, status: int, head: AnswerHead | None, rest: int
    ) -> None:
        self.status = status
        self.head = head
        self.head_bytes = data[:rest]
        if head is not None and head.framing.chunked:
            self._chunks = ChunkReader()
        if rest < len(data):
            self.body_of_answer(data[rest:])
        self._wake()

    def interim(self, head: AnswerHead) -> None:
        """Not passed on: the answer may yet come from another cluster."""

    def body_of_answer(self, data: bytes) -> None:
        self.pieces.append(data)
        self._size += len(data)
        if len(self._front) < HIGH_WATER:
            self._look_at(data)
        if self._size > HIGH_WATER:
            self.connection.pause()
        self._wake()

    def ended(self) -> None:
        self.complete = True
        self._wake()

    def failed(self, error: GatewayError) -> None:
        self.error = error
        self._wake()

    def pause(self) -> None:
        self._sender.pause()

    def resume(self) -> None:
        self._sender.resume()

    # --- inside

    def _look_at(self, data: bytes) -> None:
        if self._chunks is None:
            self._front += data
            return
        content: list[bytes] = []
        self._chunks.feed(data, 0, content)
        for piece in content:
            self._front += piece

    async def _next_news(self) -> None:
        self._waiter = self._loop.create_future()
        await self._waiter

    def _wake(self) -> None:
        if not self._waiter.done():
            self._waiter.set_result(None)

"""An answer whose body waits while someone looks at its head or its front: released to the client, or discarded."""

import asyncio
from typing import Protocol

from warren.errors import GatewayError
from warren.wire.outbound import ClusterConnection
from warren.wire.syntax.chunks import ChunkReader
from warren.wire.syntax.heads import AnswerHead


class Sender(Protocol):
    """Where the body of the request comes from."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...


class HeldAnswer:
    """The receiver of an answer, until it is released."""

    def __init__(self, connection: ClusterConnection, sender: Sender) -> None:
        self.connection = connection
        self._sender = sender
        self.status = 0
        self.head: AnswerHead | None = None
        """None when the head may be passed on as it stands."""
        self.head_bytes = b""
        self.pieces: list[bytes] = []
        """What has arrived of the body, framing included."""
        self.complete = False
        self.error: GatewayError | None = None
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] = self._loop.create_future()

    @property
    def is_over(self) -> bool:
        """Nothing more will arrive."""
        return self.complete or self.error is not None

    async def head_arrived(self) -> None:
        """Wait for the head. Raises what went wrong with the connection before it."""
        while not self.status:
            await self._waiter
            if self.error is not None and not self.status:
                raise self.error

    async def front(self, enough: int) -> bytes:
        """The first bytes of the body, without framing: `enough` of them, or all when there are fewer."""
        while len(content := self._content()) < enough and not self.is_over:
            self._waiter = self._loop.create_future()
            self.connection.transport.resume_reading()
            await self._waiter
        return content[:enough]

    def discard(self) -> None:
        """The answer is not wanted: its connection is closed, unless it has ended already."""
        if not self.is_over:
            self.error = GatewayError("discarded")
            self.connection.abort()

    def give_up(self, error: GatewayError) -> None:
        """The cluster was silent for too long."""
        if not self.is_over:
            self.connection.abort()
            self.failed(error)

    # --- Receiver

    def answered(
        self, connection: ClusterConnection, data: bytes, status: int, head: AnswerHead | None, rest: int
    ) -> None:
        connection.transport.pause_reading()
        self.status = status
        self.head = head
        self.head_bytes = data[:rest]
        if rest < len(data):
            self.pieces.append(data[rest:])
        self._wake()

    def interim(self, head: bytes) -> None:
        """Not passed on: the answer may yet come from another cluster."""

    def body_of_answer(self, data: bytes) -> None:
        self.pieces.append(data)
        self.connection.transport.pause_reading()
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

    def _content(self) -> bytes:
        if self.head is None or not self.head.framing.chunked:
            return b"".join(self.pieces)
        content: list[bytes] = []
        reader = ChunkReader()
        for piece in self.pieces:
            reader.feed(piece, 0, content)
        return b"".join(content)

    def _wake(self) -> None:
        if not self._waiter.done():
            self._waiter.set_result(None)

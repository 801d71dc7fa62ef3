"""The body of a request on its way: passed on as it comes, or kept for a while so that it can be sent again."""

import asyncio
from collections.abc import Callable
from typing import Final

from warren.errors import GatewayError
from warren.wire.syntax.chunks import ChunkReader
from warren.wire.syntax.heads import Framing

HIGH_WATER: Final = 64 * 1024
"""Bytes of a body, framing included, that wait here before its sender is asked to wait."""


class BodyTooLarge(GatewayError):
    """The body of this request must be held whole, and is too large for that."""

    status = 413


class BodiesTakeTooMuch(GatewayError):
    """The body of this request must be held whole, and others leave no room for it. The client may ask again."""

    status = 503


class Budget:
    """Bytes that all kept bodies of an instance may take together."""

    __slots__ = ("left",)

    def __init__(self, size: int) -> None:
        self.left = size


def time_left(seconds: float, *, since: float, body: "RequestBody | None", now: float) -> float:
    """Of a time that begins at `since`, but not before the request is here: sending it may take its client longer."""
    if body is None:
        return since + seconds - now
    return max(since, body.last_arrival) + seconds - now if body.complete else seconds


class RequestBody:
    """What is here of a body, framing included: what was not sent yet, or, while it is kept, all of it."""

    __slots__ = (
        "_budget",
        "_charged",
        "_chunks",
        "_framing",
        "_front",
        "_front_limit",
        "_kept",
        "_left",
        "_limit",
        "_more",
        "_refusal",
        "_waiter",
        "complete",
        "content",
        "has_begun",
        "last_arrival",
        "lost",
    )

    def __init__(self, framing: Framing, budget: Budget, more: Callable[[], None]) -> None:
        """`more` asks the client to go on sending."""
        self.complete = False
        """Its last byte has arrived."""
        self.last_arrival = 0.0
        """Monotonic seconds, as coarse as the ticker, when its latest bytes came."""
        self.has_begun = False
        """Its first byte has arrived."""
        self.lost = False
        """Some of it was sent and is not here any more: it cannot be sent again."""
        self.content = bytearray()  # one buffer: a body that comes byte by byte must not cost an object for each
        self._framing = framing
        self._front = bytearray()  # what is remembered of a body that is lost
        self._front_limit = 0
        self._left = framing.length
        self._chunks = ChunkReader() if framing.chunked else None
        self._budget = budget
        self._charged = 0  # bytes of `content` that are counted in the budget, as all of `_front` are
        self._kept = False
        self._limit = 0
        self._more = more
        self._refusal: GatewayError | None = None
        self._waiter: asyncio.Future[None] | None = None

    def measure(self, data: bytes, now: float) -> int:
        """How many bytes of `data`, which arrived now, belong to it; the rest is the next request. Raises Malformed."""
        self.has_begun = True
        self.last_arrival = now
        if self._chunks is not None:
            end = self._chunks.feed(data)
            self.complete = end >= 0
            return end if self.complete else len(data)
        size = min(self._left, len(data))
        self._left -= size
        self.complete = not self._left
        return size

    def keep(self, limit: int) -> None:
        """Keep what arrives, up to `limit` bytes and the budget of all; beyond either it is only passed on."""
        if self.lost:
            self._refuse(limit)
            return
        self._kept, self._limit = True, limit
        self._charge(len(self.content) - self._charged, passed_on=False)

    def remember_front(self, limit: int) -> None:
        """Of a body that is not kept, or no longer, remember the first `limit` bytes all the same, within the budget."""
        self._front_limit = limit

    def front(self) -> tuple[bytes, int | None]:
        """The first bytes of it without framing, as far as they are here, and how many follow; None when nobody knows."""
        known = self._front if self.lost else self.content
        if not self._framing.chunked:
            return bytes(known), self._framing.length - len(known)
        content: list[bytes] = []
        ChunkReader().feed(bytes(known), 0, content)
        return b"".join(content), 0 if self.complete and not self.lost else None

    def arrived(self, piece: bytes, *, passed_on: bool) -> None:
        """Note a piece; `passed_on` says that it is being sent at this moment."""
        if self._kept:
            self._charge(len(piece), passed_on=passed_on)
        if self._kept or not passed_on:
            self.content += piece
        else:
            self._lose()
            self._add_to_front(piece)
        self._wake()

    def sent(self) -> None:
        """All that is here was sent."""
        if not self._kept and self.content:
            self._lose()

    def let_go(self) -> None:
        """The exchange is over."""
        self._kept = False
        self._forget()
        self._budget.left += len(self._front)
        self._front.clear()
        self._wake()

    async def whole(self, limit: int) -> None:
        """Wait until all of it is here. Raises BodyTooLarge beyond `limit` bytes, BodiesTakeTooMuch beyond the budget."""
        self.keep(limit)
        while not self.complete and self._kept:
            self._waiter = asyncio.get_running_loop().create_future()
            self._more()
            await self._waiter
        if self._refusal is not None:
            raise self._refusal

    async def gathered(self, limit: int) -> None:
        """Wait until all of it is here, or `limit` bytes, framing included, or until it is kept no longer."""
        while not self.complete and self._kept and len(self.content) < limit:
            self._waiter = asyncio.get_running_loop().create_future()
            self._more()
            await self._waiter

    def _charge(self, size: int, *, passed_on: bool) -> None:
        """Count bytes that are kept from now on, or stop keeping."""
        if self._charged + size > self._limit:
            self._refuse(self._limit)
        elif size > self._budget.left:
            self._refusal = BodiesTakeTooMuch("too many bodies are held at this moment; ask again")
        else:
            self._budget.left -= size
            self._charged += size
            return
        self._kept = False
        if passed_on:
            self._lose()

    def _lose(self) -> None:
        """What is here was sent, or is about to be, and will not be sent again."""
        self.lost = True
        content = bytes(self.content) if self._front_limit else b""
        self._forget()
        self._add_to_front(content)

    def _add_to_front(self, piece: bytes) -> None:
        room = min(self._front_limit - len(self._front), self._budget.left)
        if room < len(piece):
            self._front_limit = 0  # nothing may follow a gap
            piece = piece[: max(room, 0)]
        self._front += piece
        self._budget.left -= len(piece)

    def _refuse(self, limit: int) -> None:
        self._refusal = BodyTooLarge(f"the body of this request is larger than {limit} bytes")

    def _forget(self) -> None:
        self._budget.left += self._charged
        self._charged = 0
        self.content.clear()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

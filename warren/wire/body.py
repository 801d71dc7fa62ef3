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


class RequestBody:
    """What is here of a body, framing included: what was not sent yet, or, while it is kept, all of it."""

    __slots__ = (
        "_budget",
        "_charged",
        "_chunks",
        "_kept",
        "_left",
        "_limit",
        "_more",
        "_refusal",
        "_waiter",
        "complete",
        "content",
        "has_begun",
        "lost",
    )

    def __init__(self, framing: Framing, budget: Budget, more: Callable[[], None]) -> None:
        """`more` asks the client to go on sending."""
        self.complete = False
        """Its last byte has arrived."""
        self.has_begun = False
        """Its first byte has arrived."""
        self.lost = False
        """Some of it was sent and is not here any more: it cannot be sent again."""
        self.content = bytearray()  # one buffer: a body that comes byte by byte must not cost an object for each
        self._left = framing.length
        self._chunks = ChunkReader() if framing.chunked else None
        self._budget = budget
        self._charged = 0  # bytes of `content` that are counted in the budget
        self._kept = False
        self._limit = 0
        self._more = more
        self._refusal: GatewayError | None = None
        self._waiter: asyncio.Future[None] | None = None

    def measure(self, data: bytes) -> int:
        """How many bytes of `data` belong to it; the rest is the next request. Raises Malformed."""
        self.has_begun = True
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

    def arrived(self, piece: bytes, *, passed_on: bool) -> None:
        """Note a piece; `passed_on` says that it is being sent at this moment."""
        if self._kept:
            self._charge(len(piece), passed_on=passed_on)
        if self._kept or not passed_on:
            self.content += piece
        else:
            self.lost = True
        self._wake()

    def sent(self) -> None:
        """All that is here was sent."""
        if not self._kept and self.content:
            self.lost = True
            self._forget()

    def let_go(self) -> None:
        """The exchange is over."""
        self._kept = False
        self._forget()
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
            self.lost = True
            self._forget()

    def _refuse(self, limit: int) -> None:
        self._refusal = BodyTooLarge(f"the body of this request is larger than {limit} bytes")

    def _forget(self) -> None:
        self._budget.left += self._charged
        self._charged = 0
        self.content.clear()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

"""The body of a request on its way: passed on as it comes, or kept for a while so that it can be sent again."""

import asyncio

from warren.errors import GatewayError


class BodyTooLarge(GatewayError):
    """The body of this request must be held whole, and is too large for that."""

    status = 413


class Budget:
    """Bytes that all kept bodies of an instance may take together."""

    __slots__ = ("left",)

    def __init__(self, size: int) -> None:
        self.left = size


class RequestBody:
    """What is here of a body, framing included: what was not sent yet, or, while it is kept, all of it."""

    __slots__ = ("_budget", "_kept", "_limit", "_waiter", "complete", "content", "lost")

    def __init__(self, budget: Budget) -> None:
        self.complete = False
        self.lost = False
        """Some of it was sent and is not here any more: it cannot be sent again."""
        self.content = bytearray()  # one buffer: a body that comes byte by byte must not cost an object for each
        self._budget = budget
        self._kept = False
        self._limit = 0
        self._waiter: asyncio.Future[None] | None = None

    def keep(self, limit: int) -> None:
        """Keep what arrives, up to `limit` bytes and the budget of all; beyond either it is only passed on."""
        if not self.lost:
            self._kept, self._limit = True, limit

    def arrived(self, piece: bytes, *, complete: bool, passed_on: bool) -> None:
        """Note a piece; `passed_on` says that it is being sent at this moment."""
        self.complete = complete
        if self._kept and (len(self.content) + len(piece) > self._limit or len(piece) > self._budget.left):
            self._stop_keeping(passed_on=passed_on)
        if self._kept:
            self._budget.left -= len(piece)
        if self._kept or not passed_on:
            self.content += piece
        else:
            self.lost = True
        self._wake()

    def sent(self) -> None:
        """All that is here was sent."""
        if not self._kept and self.content:
            self.lost = True
            self.content.clear()

    def let_go(self) -> None:
        """The exchange is over."""
        if self._kept:
            self._budget.left += len(self.content)
            self._kept = False
        self.content.clear()
        self._wake()

    async def whole(self, limit: int) -> None:
        """Wait until all of it is here. Raises BodyTooLarge beyond `limit` bytes."""
        self.keep(limit)
        while not self.complete and self._kept:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if not self._kept:
            raise BodyTooLarge(
                f"the body of this request is larger than {limit} bytes, or too many such bodies are held"
            )

    def _stop_keeping(self, *, passed_on: bool) -> None:
        self._kept = False
        self._budget.left += len(self.content)
        if passed_on:
            self.lost = True
            self.content.clear()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

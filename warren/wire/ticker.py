"""A coarse clock and the deadlines that hang on it: no timer per request, one walk over the open connections."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

log = structlog.get_logger()

PERIOD_SECONDS: Final = 0.1
"""How coarse: a deadline ends up to this much late."""

STALL_SECONDS: Final = 1.0
"""After a stall of the process longer than this, deadlines are not judged until what has arrived meanwhile was read."""


class Ticker:
    """`now` is the loop's time, at most PERIOD_SECONDS old. Watchers are called with it at every tick."""

    __slots__ = ("_failing", "_watchers", "now")

    def __init__(self) -> None:
        self.now = asyncio.get_running_loop().time()
        self._watchers: list[Callable[[float], None]] = []
        self._failing: set[Callable[[float], None]] = set()

    def exactly(self) -> float:
        """The time that `now` follows: for measuring what may be short, or go on while the process is busy."""
        return max(self.now, asyncio.get_running_loop().time())

    def watch(self, watcher: Callable[[float], None]) -> None:
        self._watchers.append(watcher)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(PERIOD_SECONDS)
            now = loop.time()
            if now - self.now > PERIOD_SECONDS + STALL_SECONDS:
                self.now = now
            else:
                self.tick(now)

    def tick(self, now: float) -> None:
        """It is `now`: every watcher judges its deadlines."""
        self.now = now
        for watcher in self._watchers:
            self._tell(watcher, now)

    def _tell(self, watcher: Callable[[float], None], now: float) -> None:
        """A watcher that fails must not keep the others from hearing; the log has it once, not ten times a second."""
        try:
            watcher(now)
        except Exception:
            if watcher not in self._failing:
                log.exception("watcher_failed", watcher=repr(watcher))
            self._failing.add(watcher)
        else:
            self._failing.discard(watcher)

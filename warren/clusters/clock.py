"""Time as the prober sees it: passed in, so that a test can let a minute pass in no time."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    def unix(self) -> float:
        """Seconds since 1970, for people."""
        ...

    def monotonic(self) -> float:
        """Seconds since whenever, for measuring: never set back."""
        ...

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Return when the event is set, and at the latest after these seconds; at once when there are none."""
        ...


class SystemClock:
    def unix(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                await event.wait()
        except TimeoutError:
            pass

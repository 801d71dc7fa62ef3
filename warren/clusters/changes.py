"""Changes of the cluster list, told to the other instances and heard from them, so that nobody has to wait for the next reading."""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from warren.errors import StoreUnavailable
from warren.pauses import Pauses
from warren.telemetry.few_lines import FewLines

log = structlog.get_logger()

CHANNEL = "warren_clusters"
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0
"""Pauses before a channel that broke is listened to again. Meanwhile the list is read each second all the same."""


class Channel(Protocol):
    """A way to tell all instances something. What was told while nobody listened is lost."""

    async def publish(self, message: str) -> None:
        """Raises StoreUnavailable."""
        ...

    async def listen(self, hear: Callable[[str], None], *, listening: Callable[[], None]) -> None:
        """For ever; raises StoreUnavailable when it cannot go on."""
        ...

    async def close(self) -> None: ...


class Changes:
    """Announces changes made here on every channel, and reads the list at once when others announce theirs."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self._channels = {channel: asyncio.Event() for channel in channels}
        """Each with the news that there is something to tell."""
        self._own = secrets.token_hex(8)
        """What our own announcements say, so that we know them when they come back."""
        self._lines = FewLines(time.monotonic)

    def announce(self) -> None:
        """Tell the others, without waiting: they read the list each second anyway."""
        for news in self._channels.values():
            news.set()

    async def run(self, read: Callable[[], None]) -> None:
        """Tell and listen on all channels, until cancelled. `read` asks for the list to be read now, and returns at once."""
        async with asyncio.TaskGroup() as loops:
            for channel, news in self._channels.items():
                loops.create_task(self._keep_telling(channel, news))
                loops.create_task(self._keep_listening(channel, read))

    async def close(self) -> None:
        for channel in self._channels:
            await channel.close()

    async def _keep_telling(self, channel: Channel, news: asyncio.Event) -> None:
        while True:
            await news.wait()
            news.clear()
            try:
                await channel.publish(self._own)
            except StoreUnavailable as error:
                if (more := self._lines.one_more()) is not None:
                    log.info("announcement_failed", because=str(error), **more)

    async def _keep_listening(self, channel: Channel, read: Callable[[], None]) -> None:
        pauses = Pauses(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
        is_told = False

        def listening() -> None:
            nonlocal is_told
            is_told = False
            pauses.restart()
            read()  # something may have been told before

        def hear(message: str) -> None:
            if message != self._own:
                read()

        while True:
            try:
                await channel.listen(hear, listening=listening)
            except StoreUnavailable as error:
                if not is_told and (more := self._lines.one_more()) is not None:
                    is_told = True
                    log.info("announcements_unheard", because=str(error), **more)
            await asyncio.sleep(pauses.next())

"""Coroutines with an owner: background loops that survive their own failures, and short tasks that cannot hide them."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

log = structlog.get_logger()


async def supervised(loop: Callable[[], Awaitable[None]], *, name: str, pause: float = 1.0) -> None:
    """Run the loop until it returns; a bug in it is logged, then it starts again after `pause` seconds."""
    while True:
        try:
            await loop()
            return
        except Exception:
            log.exception("background_loop_failed", loop=name, again_in_seconds=pause)
            await asyncio.sleep(pause)


class Tasks:
    """Starts coroutines from callbacks, owned by the instance's task group: all end when the instance ends."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group

    def start(self, coroutine: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """A failure in the coroutine is logged and does not reach the group: one request cannot end the instance."""
        return self._group.create_task(guarded(coroutine, name=name), name=name)


async def guarded(coroutine: Coroutine[Any, Any, None], *, name: str) -> None:
    """Await the coroutine; a bug in it is logged."""
    try:
        await coroutine
    except Exception:
        log.exception("task_failed", task=name)

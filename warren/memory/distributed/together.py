"""Placements of one moment go to their server together: one question, and one wait, for many statements."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from warren.memory.distributed.lanes import Lane
from warren.model import Placement

MOST = 100
"""Placements in one go: reading so many replies holds up the loop for a millisecond or so."""

Send = Callable[[Lane, Sequence[Placement]], Coroutine[Any, Any, bool]]
"""Writes placements to a server, and says whether all of them are there now; within the budget of a request."""

Member = tuple[Placement, asyncio.Future[bool]]


class Together:
    """Gathers what comes within one turn of the loop. Whoever leaves before the end takes nothing from the others."""

    def __init__(self, send: Send, group: asyncio.TaskGroup) -> None:
        """The group owns what is under way."""
        self._send = send
        self._group = group
        self._gathered: dict[Lane, list[Member]] = {}

    async def keep(self, lane: Lane, placement: Placement) -> bool:
        """Whether it was written, once that is known. False also when the group ends."""
        loop = asyncio.get_running_loop()
        members = self._gathered.get(lane)
        if members is None:
            members = self._gathered[lane] = []
            loop.call_soon(self._set_out, lane)
        told: asyncio.Future[bool] = loop.create_future()
        members.append((placement, told))
        return await told

    def _set_out(self, lane: Lane) -> None:
        members = self._gathered.pop(lane)
        for first in range(0, len(members), MOST):
            self._start(lane, members[first : first + MOST])

    def _start(self, lane: Lane, members: Sequence[Member]) -> None:
        sending = self._send(lane, [placement for placement, _ in members])
        try:
            task = self._group.create_task(sending)
        except RuntimeError:  # the group has ended, or is about to
            sending.close()
            tell(members, was_written=False)
        else:
            task.add_done_callback(lambda done: tell(members, was_written=_went_well(done)))


def _went_well(done: asyncio.Task[bool]) -> bool:
    return not done.cancelled() and done.exception() is None and done.result()


def tell(members: Sequence[Member], *, was_written: bool) -> None:
    for _, told in members:
        if not told.done():  # its client may have left
            told.set_result(was_written)

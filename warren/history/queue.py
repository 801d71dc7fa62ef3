"""The rows that wait in memory, bounded by number and by size; putting one there never waits."""

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from warren.history.counts import Counts
from warren.history.record import Entry, Record

MOST_ROWS = 50_000
MOST_BYTES = 128 * 1024 * 1024
"""Twice the statements that are kept for a second try: when their clusters take all of them at once, they find room."""
BATCH_ROWS = 500
BATCH_BYTES = 1024 * 1024
"""A batch ends with the row that reaches it, so that preparing one holds up the loop for milliseconds at most."""
ENTRY_BYTES = 1024
"""What an entry takes in memory beside its statement, roughly."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that were taken out together, in their order."""

    waiting: Sequence["Waiting"]

    @property
    def entries(self) -> list[Entry]:
        return [each.entry for each in self.waiting]

    @property
    def size(self) -> int:
        """Bytes of memory."""
        return sum(each.size for each in self.waiting)


class Waiting(NamedTuple):
    """A row in memory."""

    since: float
    """When it came; monotonic seconds."""
    size: int
    """Bytes."""
    entry: Entry


class Queue:
    """First in, first out. Rows that are taken out fill the memory until they are done with or given back."""

    def __init__(
        self,
        counts: Counts,
        *,
        clock: Callable[[], float],
        most_rows: int = MOST_ROWS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        """`clock` tells monotonic seconds."""
        self._counts = counts
        self._clock = clock
        self._most_rows = most_rows
        self._most_bytes = most_bytes
        self._waiting: deque[Waiting] = deque()
        self._waiting_bytes = 0
        self.arrived = asyncio.Event()
        """Set while rows wait."""
        self.enough = asyncio.Event()
        """Set while they make a whole batch."""
        self.filling = asyncio.Event()
        """Set by each row that comes while half of the memory is in use; cleared by whoever sees to that."""

    def put(self, entry: Entry) -> None:
        """Append it; when the memory is full it is dropped and counted."""
        counts = self._counts
        size = size_of(entry)
        if counts.queued_rows >= self._most_rows or counts.queued_bytes + size > self._most_bytes:
            counts.dropped += 1
            return
        self._waiting.append(Waiting(self._clock(), size, entry))
        counts.queued_rows += 1
        counts.queued_bytes += size
        self._waiting_bytes += size
        self._tell()
        if self.is_half_full():
            self.filling.set()

    def waiting_since(self) -> float | None:
        """When the oldest row came; None when there is none."""
        return self._waiting[0].since if self._waiting else None

    def is_half_full(self) -> bool:
        """Half of the memory that rows may fill is in use."""
        counts = self._counts
        return 2 * counts.queued_rows >= self._most_rows or 2 * counts.queued_bytes >= self._most_bytes

    def take(self) -> Batch:
        """The oldest rows, as many as make a batch at most."""
        waiting = self._waiting
        taken: list[Waiting] = []
        size = 0
        while waiting and len(taken) < BATCH_ROWS and size < BATCH_BYTES:
            taken.append(waiting.popleft())
            size += taken[-1].size
        self._waiting_bytes -= size
        self.arrived.clear()
        self.enough.clear()
        self._tell()
        return Batch(taken)

    def done(self, batch: Batch) -> None:
        """These rows are somebody else's now: their room in memory is free."""
        self._counts.queued_rows -= len(batch.waiting)
        self._counts.queued_bytes -= batch.size

    def give_back(self, batch: Batch) -> None:
        """Put the rows where they came from: in front of those that came since."""
        self._waiting.extendleft(reversed(batch.waiting))
        self._waiting_bytes += batch.size
        self._tell()

    def _tell(self) -> None:
        if self._waiting:
            self.arrived.set()
        if len(self._waiting) >= BATCH_ROWS or self._waiting_bytes >= BATCH_BYTES:
            self.enough.set()


def size_of(entry: Entry) -> int:
    """Bytes of memory."""
    return ENTRY_BYTES + sys.getsizeof(entry.query_text) if isinstance(entry, Record) else ENTRY_BYTES

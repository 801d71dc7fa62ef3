"""Every statement that a cluster takes becomes a row of `query_history`: noted in memory, written behind, in batches.

While the database takes no rows they wait on disk, so that a process which is killed loses the last second at most.
"""

import asyncio
import math
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from warren.drivers.sql import Database
from warren.errors import StoreUnavailable
from warren.history import queue
from warren.history.counts import Counts
from warren.history.disk import spill
from warren.history.disk.segments import Slice
from warren.history.disk.set_aside import SetAside
from warren.history.disk.spill import Spill
from warren.history.queue import Batch, Queue
from warren.history.record import Correction, Record
from warren.history.table import BATCH_SECONDS, Table
from warren.history.trouble import Trouble
from warren.model import ClusterUrl, GroupName, QueryId
from warren.telemetry.few_lines import FewLines

log = structlog.get_logger()

PACE_SECONDS = 1.0
"""Between the beginnings of two batches, unless one is full before: so the oldest row waits no longer."""
PATIENCE_SECONDS = 0.2
"""After this time a batch that is on its way to the database is put on disk as well."""
HOLD_SECONDS = 0.5
"""How long rows stay in memory alone while the database takes none, or has not caught up."""
LOOK_SECONDS = 0.1
"""How often it is looked for rows that have been in memory too long; for too many of them at once, but for a broken disk."""
ADOPT_SECONDS = 30.0
"""How often it is looked for files of processes that are gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLimits:
    """What may wait, in rows and bytes, and how long the database may take for a batch."""

    memory_rows: int = queue.MOST_ROWS
    memory_bytes: int = queue.MOST_BYTES
    disk_bytes: int = spill.MOST_BYTES
    segment_bytes: int = spill.SEGMENT_BYTES
    batch_seconds: float = BATCH_SECONDS


@dataclass(slots=True)
class Flight:
    """A batch on its way from memory to the database."""

    batch: Batch
    began: float
    copy: Slice | None = None
    """Where it is on disk, too, once it takes long."""


class History:
    """The writing half. Order is kept: while rows wait on disk, new ones go behind them."""

    def __init__(
        self,
        database: Database,
        directory: Path,
        *,
        limits: HistoryLimits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`directory` is for its files, `clock` tells monotonic seconds. Touches neither database nor disk yet."""
        self.counts = Counts()
        self._clock = clock
        self._batch_seconds = limits.batch_seconds
        self._queue = Queue(self.counts, clock=clock, most_rows=limits.memory_rows, most_bytes=limits.memory_bytes)
        self._spill = Spill(
            directory,
            self.counts,
            origin=database.label,
            most_bytes=limits.disk_bytes,
            segment_bytes=limits.segment_bytes,
        )
        self._table = Table(database, SetAside(directory, self.counts, clock=clock).keep, self.counts)
        self._directory = directory
        self._trouble = Trouble(self.counts, clock=clock)
        self._flight: Flight | None = None
        self._moving = asyncio.Lock()
        """Held while it is decided what is next, and while rows move from memory to disk."""
        self._lines = FewLines(clock, lines=1)
        self._told_dropped = 0
        self._disk_error: str | None = None

    def note(self, record: Record) -> None:
        """Take a row to be written. Never waits and never fails; it is dropped, and counted, when the memory is full."""
        self._queue.put(record)

    def correct(self, query_id: QueryId, backend_url: ClusterUrl, routing_group: GroupName, external_url: str) -> None:
        """Take a change to a row that was noted, here or elsewhere; of a query without a row nothing is changed."""
        self._queue.put(
            Correction(
                query_id=query_id, backend_url=backend_url, routing_group=routing_group, external_url=external_url
            )
        )

    async def run(self) -> None:
        """Write what is noted, until cancelled; then `flush` is due."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._keep_writing())
            loops.create_task(self._keep_safe())

    async def flush(self, deadline_seconds: float) -> None:
        """The end, after `run`: write what waits, within so many seconds. What is left is on disk when it returns."""
        because = await self._why_not_all(deadline_seconds)
        await self._put_on_disk()
        if self.counts.spilled_rows:
            log.warning(
                "history_left_on_disk",
                rows=self.counts.spilled_rows,
                directory=str(self._directory),
                because=because,
            )
        self.counts.dropped += self.counts.queued_rows  # the disk has failed as well
        self._tell_dropped()
        await asyncio.to_thread(self._spill.close)

    async def _why_not_all(self, seconds: float) -> str:
        """Write what waits; what kept it from writing everything, in words."""
        end = self._clock() + seconds
        try:
            async with asyncio.timeout(seconds):
                if self._spill.has_rows():
                    await self._put_on_disk()  # their turn comes after those
                while await self._write_oldest(min(end - self._clock(), self._batch_seconds)):
                    pass
        except TimeoutError:
            return f"{seconds:g} s were not enough"
        except StoreUnavailable as error:
            return str(error)
        return ""

    # --- to the database

    async def _keep_writing(self) -> None:
        begun = adopted = -math.inf
        while True:
            if self._clock() - adopted >= ADOPT_SECONDS:
                adopted = self._clock()
                await asyncio.to_thread(self._spill.adopt)
            if not self._spill.has_rows():
                await until(self._queue.arrived, ADOPT_SECONDS)
                await until(self._queue.enough, begun + PACE_SECONDS - self._clock())
            begun = self._clock()
            try:
                await self._write_oldest(self._batch_seconds)
            except StoreUnavailable as error:
                await asyncio.sleep(self._trouble.failed(str(error)))
            else:
                if not self._spill.has_rows():
                    self._trouble.ended()

    async def _write_oldest(self, deadline: float) -> bool:
        """Write what has waited longest; False when nothing waits. Raises StoreUnavailable, and it waits on."""
        async with self._moving:
            taken = await asyncio.to_thread(self._spill.oldest) if self._spill.has_rows() else None
            batch = self._queue.take() if taken is None else Batch(())
        # A row may be at fault for what failed before.
        write = self._table.write_warily if self._trouble.is_on else self._table.write
        if taken is not None:
            await write(taken.entries, deadline=deadline)
            self.counts.replayed += len(taken.entries)
            await asyncio.to_thread(self._spill.done, taken)
        elif batch.waiting:
            await self._fly(batch, write(batch.entries, deadline=deadline))
        return taken is not None or bool(batch.waiting)

    async def _fly(self, batch: Batch, writing: Coroutine[Any, Any, None]) -> None:
        """Write rows from memory; when that fails they are there again, or on disk."""
        flight = self._flight = Flight(batch, self._clock())
        is_written = False
        try:
            await writing
            is_written = True
        finally:
            self._flight = None
            if is_written or flight.copy is not None:
                self._queue.done(batch)
            else:
                self._queue.give_back(batch)
        if flight.copy is not None:
            await asyncio.to_thread(self._spill.done, flight.copy)

    # --- to the disk

    async def _keep_safe(self) -> None:
        while True:
            if self._is_at_risk():
                await self._put_on_disk()
            self._tell_dropped()
            if self._disk_error is None:
                await until(self._queue.filling, LOOK_SECONDS)
                self._queue.filling.clear()
            else:
                await asyncio.sleep(LOOK_SECONDS)

    def _is_at_risk(self) -> bool:
        """Whether rows have been in memory for longer than a kill may cost, or fill too much of it."""
        now = self._clock()
        flight, since = self._flight, self._queue.waiting_since()
        is_slow = flight is not None and now - flight.began > PATIENCE_SECONDS
        if is_slow and flight is not None and flight.copy is None:
            return True
        if since is None:
            return False
        is_behind = is_slow or self._trouble.is_on or self._spill.has_rows()
        age = HOLD_SECONDS if is_behind else PACE_SECONDS + PATIENCE_SECONDS
        return now - since > age or self._queue.is_half_full()

    async def _put_on_disk(self) -> None:
        """Everything that is in memory. Never fails: what cannot be written stays there."""
        try:
            async with self._moving:
                flight = self._flight
                if flight is not None and flight.copy is None:
                    flight.copy = await asyncio.to_thread(self._spill.append, flight.batch.entries)
                while self._queue.arrived.is_set():
                    await self._append(self._queue.take())
        except OSError as error:
            if self._disk_error != str(error):
                log.warning("history_not_spilled", directory=str(self._directory), because=str(error))
            self._disk_error = str(error)
        else:
            self._disk_error = None

    async def _append(self, batch: Batch) -> None:
        try:
            await asyncio.to_thread(self._spill.append, batch.entries)
        except BaseException:
            self._queue.give_back(batch)
            raise
        self._queue.done(batch)

    def _tell_dropped(self) -> None:
        dropped = self.counts.dropped + self.counts.dropped_on_disk
        if dropped > self._told_dropped and self._lines.one_more() is not None:
            log.error("history_dropped", rows=dropped - self._told_dropped, rows_so_far=dropped)
            self._told_dropped = dropped


class NoHistory:
    """What stands in its place when no history is kept."""

    def __init__(self) -> None:
        self.counts = Counts()

    def note(self, record: Record) -> None:
        """Nothing is written."""

    def correct(self, query_id: QueryId, backend_url: ClusterUrl, routing_group: GroupName, external_url: str) -> None:
        """Nothing is changed."""

    async def flush(self, deadline_seconds: float) -> None:
        """Nothing waits."""


async def until(event: asyncio.Event, seconds: float) -> None:
    """Return when the event is set, and after so many seconds at the latest; at once when there are none."""
    if seconds > 0 and not event.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()

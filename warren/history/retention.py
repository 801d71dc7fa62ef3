"""Deletes rows of `query_history` that are older than people want to keep them: in small steps, by one instance at a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from warren.drivers.sql import Database
from warren.errors import StoreUnavailable
from warren.history.counts import Counts
from warren.history.lease import Lease
from warren.history.reasons import TABLE as REASONS
from warren.history.reasons import Reasons

log = structlog.get_logger()

FIRST_SECONDS = 60.0
"""After the start: there is more important work then."""
EVERY_SECONDS = 600.0
STEP_ROWS = 1000
PAUSE_SECONDS = 0.25
"""Between two steps, in which others have the table to themselves."""

OLDEST = "SELECT query_id FROM {table} WHERE created < :before ORDER BY created LIMIT :rows"
DELETE = "DELETE FROM {table} WHERE query_id IN :query_ids"
HISTORY = "query_history"


class Retention:
    """One for each instance that writes a history. A row without a time of creation stays, as it does in Java."""

    def __init__(
        self,
        database: Database,
        counts: Counts,
        *,
        hours: int,
        step_rows: int = STEP_ROWS,
        clock: Callable[[], float] = time.monotonic,
        unix: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`clock` tells monotonic seconds, `unix` the time in seconds since 1970."""
        self._database = database
        self._counts = counts
        self._hours = hours
        self._step_rows = step_rows
        self._unix = unix
        self._sleep = sleep
        self._reasons = Reasons(database, clock=clock)
        self._lease = Lease(database, "history_retention", clock=clock)
        self._is_failing = False

    async def run(self) -> None:
        """Trim every ten minutes, for ever; a database that is away only makes it later."""
        await self._sleep(FIRST_SECONDS)
        while True:
            try:
                await self.trim()
                self._is_failing = False
            except StoreUnavailable as error:
                if not self._is_failing:
                    log.warning("history_not_trimmed", because=str(error))
                self._is_failing = True
            await self._sleep(EVERY_SECONDS)

    async def trim(self) -> None:
        """Delete what is too old, unless another instance is at it. Raises StoreUnavailable."""
        if await self._lease.take():
            try:
                before = max(int((self._unix() - 3600 * self._hours) * 1000), 0)
                self._counts.trimmed += await self._delete(HISTORY, before=before)
                if await self._reasons.is_there():
                    await self._delete(REASONS, before=before)
            finally:
                with suppress(StoreUnavailable):  # then it lapses
                    await self._lease.leave()

    async def _delete(self, table: str, *, before: int) -> int:
        """How many rows of this table are gone."""
        oldest, delete = OLDEST.format(table=table), DELETE.format(table=table)
        gone = 0
        while found := await self._database.fetch(oldest, before=before, rows=self._step_rows):
            query_ids = tuple(row["query_id"] for row in found)
            deleted = await self._database.execute(delete, query_ids=query_ids)
            gone += deleted
            if not deleted or len(found) < self._step_rows or not await self._lease.renew():
                break
            await self._sleep(PAUSE_SECONDS)
        return gone

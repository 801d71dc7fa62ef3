"""The third tier (L3): `query_history`, in which every statement of every instance stands within about a second."""

import asyncio
import time
from collections.abc import Callable

from warren.clusters.roster import Roster
from warren.current import Current
from warren.drivers.sql import Database
from warren.errors import StoreUnavailable
from warren.memory.believed import believed
from warren.memory.tiers import TierCounts
from warren.model import Placement

SELECT = "SELECT backend_url, routing_group FROM query_history WHERE query_id = :query_id"

AT_ONCE = 2
"""Lookups at a time. The others of the pool's few connections are for the list of clusters and for what is written."""
WITHIN_SECONDS = 1.0
"""For one lookup, waiting for its turn included."""


class InHistory:
    """One select, one row. A database that is known to be down is not asked at all."""

    name = "history"

    def __init__(
        self,
        database: Database,
        roster: Current[Roster],
        *,
        is_reachable: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`is_reachable` is what the last reading of the cluster list showed; that is tried each second."""
        self._database = database
        self._roster = roster
        self._is_reachable = is_reachable
        self._clock = clock
        self._turns = asyncio.Semaphore(AT_ONCE)
        self.counts = TierCounts()

    async def find(self, query_id: str) -> Placement | None:
        """None too for a row that leads to no cluster of the roster. Raises StoreUnavailable, about WITHIN_SECONDS later."""
        began = self._clock()
        self.counts.requests += 1
        try:
            found = await self._find(query_id)
        except StoreUnavailable:
            self.counts.errors += 1
            raise
        finally:
            self.counts.latency.observe(self._clock() - began)
        if found is None:
            self.counts.misses += 1
        else:
            self.counts.hits += 1
        return found

    async def _find(self, query_id: str) -> Placement | None:
        if not self._is_reachable():
            raise StoreUnavailable("the database is not reachable")
        end = asyncio.get_running_loop().time() + WITHIN_SECONDS
        try:
            async with asyncio.timeout_at(end):
                await self._turns.acquire()
        except TimeoutError as error:
            raise StoreUnavailable(f"others have waited for {self._database.label} for {WITHIN_SECONDS:g} s") from error
        try:
            # Not by a timeout around it: when it is cancelled from outside, the driver takes its time to say goodbye.
            left = end - asyncio.get_running_loop().time()
            rows = await self._database.fetch(SELECT, within=left, query_id=query_id)
        finally:
            self._turns.release()
        if not rows:
            return None
        row = rows[0]
        backend, group = _text(row["backend_url"]), _text(row["routing_group"])
        found = believed(self._roster.value, query_id, backend=backend or "", group=group)
        if found is None:
            self.counts.rejected += 1
        return found


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None

"""The part of an instance that remembers where queries live, tier by tier: built once, from the settings."""

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from warren.clusters.coordinators import Coordinators
from warren.clusters.roster import Roster
from warren.current import Current
from warren.drivers.sql import Database
from warren.drivers.valkey.topology import servers
from warren.history.history import History, HistoryLimits, NoHistory
from warren.history.retention import Retention
from warren.memory.distributed.in_valkey import InValkey
from warren.memory.in_history import InHistory
from warren.memory.in_process import InProcess
from warren.memory.recall import Farther, Recall
from warren.memory.tiers import NoCache, Tier, TierCounts
from warren.model import Placement
from warren.settings.root import Settings
from warren.settings.stores.store import DataStore
from warren.tasks import supervised
from warren.wiring import keeps_history

HISTORY = "history"
"""The directory for rows that wait for the database."""
FLUSH_SECONDS = 5.0
"""How long the end may take for rows that still wait; the rest goes to the disk."""


class Remembering:
    """The tiers of memory, nearest first."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        *,
        state: Path,
        roster: Current[Roster],
        coordinators: Coordinators,
        is_reachable: Callable[[], bool],
    ) -> None:
        """`state` is where files are; `is_reachable`: whether the database was at its last reading.

        Made inside the running loop.
        """
        self._settings = settings
        valkey = settings.valkey_configuration
        self.cache: InValkey | NoCache = (
            InValkey(servers(valkey.server), valkey.server, roster, endings=coordinators.known)
            if valkey.enabled
            else NoCache()
        )
        farther: list[Tier] = [self.cache] if isinstance(self.cache, InValkey) else []
        if keeps_history(settings):
            farther.append(InHistory(database, roster, is_reachable=is_reachable))
        self.farther = tuple(farther)
        self.history: History | NoHistory = (
            History(database, state / HISTORY, limits=HistoryLimits()) if keeps_history(settings) else NoHistory()
        )
        self._retention = Retention(database, self.history.counts, hours=retention_hours(settings))
        self.in_process = self._in_process(renews=isinstance(self.cache, InValkey))
        self.recall = Recall(
            self.in_process,
            coordinators,
            roster,
            Farther(cache=self.cache, tiers=self.farther, correct_history=self._correct_history),
        )
        self.spooled = self._in_process(renews=False)

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        loops = []
        if isinstance(self.cache, InValkey):
            loops.append(supervised(self.cache.run, name="distributed_cache"))
        if isinstance(self.history, History):
            loops.append(supervised(self.history.run, name="history"))
            loops.append(supervised(self._retention.run, name="retention"))
        return loops

    async def close(self) -> None:
        """After the loops: write what still waits, to the distributed cache and to the database or the disk."""
        closing = [self.history.flush(FLUSH_SECONDS)]
        if isinstance(self.cache, InValkey):
            closing.append(self.cache.close())
        for error in await asyncio.gather(*closing, return_exceptions=True):  # the trouble of one is not the other's
            if isinstance(error, BaseException):
                raise error

    def _correct_history(self, placement: Placement) -> None:
        self.history.correct(placement.query_id, placement.cluster, placement.group, placement.external_url)

    def state(self) -> Mapping[str, Any]:
        """How the tiers do, for people."""
        state = {tier.name: tier_state(tier.counts) for tier in self.farther}
        cache = {"enabled": False} if isinstance(self.cache, NoCache) else {"enabled": True, **self.cache.state()}
        return {"distributedCache": cache, "tiers": {"in_process": self._nearby_state(), **state}}

    def _nearby_state(self) -> Mapping[str, object]:
        recall = self.recall
        return {
            "entries": len(self.in_process),
            "evicted": self.in_process.evicted,
            "hits": recall.by_placement,
            "hitsByCoordinatorId": recall.by_coordinator,
            "misses": recall.not_nearby,
            "corrected": recall.corrected_count,
        }

    def _in_process(self, *, renews: bool) -> InProcess:
        memory, valkey = self._settings.memory, self._settings.valkey_configuration.server
        return InProcess(
            capacity=memory.max_entries,
            expire_after_seconds=memory.expire_after_access,
            clock=time.monotonic,
            renew_after_seconds=valkey.ttl_seconds / 2 if renews and valkey.ttl_seconds else math.inf,
            renew=self.cache.renew_later,
        )


def retention_hours(settings: Settings) -> int:
    """How long rows are kept. An embedded database has the same default as a shared one."""
    if settings.data_store is not None:
        return settings.data_store.query_history_hours_retention
    default: int = DataStore.model_fields["query_history_hours_retention"].default
    return default


def tier_state(counts: TierCounts) -> Mapping[str, object]:
    return {
        "requests": counts.requests,
        "hits": counts.hits,
        "misses": counts.misses,
        "rejected": counts.rejected,
        "errors": counts.errors,
        "writes": counts.writes,
        "writeErrors": counts.write_errors,
        "hitRate": counts.hit_rate,
    }

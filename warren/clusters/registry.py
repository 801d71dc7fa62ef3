"""Keeps the roster's list of clusters true to the database, and makes the changes that people ask for."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, Protocol

import structlog

from warren.clusters.roster import Roster
from warren.clusters.snapshot import Snapshot
from warren.clusters.store import Rows
from warren.current import Current
from warren.errors import StoreUnavailable
from warren.model import Cluster, ClusterName

log = structlog.get_logger()

READ_SECONDS = 1.0
"""Pause between two readings of the table: a change made elsewhere holds here within about this time."""
JITTER = 0.1
"""Share of the pause that is left to chance, so that instances do not read in step."""
GATHER_SECONDS = 0.05
"""How long announcements of changes are gathered before the table is read for them: others may send very many."""
TURN_SECONDS = 2.0
"""How long a change waits for those before it: as long as one statement to the database may take."""
MIGRATION_PAUSE_SECONDS = 5.0
"""Pause between two attempts at a migration: a failed one may have held up other users of the tables."""


class Clusters(Protocol):
    """The rows; `ClusterStore` says what each method guarantees."""

    async def read(self) -> Rows: ...

    async def add(self, cluster: Cluster) -> Cluster: ...

    async def save(self, cluster: Cluster) -> Cluster: ...

    async def set_active(self, name: ClusterName, active: bool) -> Cluster: ...

    async def delete(self, name: ClusterName) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseState:
    """How things stand with the database, for people."""

    reachable: bool = False
    error: str = "not asked yet"
    """Why it is not reachable; empty when it is."""
    since: float
    """Unix time in seconds at which it became reachable, or ceased to be."""
    last_read: float | None = None
    """Unix time in seconds of the last successful reading."""
    migration_pending: bool
    bad_rows: tuple[str, ...] = ()


def _to_nobody() -> None:
    pass


class Registry:
    """Owner of the list of clusters in the roster; health there belongs to the monitors.

    Requests never wait for it. Whenever the list has changed it calls `on_change` with the names of clusters that were
    added or changed, none when some have only gone, right after the new roster is in place.
    """

    def __init__(
        self,
        store: Clusters,
        snapshot: Snapshot,
        roster: Current[Roster],
        on_change: Callable[[frozenset[ClusterName]], None],
        *,
        migrate: Callable[[], Awaitable[object]] | None,
        announce: Callable[[], None] = _to_nobody,
        turn_seconds: float = TURN_SECONDS,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
    ) -> None:
        """`migrate` brings the tables up to date, or raises StoreUnavailable; None when the settings forbid it.

        `announce` tells other instances of a change that was made here.
        """
        self._store = store
        self._snapshot = snapshot
        self._roster = roster
        self._on_change = on_change
        self._migrate = migrate
        self._announce = announce
        self._wanted = asyncio.Event()
        """Set when somebody cannot wait for the next reading."""
        self._turn_seconds = turn_seconds
        self._clock = clock
        self._sleep = sleep
        self._state = DatabaseState(since=clock(), migration_pending=migrate is not None)
        self._is_lost = False
        """Whether the log has said so."""
        self._migration_error: str | None = None
        self._saved: tuple[Cluster, ...] | None = None
        self._changes = 0
        """Counts changes made here, so that a reading which began before one is told from a later one."""
        self._changing = asyncio.Lock()

    def database_state(self) -> DatabaseState:
        return self._state

    async def start(self) -> None:
        """Load the roster: from the database, else from the snapshot, else leave it as it is. Never fails.

        A database in which nothing could be migrated is not waited for again: `run` reads it at once.
        """
        if await self.migrate():
            await self.refresh()
        if not self._roster.value.loaded:
            await self._load_snapshot()

    async def run(self) -> None:
        """Read the table each second, for ever; beside it, try a migration that had to wait again."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._keep_reading())
            loops.create_task(self._keep_migrating())

    async def add(self, cluster: Cluster) -> Cluster:
        """Store a new cluster and use it at once; answers it as stored.

        Raises RegistryConflict when the name is taken, ValueError for a bad field, StoreUnavailable.
        """
        return await self._change(lambda: self._store.add(cluster))

    async def save(self, cluster: Cluster) -> Cluster:
        """Store a cluster, new or not, and use it at once. Raises ValueError and StoreUnavailable."""
        return await self._change(lambda: self._store.save(cluster))

    async def set_active(self, name: ClusterName, active: bool) -> Cluster:
        """Raises RegistryConflict when there is no such cluster, and StoreUnavailable."""
        return await self._change(lambda: self._store.set_active(name, active))

    async def delete(self, name: ClusterName) -> bool:
        """Whether there was such a cluster. Raises StoreUnavailable."""
        async with self._turn():
            was_there = await self._store.delete(name)
            await self._apply(gone=name)
        return was_there

    def read_soon(self) -> None:
        """The list may have changed: read it now, not at the end of the pause."""
        self._wanted.set()

    async def refresh(self) -> None:
        """Read the table once. When it cannot be read, the roster stays as it is."""
        changes = self._changes
        try:
            rows = await self._store.read()
        except StoreUnavailable as error:
            self._note_failure(str(error))
            return
        self._note_success(rows.bad)
        # A change made here meanwhile may be missing from what was read; the next reading has it.
        if self._changes == changes:
            self._swap(rows.clusters)
        await self._save_snapshot()

    async def migrate(self) -> bool:
        """Bring the tables up to date if that is still to be done; False when it failed.

        A failure is logged, and tried again by `run`.
        """
        if self._migrate is None or not self._state.migration_pending:
            return True
        try:
            await self._migrate()
        except StoreUnavailable as error:
            if self._migration_error != str(error):
                log.warning("migration_waits", because=str(error))
            self._migration_error = str(error)
            if self._state.last_read is None:
                self._state = replace(self._state, error=str(error))
            return False
        self._state = replace(self._state, migration_pending=False)
        return True

    async def _keep_reading(self) -> None:
        if self._state.last_read is None:
            await self.refresh()
        while True:
            await self._pause(READ_SECONDS * random.uniform(1 - JITTER, 1 + JITTER))
            self._wanted.clear()
            await self.refresh()

    async def _pause(self, seconds: float) -> None:
        """Ends early when the list is wanted."""
        async with asyncio.TaskGroup() as either:
            pause = either.create_task(self._sleep(seconds))
            wanted = either.create_task(self._wanted.wait())
            await asyncio.wait({pause, wanted}, return_when=asyncio.FIRST_COMPLETED)
            pause.cancel()
            wanted.cancel()
        if self._wanted.is_set():
            await self._sleep(GATHER_SECONDS)

    async def _keep_migrating(self) -> None:
        while self._state.migration_pending:
            await self._sleep(MIGRATION_PAUSE_SECONDS)
            await self.migrate()

    async def _change(self, change: Callable[[], Awaitable[Cluster]]) -> Cluster:
        async with self._turn():
            changed = await change()
            await self._apply(gone=changed.name, come=(changed,))
        return changed

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One change at a time: the last to reach the database is the last to reach the roster.

        Raises StoreUnavailable when the turn does not come in time; nothing was begun then.
        """
        try:
            async with asyncio.timeout(self._turn_seconds):
                await self._changing.acquire()
        except TimeoutError as error:
            raise StoreUnavailable("changes before this one still wait for the database; it was not begun") from error
        try:
            yield
        finally:
            self._changing.release()

    async def _apply(self, *, gone: ClusterName, come: tuple[Cluster, ...] = ()) -> None:
        """Let the roster follow a change that is in the database."""
        self._changes += 1
        self._announce()
        if not self._roster.value.loaded:
            # The roster would hold this one cluster and look whole.
            await self.refresh()
            return
        others = tuple(cluster for cluster in self._roster.value.clusters if cluster.name != gone)
        self._swap(tuple(sorted(others + come, key=attrgetter("name"))))

    def _swap(self, clusters: tuple[Cluster, ...]) -> None:
        """Put the list in place when it differs. No await in here: the monitors write to the same roster."""
        before = self._roster.value
        if before.loaded and before.clusters == clusters:
            return
        self._roster.swap(before.with_clusters(clusters))
        self._on_change(frozenset(cluster.name for cluster in set(clusters) - set(before.clusters)))

    def _note_failure(self, error: str) -> None:
        if not self._is_lost:
            log.warning("database_lost", because=error)
        self._is_lost = True
        since = self._clock() if self._state.reachable else self._state.since
        self._state = replace(self._state, reachable=False, error=error, since=since)

    def _note_success(self, bad: tuple[str, ...]) -> None:
        now = self._clock()
        for sentence in sorted(set(bad) - set(self._state.bad_rows)):
            log.warning("cluster_row_bad", because=sentence)
        if self._is_lost:
            log.info("database_back")
        self._is_lost = False
        since = self._state.since if self._state.reachable else now
        self._state = replace(self._state, reachable=True, error="", since=since, last_read=now, bad_rows=bad)

    async def _load_snapshot(self) -> None:
        saved = await asyncio.to_thread(self._snapshot.load)
        if saved is None:
            log.warning("roster_unknown", because="the database could not be read, and there is no snapshot")
            return
        log.warning("roster_from_snapshot", saved_at=saved.at, clusters=len(saved.rows.clusters))
        self._saved = saved.rows.clusters
        self._swap(saved.rows.clusters)

    async def _save_snapshot(self) -> None:
        clusters = self._roster.value.clusters
        if not self._roster.value.loaded or clusters == self._saved:
            return
        if await asyncio.to_thread(self._snapshot.save, clusters, self._clock()):
            self._saved = clusters

"""The distributed cache in its Valkey form (L2): every placement of every instance, for as long as it is in use."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from warren.clusters.roster import Roster
from warren.current import Current
from warren.drivers.valkey.pool import Command
from warren.drivers.valkey.replies import Refusal, Reply
from warren.drivers.valkey.topology import Server, Servers
from warren.errors import StoreUnavailable
from warren.memory.believed import believed
from warren.memory.distributed.behind import Behind, Keep, Learn, Renew, Write, key_of
from warren.memory.distributed.keys import Keys, text_of
from warren.memory.distributed.lanes import Lane
from warren.memory.distributed.together import Together
from warren.memory.tiers import TierCounts
from warren.model import ClusterUrl, CoordinatorId, Placement
from warren.settings.stores.valkey import ValkeyServer
from warren.telemetry.few_lines import FewLines

GATHER_SECONDS = 0.02
"""How long writes that nobody waits for are gathered, so that they go out together."""
BATCH = 100
"""Placements that are written in one go."""
AGAIN_SECONDS = 1.0
CLOSE_SECONDS = 2.0


class InValkey:
    """Tells all instances, and knows what they told. Made inside the running loop; `run` keeps it going."""

    name = "valkey"

    def __init__(
        self,
        servers: Servers,
        settings: ValkeyServer,
        roster: Current[Roster],
        *,
        endings: Callable[[], Iterable[tuple[CoordinatorId, ClusterUrl]]] = tuple,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`endings` are those that this process has learned, told again after an outage. `clock` tells monotonic seconds."""
        self._servers = servers
        self._settings = settings
        self._roster = roster
        self._endings = endings
        self._clock = clock
        self._lines = FewLines(clock)
        self._keys = Keys(settings.key_prefix, settings.ttl_seconds or 0, settings.is_cluster)
        self._lanes: dict[str, Lane] = {}
        self._news = asyncio.Event()
        self._trouble = asyncio.Event()
        self._have_changed = asyncio.Event()
        """Set when the servers of a Cluster are others than before."""
        self._together: Together | None = None
        """While `run` does."""
        self.behind = Behind(self._news.set)
        self.counts = TierCounts()

    # --- on the way of a request

    async def find(self, query_id: str) -> Placement | None:
        """None too for an entry that leads to no cluster of the roster. Raises StoreUnavailable, within the budget."""
        began = self._clock()
        self.counts.requests += 1
        try:
            values = await self._read(query_id)
        except StoreUnavailable:
            self.counts.errors += 1
            raise
        finally:
            self.counts.latency.observe(self._clock() - began)
        found = self._placement(query_id, values)
        if found is None:
            self.counts.misses += 1
        else:
            self.counts.hits += 1
        return found

    async def keep(self, placement: Placement) -> None:
        """Returns when all instances can know it, at the latest when the budget is spent; then it is written later."""
        if await self._kept(placement):
            self.counts.writes += 1
        else:
            self.counts.write_errors += 1
            self.behind.put(Keep(placement))

    def keep_later(self, placement: Placement) -> None:
        self.behind.put(Keep(placement))

    def renew_later(self, placement: Placement) -> None:
        # Without a time to live there is none to begin anew (EXPIRE with 0 deletes); written again, what is lost is there.
        self.behind.put(Renew(placement) if self._keys.ttl_seconds else Keep(placement))

    def learn_later(self, coordinator_id: CoordinatorId, cluster: ClusterUrl) -> None:
        self.behind.put(Learn(coordinator_id, cluster))

    async def _kept(self, placement: Placement) -> bool:
        try:
            lane = self._lane(self._servers.of(self._keys.backend(placement.query_id)))
        except StoreUnavailable:
            return False
        if self._together is None or not lane.takes_writes:
            return await self._is_written(lane, (placement,))
        return await self._together.keep(lane, placement)

    async def _is_written(self, lane: Lane, placements: Sequence[Placement]) -> bool:
        commands = [command for placement in placements for command in self._keys.keep(placement)]
        try:
            replies = await lane.write(commands, is_awaited=True)
        except StoreUnavailable:
            return False
        return not any(isinstance(reply, Refusal) for reply in replies)

    async def _read(self, query_id: str) -> Sequence[Reply]:
        """Backend and group of the query, and the cluster that its ending belongs to."""
        ending = self._keys.find_coordinator(query_id[-5:])
        lane = self._lane(self._servers.of(self._keys.backend(query_id)))
        if not self._settings.is_cluster:
            return await lane.read([*self._keys.find(query_id), ending])
        # In a Cluster the ending is on another node; asked at the same time, so that both have the whole budget.
        of_query, told = await asyncio.gather(
            lane.read(self._keys.find(query_id)), self._read_ending(ending), return_exceptions=True
        )
        if isinstance(of_query, BaseException):
            raise of_query
        return [*of_query, None if isinstance(told, BaseException) else told]

    async def _read_ending(self, ending: Command) -> Reply:
        return (await self._lane(self._servers.of(ending[1])).read([ending]))[0]

    def _placement(self, query_id: str, replies: Sequence[Reply]) -> Placement | None:
        backend, group, coordinator = replies
        for reply, its_group in ((backend, text_of(group)), (coordinator, None)):
            if reply in (None, b""):
                continue
            url = text_of(reply)
            found = believed(self._roster.value, query_id, backend=url, group=its_group) if url is not None else None
            if found is not None:
                return found
            self.counts.rejected += 1
        return None

    # --- behind

    async def run(self) -> None:
        """Write what nobody waits for, keep connections ready, and follow changes of the servers; until cancelled."""
        try:
            async with asyncio.TaskGroup() as loops:
                self._together = Together(self._is_written, loops)
                loops.create_task(self._servers.run(self._have_changed.set))
                loops.create_task(self._keep_looking())
                loops.create_task(self._keep_writing())
                loops.create_task(self._keep_mending())
        finally:
            self._together = None

    async def close(self) -> None:
        """After `run`: write what is still waiting, within CLOSE_SECONDS, and close all connections."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                while await self._write_some():
                    pass
        await self._servers.close()

    async def _keep_looking(self) -> None:
        while True:
            self._have_changed.clear()
            servers = self._servers.all()
            for name in self._lanes.keys() - {server.name for server in servers}:
                self._lanes.pop(name).is_gone = True
            async with asyncio.TaskGroup() as looks:
                for server in servers:
                    looks.create_task(self._lane(server).look(fill=True))
            self.behind.unpark()  # the key of a write may be another server's by now
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.health_check_seconds):
                    await self._have_changed.wait()

    async def _keep_mending(self) -> None:
        self._trouble.set()  # what was ill when this began
        async with asyncio.TaskGroup() as cures:
            while True:
                await self._trouble.wait()
                self._trouble.clear()
                for lane in self._lanes.values():
                    if lane.is_ill and not lane.is_being_mended:
                        cures.create_task(self._mend(lane))

    async def _mend(self, lane: Lane) -> None:
        await lane.mend()
        if lane.is_ill:  # it fell ill again in the last moment
            self._trouble.set()

    def _mended(self) -> None:
        for coordinator_id, cluster in self._endings():
            self.behind.put(Learn(coordinator_id, cluster))  # the server may have lost them
        self.behind.unpark()
        self._news.set()

    async def _keep_writing(self) -> None:
        while True:
            # What failed without a sign that its server is ill is tried again after a while.
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_SECONDS if self.behind.is_ready else None):
                    await self._news.wait()
            self._news.clear()
            await asyncio.sleep(GATHER_SECONDS)
            while await self._write_some():
                pass

    async def _write_some(self) -> bool:
        """Write one batch to each server that takes writes; False when nothing could be written."""
        batches: dict[str, list[Write]] = {}
        for write in self.behind.take(self._is_writable, BATCH * max(len(self._lanes), 1)):
            batches.setdefault(self._lane_of(key_of(write)).name, []).append(write)
        if not batches:
            return False
        written = await asyncio.gather(*(self._write(self._lanes[name], writes) for name, writes in batches.items()))
        return any(written)

    async def _write(self, lane: Lane, writes: list[Write]) -> bool:
        """False when not all could be written; those that could not wait again."""
        commands = [self._commands(write) for write in writes]
        try:
            replies = await lane.write([command for own in commands for command in own], is_awaited=False)
        except BaseException as error:
            self.behind.put_back(writes)
            if not isinstance(error, StoreUnavailable):
                raise
            self.counts.write_errors += len(writes)
            return False
        of_each = iter(replies)
        failed = []
        for write, own in zip(writes, commands, strict=True):
            said = [next(of_each) for _ in own]
            if any(isinstance(reply, Refusal) for reply in said):
                failed.append(write)  # its slot is moving to another node
            elif isinstance(write, Renew) and said[0] == 0:
                self.behind.put(Keep(write.placement))  # it has expired, or the server has lost it
        self.behind.put_back(failed)
        self.counts.write_errors += len(failed)
        self.counts.writes += len(writes) - len(failed)
        return not failed

    def _commands(self, write: Write) -> Sequence[Command]:
        match write:
            case Keep(placement):
                return self._keys.keep(placement)
            case Renew(placement):
                return self._keys.renew(placement.query_id)
            case Learn(coordinator_id, cluster):
                return [self._keys.learn(coordinator_id, cluster)]

    def _is_writable(self, key: str) -> bool:
        try:
            return self._lane_of(key).takes_writes
        except StoreUnavailable:
            return False

    def _lane_of(self, key: str) -> Lane:
        """The lane of a query's keys, or of a coordinator's."""
        of_query = "_" in key
        return self._lane(self._servers.of(self._keys.backend(key) if of_query else self._keys.coordinator(key)))

    def _lane(self, server: Server) -> Lane:
        lane = self._lanes.get(server.name)
        # A node that left its Cluster and came back has another pool.
        if lane is None or lane.server.pool is not server.pool:
            if lane is not None:
                lane.is_gone = True
            settings = self._settings
            lane = self._lanes[server.name] = Lane(
                server,
                clock=self._clock,
                budget_seconds=settings.budget_seconds,
                timeout_seconds=settings.timeout_or_interval,
                health_seconds=settings.health_check_seconds,
                lines=self._lines,
                trouble=self._trouble.set,
                mended=self._mended,
            )
        return lane

    # --- for people

    @property
    def lanes(self) -> Sequence[Lane]:
        """One for each server that was needed so far."""
        return tuple(self._lanes.values())

    def state(self) -> Mapping[str, object]:
        """How it is, as JSON can hold it."""
        now = self._clock()
        return {
            "servers": [
                {
                    "server": lane.name,
                    "breaker": lane.calls.state.value,
                    "writes": "refused" if lane.writes.is_open else "taken",
                    "error": lane.concern.error if lane.concern.is_open else "",
                    "seconds": round(now - lane.concern.since, 1),
                    "connections": {"inUse": lane.server.pool.in_use, "idle": lane.server.pool.idle},
                }
                for lane in self._lanes.values()
            ],
            "error": self._servers.trouble(),
            "waitingToBeWritten": len(self.behind),
        }

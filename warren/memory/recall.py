"""Tells which cluster owns a query, asking the nearest memory first."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from warren.clusters.coordinators import Coordinators
from warren.clusters.roster import Roster
from warren.current import Current
from warren.errors import StoreUnavailable
from warren.memory.denials import Denials
from warren.memory.in_process import InProcess
from warren.memory.tiers import DistributedCache, NoCache, Tier
from warren.model import ClusterUrl, CoordinatorId, Placement

_LENGTH = len("20260416_160256_03078_6b4yt")


def _nowhere(_placement: Placement) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Farther:
    """What knows of placements beyond this process."""

    cache: DistributedCache = field(default_factory=NoCache)
    """What all instances are told, and know."""
    tiers: Sequence[Tier] = ()
    """What is asked, nearest first; the cache is the first of them when there is one."""
    correct_history: Callable[[Placement], None] = _nowhere
    """Replaces a wrong place in `query_history`, later."""


NOTHING_FARTHER = Farther()


class Recall:
    """What is nearby is certain: this process placed the query, or its cluster has shown the coordinator id.

    What the stores say is believed: other programs write there too, among them some that store guesses. Whoever follows
    a believed placement says what came of it: `keep`, or `corrected` once a search has found the true owner.
    """

    def __init__(
        self,
        in_process: InProcess,
        coordinators: Coordinators,
        roster: Current[Roster],
        farther: Farther = NOTHING_FARTHER,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` tells monotonic seconds."""
        self._in_process = in_process
        self._coordinators = coordinators
        self._roster = roster
        self._cache = farther.cache
        self._tiers = tuple(farther.tiers)
        self._correct_history = farther.correct_history
        self._unknown = Denials(clock)
        self._looking: dict[str, asyncio.Future[Placement | None]] = {}
        self.by_placement = 0
        """Requests whose owner this process had placed, or seen proved."""
        self.by_coordinator = 0
        """Requests whose owner its coordinator id told."""
        self.not_nearby = 0
        self.corrected_count = 0
        """Believed placements that turned out to be wrong."""

    @property
    def has_stores(self) -> bool:
        """Whether anything beyond this process may know a query."""
        return bool(self._tiers)

    def nearby(self, query_id: str) -> ClusterUrl | None:
        """The query's cluster, or None when nothing in this process tells. Never waits: it is asked at every poll.

        A URL that no cluster of the roster has is a miss: it must never receive a client's credentials.
        """
        by_url = self._roster.value.by_url
        placement = self._in_process.find(query_id)
        if placement is not None:
            if placement.cluster in by_url:
                self.by_placement += 1
                return placement.cluster
            # It would stand in the way of what a store knows by now.
            self._in_process.forget(query_id)
        owner = self._coordinators.owner(_coordinator_id(query_id))
        if owner is not None and owner in by_url:
            # Not kept as a placement: when another cluster claims the same coordinator id, this must stop at once.
            self.by_coordinator += 1
            return owner
        self.not_nearby += 1
        return None

    def believed(self, query_id: str) -> Placement | None:
        """What a store has told this process before; None when there is nothing of the kind. Never waits."""
        placement = self._in_process.believed(query_id)
        return placement if placement is not None and placement.cluster in self._roster.value.by_url else None

    async def find(self, query_id: str) -> Placement | None:
        """What the stores say, nearest first; None when none of them knows. Never raises.

        A hit is kept in all nearer tiers. However many ask for the same query at once, each store is asked once; that
        none knows it is remembered for two seconds. When the one who asks leaves, those who wait with it are told
        nothing: each has waited for the stores once, and asking again would be a second time.
        """
        if (running := self._looking.get(query_id)) is not None:
            await asyncio.wait({running})
            return running.result()
        if not self._tiers or self._unknown.holds(query_id):
            return None
        ended = self._looking[query_id] = asyncio.get_running_loop().create_future()
        found = None
        try:
            found = await self._walk(query_id)
        finally:
            del self._looking[query_id]
            ended.set_result(found)
        return found

    async def _walk(self, query_id: str) -> Placement | None:
        all_answered = True
        for tier in self._tiers:
            try:
                found = await tier.find(query_id)
            except StoreUnavailable:
                all_answered = False  # counted by the tier; its breaker has said so once
                continue
            if found is not None:
                self._in_process.believe(found)
                if tier is not self._cache:
                    self._cache.keep_later(found)
                return found
        if all_answered:
            self._unknown.note(query_id)
        return None

    async def place(self, placement: Placement, *, is_awaited: bool = True) -> None:
        """A statement was taken: this process knows it now, and all instances when this returns (within the budget).

        Unless `is_awaited`, they know it soon after.
        """
        self._learn(placement)
        if is_awaited:
            await self._cache.keep(placement)
        else:
            self._cache.keep_later(placement)

    def keep(self, placement: Placement) -> None:
        """Its cluster has just shown that it owns the query, as was believed: so its life in the cache begins anew."""
        self._learn(placement)
        self._cache.renew_later(placement)

    def found(self, placement: Placement) -> None:
        """A search has found the owner of a query that no store knew."""
        self._learn(placement)
        self._cache.keep_later(placement)

    def corrected(self, placement: Placement) -> None:
        """A search has found the true owner of a query for which a store had named another."""
        self.corrected_count += 1
        self.found(placement)
        self._correct_history(placement)

    def _learn(self, placement: Placement) -> None:
        self._in_process.keep(placement)
        coordinator_id = _coordinator_id(placement.query_id)
        if self._coordinators.learn(coordinator_id, placement.cluster):
            self._cache.learn_later(coordinator_id, placement.cluster)


def _coordinator_id(query_id: str) -> CoordinatorId:
    """The last part of an id that is laid out as Trino does it; else empty, which is nobody's.

    An id of another shape proves nothing, though it may end in five characters that some coordinator drew.
    """
    if len(query_id) == _LENGTH and query_id[8] == query_id[15] == query_id[21] == "_":
        return CoordinatorId(query_id[22:])
    return CoordinatorId("")

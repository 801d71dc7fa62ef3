"""Tiers of memory that know what a test gives them, and note what they are told."""

import asyncio

from warren.errors import StoreUnavailable
from warren.memory.tiers import TierCounts
from warren.model import ClusterUrl, CoordinatorId, GroupName, Placement, QueryId


class Store:
    """A tier that knows what it was given, or fails."""

    name = "store"

    def __init__(self, *known: Placement, fails: bool = False) -> None:
        self.known = {placement.query_id: placement for placement in known}
        self.fails = fails
        self.counts = TierCounts()
        self.open = asyncio.Event()
        self.open.set()

    async def find(self, query_id: str) -> Placement | None:
        self.counts.requests += 1
        await self.open.wait()
        if self.fails:
            raise StoreUnavailable("down")
        return self.known.get(QueryId(query_id))


class Cache(Store):
    """A distributed cache in one process: whoever holds it is an instance. Keeps the contract of tests/memory/distributed/test_forms.py."""

    def __init__(self, *known: Placement, fails: bool = False) -> None:
        super().__init__(*known, fails=fails)
        self.kept: list[Placement] = []
        self.later: list[Placement] = []
        self.learned: list[tuple[CoordinatorId, ClusterUrl]] = []

    async def find(self, query_id: str) -> Placement | None:
        if (found := await super().find(query_id)) is not None:
            return found
        told = dict(self.learned).get(CoordinatorId(query_id[-5:]))
        return Placement(QueryId(query_id), told, GroupName("adhoc"), "") if told is not None else None

    async def keep(self, placement: Placement) -> None:
        self.kept.append(placement)
        self.known[placement.query_id] = placement

    def keep_later(self, placement: Placement) -> None:
        self.later.append(placement)
        self.known[placement.query_id] = placement

    def renew_later(self, placement: Placement) -> None:
        self.keep_later(placement)

    def learn_later(self, coordinator_id: CoordinatorId, cluster: ClusterUrl) -> None:
        self.learned.append((coordinator_id, cluster))

"""Tiers of memory that know what a test gives them, and note what they are told."""

import asyncio

from warren.errors import StoreUnavailable
from warren.memory.tiers import TierCounts
from warren.model import ClusterUrl, CoordinatorId, Placement, QueryId


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
    """The distributed cache, as far as it is told anything."""

    def __init__(self, *known: Placement, fails: bool = False) -> None:
        super().__init__(*known, fails=fails)
        self.kept: list[Placement] = []
        self.later: list[Placement] = []
        self.learned: list[tuple[str, str]] = []

    async def keep(self, placement: Placement) -> None:
        self.kept.append(placement)

    def keep_later(self, placement: Placement) -> None:
        self.later.append(placement)

    def renew_later(self, placement: Placement) -> None:
        self.later.append(placement)

    def learn_later(self, coordinator_id: CoordinatorId, cluster: ClusterUrl) -> None:
        self.learned.append((coordinator_id, cluster))

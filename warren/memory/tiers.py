"""The shapes of what may know where a query lives, beyond this process."""

from dataclasses import dataclass, field
from typing import Protocol

from warren.model import ClusterUrl, CoordinatorId, Placement
from warren.telemetry.histogram import Histogram


@dataclass(slots=True)
class TierCounts:
    """What was asked of a tier, and what came of it."""

    requests: int = 0
    hits: int = 0
    misses: int = 0
    rejected: int = 0
    """Misses because of what was found: no cluster of the roster, or nothing that could be one."""
    errors: int = 0
    writes: int = 0
    write_errors: int = 0
    latency: Histogram = field(default_factory=Histogram)
    """Seconds of lookups."""

    @property
    def hit_rate(self) -> float | None:
        """From 0 to 1; None before the first answer."""
        answered = self.hits + self.misses
        return self.hits / answered if answered else None


class Tier(Protocol):
    """A farther place that may know where a query lives.

    What it finds is believed, not certain: other programs write there too. It names a cluster of the roster.
    """

    name: str
    counts: TierCounts

    async def find(self, query_id: str) -> Placement | None:
        """None for "I do not know". Raises only StoreUnavailable, and within its own deadline."""
        ...


class DistributedCache(Tier, Protocol):
    """What all instances know together (tier L2). Nothing of it ever raises but `find`."""

    async def keep(self, placement: Placement) -> None:
        """Tell all instances; returns when they know, at the latest when the request's budget is spent."""
        ...

    def keep_later(self, placement: Placement) -> None:
        """The same, without anybody waiting for it."""
        ...

    def renew_later(self, placement: Placement) -> None:
        """Its life begins anew, since it is in use."""
        ...

    def learn_later(self, coordinator_id: CoordinatorId, cluster: ClusterUrl) -> None:
        """Tell all instances which cluster hands out ids with this ending."""
        ...


class NoCache:
    """No distributed cache is configured: a tier that is not there."""

    name = "none"

    def __init__(self) -> None:
        self.counts = TierCounts()

    async def find(self, query_id: str) -> Placement | None:
        return None

    async def keep(self, placement: Placement) -> None:
        pass

    def keep_later(self, placement: Placement) -> None:
        pass

    def renew_later(self, placement: Placement) -> None:
        pass

    def learn_later(self, coordinator_id: CoordinatorId, cluster: ClusterUrl) -> None:
        pass

"""The shape of every way to ask a cluster how it is."""

from dataclasses import dataclass
from typing import Protocol

from warren.model import Cluster, CoordinatorId, HealthStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one check of a cluster showed."""

    status: HealthStatus
    reason: str = ""
    """Why it is not HEALTHY, in words for people. Empty when it is."""
    coordinator_id: CoordinatorId | None = None
    """When the cluster published it (Trino 477 and later)."""
    uptime: float | None = None
    """Seconds since its process started, as the cluster tells; None when it does not."""
    answered: bool
    """Did the cluster say anything at all? False also from a monitor that does not ask."""


class Monitor(Protocol):
    """Asks one cluster how it is. Raises nothing: whatever goes wrong is an observation."""

    async def check(self, cluster: Cluster) -> Observation: ...

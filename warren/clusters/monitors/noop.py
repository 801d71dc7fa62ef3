"""Monitor type NOOP: takes every cluster for healthy and asks nobody."""

from warren.clusters.monitors.monitor import Observation
from warren.model import Cluster, HealthStatus


class Noop:
    async def check(self, cluster: Cluster) -> Observation:
        return Observation(status=HealthStatus.HEALTHY, answered=False)

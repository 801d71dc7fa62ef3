"""From a request's headers and the roster to a cluster, with the reason."""

from warren.clusters.roster import Roster
from warren.current import Current
from warren.model import ClusterUrl, Decision, GroupName, HealthStatus
from warren.routing.candidates import FallbackPolicy, candidates, fallback_of, first_members
from warren.routing.routers import Choice, Router

NOBODY: frozenset[ClusterUrl] = frozenset()


class Choosing:
    """Chooses among the clusters as they are now."""

    def __init__(self, roster: Current[Roster], policy: FallbackPolicy, router: Router) -> None:
        self._roster = roster
        self._policy = policy
        self._router = router

    def is_undecided(self, decision: Decision) -> bool:
        """Nobody who may take it is known to be well, and of somebody nothing is known yet: a probe is under way."""
        roster = self._roster.value
        fallback = fallback_of(decision, self._policy)
        for members in (first_members(decision, roster), roster.members(fallback) if fallback is not None else ()):
            statuses = [health.status for cluster, health in members if cluster.active]
            if HealthStatus.HEALTHY in statuses:
                return False
            if HealthStatus.UNKNOWN in statuses:
                return True
        return False

    def choose(self, decision: Decision, exclude: frozenset[ClusterUrl] = NOBODY) -> Choice:
        """A cluster that may take it. Raises NoClusterAvailable."""
        return self._router(candidates(decision, self._roster.value, self._policy, exclude=exclude))

    def default_group(self) -> GroupName:
        return self._policy.default

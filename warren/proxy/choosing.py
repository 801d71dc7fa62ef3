"""From a request's headers and the roster to a cluster, with the reason."""

from warren.clusters.roster import Roster
from warren.current import Current
from warren.model import ClusterUrl, Decision, GroupName, HealthStatus
from warren.protocol import headers
from warren.routing.candidates import FallbackPolicy, candidates
from warren.routing.routers import Choice, Router
from warren.routing.selectors import by_group_header
from warren.wire.syntax.heads import RequestFields

NOBODY: frozenset[ClusterUrl] = frozenset()


class Choosing:
    """Chooses among the clusters as they are now."""

    def __init__(self, roster: Current[Roster], policy: FallbackPolicy, router: Router) -> None:
        self._roster = roster
        self._policy = policy
        self._router = router

    def decide(self, fields: RequestFields) -> Decision:
        """The routing group of a request, before anybody looks who is there."""
        return by_group_header(headers.routing_group(fields.named), default=self._policy.default)

    def is_undecided(self, decision: Decision) -> bool:
        """Nobody who may take it is known to be well, and of somebody nothing is known yet: a probe is under way."""
        groups = (decision.group,) if self._policy.strict else (decision.group, self._policy.default)
        for group in groups:
            statuses = [health.status for cluster, health in self._roster.value.members(group) if cluster.active]
            if HealthStatus.HEALTHY in statuses:
                return False
            if HealthStatus.UNKNOWN in statuses:
                return True
        return False

    def choose(self, decision: Decision, exclude: frozenset[ClusterUrl] = NOBODY) -> Choice:
        """A cluster that may take it. Raises NoClusterAvailable."""
        return self._router(candidates(decision, self._roster.value.members, self._policy, exclude=exclude))

    def default_group(self) -> GroupName:
        return self._policy.default

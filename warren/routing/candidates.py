"""Which clusters may take a statement: those of its group, else of the default group, and why not the others."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from warren.errors import NoClusterAvailable
from warren.model import Cluster, ClusterUrl, Decision, GroupName, Health, HealthStatus
from warren.routing.words import health_in_words, shown

Members = Callable[[GroupName], Sequence[tuple[Cluster, Health]]]
"""The clusters of a group and the health of each, of one roster; empty for a group that nobody is in."""

CLUSTERS_NAMED = 10
"""Of how many clusters a sentence says why they were not taken."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Clusters that may take a statement, never none, all of one group."""

    group: GroupName
    clusters: tuple[Cluster, ...]
    because: str
    """Why this group, and why not the one that was decided on if it is another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackPolicy:
    """Where a statement goes when nobody in its group can take it."""

    default: GroupName
    strict: bool
    """No fall-back: a statement waits for its own group."""


def candidates(
    decision: Decision, members: Members, policy: FallbackPolicy, *, exclude: frozenset[ClusterUrl] = frozenset()
) -> Candidates:
    """The clusters that may take a statement for which `decision` was made.

    `exclude` names those that have failed it already. Raises NoClusterAvailable, which says which groups were tried
    and why each of their clusters was not taken.
    """
    own = members(decision.group)
    if usable := _usable(own, exclude):
        return Candidates(decision.group, usable, decision.because)
    why = f"group {shown(decision.group)} has no usable cluster ({_why_not(own, exclude)})"
    if policy.strict or decision.group == policy.default:
        raise NoClusterAvailable(why)
    fallback = members(policy.default)
    default = shown(policy.default)
    if usable := _usable(fallback, exclude):
        return Candidates(policy.default, usable, f"{decision.because}; {why}, fell back to default group {default}")
    raise NoClusterAvailable(f"{why}, nor has default group {default} ({_why_not(fallback, exclude)})")


def _usable(members: Sequence[tuple[Cluster, Health]], exclude: frozenset[ClusterUrl]) -> tuple[Cluster, ...]:
    """Those that may take a statement. Suspected ones only when all are: suspicion alone must not close a group."""
    well = [
        (cluster, health)
        for cluster, health in members
        if cluster.active and health.status is HealthStatus.HEALTHY and cluster.proxy_to not in exclude
    ]
    trusted = tuple(cluster for cluster, health in well if not health.suspicion)
    return trusted or tuple(cluster for cluster, _ in well)


def _why_not(members: Sequence[tuple[Cluster, Health]], exclude: frozenset[ClusterUrl]) -> str:
    if not members:
        return "there is no cluster in it"
    words = "; ".join(_reasons(members[:CLUSTERS_NAMED], exclude))
    unnamed = len(members) - CLUSTERS_NAMED
    return f"{words}; and {unnamed} more" if unnamed > 0 else words


def _reasons(members: Sequence[tuple[Cluster, Health]], exclude: frozenset[ClusterUrl]) -> Iterator[str]:
    for cluster, health in members:
        if not cluster.active:
            why = "inactive"
        elif health.status is not HealthStatus.HEALTHY:
            why = health_in_words(health)
        else:
            assert cluster.proxy_to in exclude, "else it would have been usable"
            why = f"tried already, {health.suspicion}" if health.suspicion else "tried already"
        yield f"{shown(cluster.name)}: {why}"

"""Which clusters may take a statement: those of its group, else of the default group, and why not the others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from warren.errors import NoClusterAvailable
from warren.model import Cluster, ClusterName, ClusterUrl, Decision, GroupName, Health, HealthStatus
from warren.routing.words import health_in_words, shown

Members = Sequence[tuple[Cluster, Health]]


class Clusters(Protocol):
    """Who is there: one roster."""

    def members(self, group: GroupName) -> Members:
        """The clusters of a group and the health of each; empty for a group that nobody is in."""
        ...

    def pinned(self, name: ClusterName) -> Members:
        """The cluster of that name and its health; empty when there is none."""
        ...


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


def fallback_of(decision: Decision, policy: FallbackPolicy) -> GroupName | None:
    """The group that takes it when nobody else can; None when nobody shall."""
    if decision.fallback is None and (policy.strict or decision.cluster is not None):
        return None
    fallback = decision.fallback or policy.default
    return fallback if fallback != decision.group or decision.cluster is not None else None


def first_members(decision: Decision, clusters: Clusters) -> Members:
    """The clusters that were decided on: those of the group, or the one that was named."""
    return clusters.members(decision.group) if decision.cluster is None else clusters.pinned(decision.cluster)


def candidates(
    decision: Decision, clusters: Clusters, policy: FallbackPolicy, *, exclude: frozenset[ClusterUrl] = frozenset()
) -> Candidates:
    """The clusters that may take a statement for which `decision` was made.

    `exclude` names those that have failed it already. Raises NoClusterAvailable, which says which groups were tried
    and why each of their clusters was not taken.
    """
    own = first_members(decision, clusters)
    if usable := _usable(own, exclude):
        return Candidates(decision.group if decision.cluster is None else usable[0].group, usable, decision.because)
    if decision.cluster is None:
        why = f"group {shown(decision.group)} has no usable cluster ({why_not(own, exclude)})"
    else:
        why = f"cluster {shown(decision.cluster)} is not usable ({why_not(own, exclude, 'there is no such cluster')})"
    fallback = fallback_of(decision, policy)
    if fallback is None:
        raise NoClusterAvailable(why)
    members = clusters.members(fallback)
    name = f"{'default' if decision.fallback is None else 'fall-back'} group {shown(fallback)}"
    if usable := _usable(members, exclude):
        return Candidates(fallback, usable, f"{decision.because}; {why}, fell back to {name}")
    raise NoClusterAvailable(f"{why}, nor has {name} ({why_not(members, exclude)})")


def _usable(members: Members, exclude: frozenset[ClusterUrl]) -> tuple[Cluster, ...]:
    """Those that may take a statement. Suspected ones only when all are: suspicion alone must not close a group."""
    well = [
        (cluster, health)
        for cluster, health in members
        if cluster.active and health.status is HealthStatus.HEALTHY and cluster.proxy_to not in exclude
    ]
    trusted = tuple(cluster for cluster, health in well if not health.suspicion)
    return trusted or tuple(cluster for cluster, _ in well)


def why_not(
    members: Members, exclude: frozenset[ClusterUrl] = frozenset(), nobody: str = "there is no cluster in it"
) -> str:
    """Why each of them gets no statement."""
    if not members:
        return nobody
    words = "; ".join(_reasons(members[:CLUSTERS_NAMED], exclude))
    unnamed = len(members) - CLUSTERS_NAMED
    return f"{words}; and {unnamed} more" if unnamed > 0 else words


def _reasons(members: Members, exclude: frozenset[ClusterUrl]) -> Iterator[str]:
    for cluster, health in members:
        if not cluster.active:
            why = "inactive"
        elif health.status is not HealthStatus.HEALTHY:
            why = health_in_words(health)
        else:
            assert cluster.proxy_to in exclude, "else it would have been usable"
            why = f"tried already, {health.suspicion}" if health.suspicion else "tried already"
        yield f"{shown(cluster.name)}: {why}"

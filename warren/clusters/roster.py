"""The current view of all clusters: immutable, swapped whole, read by routing without waiting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from warren.model import Cluster, ClusterName, ClusterUrl, GroupName, Health, HealthStatus

UNKNOWN = Health(HealthStatus.UNKNOWN, "not checked yet")


@dataclass(frozen=True, slots=True)
class Roster:
    """All clusters, in the order of the table, and the health of each.

    `loaded` is False until clusters came from the database or from the snapshot on disk.
    """

    clusters: tuple[Cluster, ...] = ()
    health: Mapping[ClusterName, Health] = field(default_factory=lambda: MappingProxyType({}))
    loaded: bool = False
    by_url: Mapping[ClusterUrl, Cluster] = field(init=False, repr=False, compare=False)
    _members: Mapping[GroupName, tuple[tuple[Cluster, Health], ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_group: dict[GroupName, list[tuple[Cluster, Health]]] = {}  # put together here, for each statement asks
        for cluster in self.clusters:
            by_group.setdefault(cluster.group, []).append((cluster, self.health_of(cluster.name)))
        # Of several rows with one URL the first stands for it: they are the same Trino.
        by_url = {cluster.proxy_to: cluster for cluster in reversed(self.clusters)}
        object.__setattr__(self, "by_url", by_url)
        object.__setattr__(self, "_members", {group: tuple(members) for group, members in by_group.items()})

    def health_of(self, name: ClusterName) -> Health:
        return self.health.get(name, UNKNOWN)

    def named(self, name: str) -> Cluster | None:
        return next((cluster for cluster in self.clusters if cluster.name == name), None)

    def members(self, group: GroupName) -> tuple[tuple[Cluster, Health], ...]:
        """The clusters of a group in the order of the table, each with its health."""
        return self._members.get(group, ())

    def pinned(self, name: ClusterName) -> tuple[tuple[Cluster, Health], ...]:
        """The cluster of that name with its health; nothing when there is none."""
        return tuple((cluster, self.health_of(name)) for cluster in self.clusters if cluster.name == name)

    def with_clusters(self, clusters: Sequence[Cluster]) -> "Roster":
        """The same health of those that stay at their URL; of those that went or moved, nothing is kept."""
        at = {cluster.name: cluster.proxy_to for cluster in self.clusters}
        stay = {cluster.name for cluster in clusters if at.get(cluster.name) == cluster.proxy_to}
        health = {name: health for name, health in self.health.items() if name in stay}
        return Roster(clusters=tuple(clusters), health=MappingProxyType(health), loaded=True)

    def with_health(self, name: ClusterName, health: Health) -> "Roster":
        return Roster(self.clusters, MappingProxyType({**self.health, name: health}), self.loaded)

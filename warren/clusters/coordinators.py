"""Knows which cluster drew which coordinator id, so that a query id alone tells where its query lives."""

import re
from collections.abc import Collection, Iterable

from warren.model import ClusterUrl, CoordinatorId

IDS_PER_CLUSTER = 8
"""Latest ids kept of each cluster: a coordinator draws a new one whenever it starts."""

_WELL_FORMED = re.compile(r"[0-9a-z]{5}", re.ASCII)


class Coordinators:
    """Coordinator id → cluster, learned from what clusters themselves show.

    Two clusters with the same id: it decides nothing for as long as both claim it, since a guess could be a wrong cluster.
    """

    def __init__(self) -> None:
        self._owner: dict[CoordinatorId, ClusterUrl] = {}
        self._claims: dict[ClusterUrl, dict[CoordinatorId, None]] = {}
        """The ids of each cluster, the latest last."""

    def owner(self, coordinator_id: CoordinatorId) -> ClusterUrl | None:
        """The one cluster with this id, or None. One look into a dictionary: this is asked for every poll."""
        return self._owner.get(coordinator_id)

    def known(self) -> Iterable[tuple[CoordinatorId, ClusterUrl]]:
        """All that decide something, each with its cluster."""
        return tuple(self._owner.items())

    def learn(self, coordinator_id: CoordinatorId, cluster: ClusterUrl) -> bool:
        """Note an id that the cluster itself has shown; whether it was new. One that Trino cannot have drawn is ignored."""
        ids = self._claims.get(cluster, {})
        if next(reversed(ids), None) == coordinator_id:
            return False
        if not _WELL_FORMED.fullmatch(coordinator_id):
            return False
        is_new = coordinator_id not in ids
        self._claims[cluster] = ids
        ids.pop(coordinator_id, None)
        ids[coordinator_id] = None
        self._decide(coordinator_id)
        while len(ids) > IDS_PER_CLUSTER:
            oldest = next(iter(ids))
            del ids[oldest]
            self._decide(oldest)
        return is_new

    def keep_only(self, clusters: Collection[ClusterUrl]) -> None:
        """Forget every cluster that is not among these."""
        for gone in self._claims.keys() - set(clusters):
            for coordinator_id in self._claims.pop(gone):
                self._decide(coordinator_id)

    def _decide(self, coordinator_id: CoordinatorId) -> None:
        claimants = [cluster for cluster, ids in self._claims.items() if coordinator_id in ids]
        if len(claimants) == 1:
            self._owner[coordinator_id] = claimants[0]
        else:
            self._owner.pop(coordinator_id, None)

"""Tells which cluster owns a query, asking the nearest memory first."""

from warren.clusters.coordinators import Coordinators
from warren.clusters.roster import Roster
from warren.current import Current
from warren.memory.in_process import InProcess
from warren.model import ClusterUrl, CoordinatorId, Placement

_LENGTH = len("20260416_160256_03078_6b4yt")


class Recall:
    """What is nearby is certain: this process placed the query, or its cluster has shown the coordinator id."""

    def __init__(self, in_process: InProcess, coordinators: Coordinators, roster: Current[Roster]) -> None:
        self._in_process = in_process
        self._coordinators = coordinators
        self._roster = roster

    def nearby(self, query_id: str) -> ClusterUrl | None:
        """The query's cluster, or None when nothing in this process tells. Never waits: it is asked at every poll.

        A URL that no cluster of the roster has is a miss: it must never receive a client's credentials.
        """
        by_url = self._roster.value.by_url
        placement = self._in_process.find(query_id)
        if placement is not None and placement.cluster in by_url:
            return placement.cluster
        owner = self._coordinators.owner(_coordinator_id(query_id))
        return owner if owner in by_url else None

    def keep(self, placement: Placement) -> None:
        """Remember a placement that is certain: the cluster itself handed out the id, or has proved to know it."""
        self._in_process.keep(placement)
        self._coordinators.learn(_coordinator_id(placement.query_id), placement.cluster)


def _coordinator_id(query_id: str) -> CoordinatorId:
    """The last part of an id that is laid out as Trino does it; else empty, which is nobody's.

    An id of another shape proves nothing, though it may end in five characters that some coordinator drew.
    """
    if len(query_id) == _LENGTH and query_id[8] == query_id[15] == query_id[21] == "_":
        return CoordinatorId(query_id[22:])
    return CoordinatorId("")

"""Finds the cluster of a query that a statement kills: only there it can be killed.

The statement itself goes to nobody before that is known (DESIGN, section 4): clusters are asked whether they know the
query, in the name of who wants to end it.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from warren.clusters.roster import Roster
from warren.current import Current
from warren.drivers.http import HttpClient
from warren.errors import GatewayError, NoClusterAvailable, TooManySearches
from warren.memory.recall import Recall
from warren.model import Cluster, ClusterUrl, Placement, QueryId
from warren.protocol.headers import Fields
from warren.proxy.search import SearchLimits
from warren.routing.words import shown

KNOWS: Final = 200
KNOWS_NOT: Final = 410
MAY_NOT_SAY: Final = 403
"""Trino looks a query up before it looks at who may see it."""
ASK_SECONDS: Final = 5.0
IDENTITY: Final = (b"authorization", b"cookie", b"x-trino-user", b"x-trino-original-user", b"x-trino-extra-credential")
"""Who asks: a cluster answers nobody without it."""


@dataclass(slots=True)
class KillCounts:
    """What became of statements that kill a query."""

    nearby: int = 0
    """Its cluster was known here."""
    found: int = 0
    """Clusters had to be asked."""
    unknown: int = 0
    """No cluster knows it: the statement is routed like any other, and its cluster says so."""


class Kills:
    """Asks for the owners of queries."""

    def __init__(
        self,
        recall: Recall,
        roster: Current[Roster],
        http: HttpClient,
        *,
        headers: Mapping[str, str],
        unreachable_for: Callable[[ClusterUrl], float],
        limits: SearchLimits,
    ) -> None:
        """`headers` are sent with every question beside those of its client; of the limits it has those of a search."""
        self._recall = recall
        self._roster = roster
        self._http = http
        self._headers = headers
        self._unreachable_for = unreachable_for
        self._limits = limits
        self._clients: Counter[bytes] = Counter()
        self.counts = KillCounts()

    async def owner(self, query_id: QueryId, fields: Fields, client: bytes) -> Cluster | None:
        """The query's cluster; None when every cluster says that it knows no such query. `client` is the address that asks.

        Raises NoClusterAvailable when that cannot be found out, TooManySearches when too many want to know at once.
        """
        by_url = self._roster.value.by_url
        if (url := self._recall.nearby(query_id)) is not None:
            self.counts.nearby += 1
            return by_url[url]
        if self._clients.total() >= self._limits.at_once or self._clients[client] >= self._limits.at_once_per_client:
            raise TooManySearches("too many statements that kill unknown queries at this moment; ask again")
        self._clients[client] += 1
        try:
            return await self._find(query_id, {**self._headers, **_identity(fields)})
        finally:
            self._clients -= Counter({client: 1})

    async def _find(self, query_id: QueryId, headers: Mapping[str, str]) -> Cluster | None:
        believed = self._recall.believed(query_id) or await self._recall.find(query_id)
        if believed is not None and await self._says(believed.cluster, query_id, headers) == KNOWS:
            self._recall.keep(believed)
            if (owner := self._roster.value.by_url.get(believed.cluster)) is not None:
                self.counts.found += 1
                return owner
        return await self._search(query_id, headers, believed)

    async def _search(
        self, query_id: QueryId, headers: Mapping[str, str], believed: Placement | None
    ) -> Cluster | None:
        clusters = self._who_may_own()
        said = await asyncio.gather(*(self._says(each.proxy_to, query_id, headers) for each in clusters))
        for cluster, status in zip(clusters, said, strict=True):
            if status == KNOWS:
                placement = Placement(query_id, cluster.proxy_to, cluster.group, cluster.external_url)
                if believed is not None and believed.cluster != cluster.proxy_to:
                    self._recall.corrected(placement)
                else:
                    self._recall.found(placement)
                self.counts.found += 1
                return cluster
        unclear = [(cluster, status) for cluster, status in zip(clusters, said, strict=True) if status != KNOWS_NOT]
        if len(unclear) == 1 and unclear[0][1] == MAY_NOT_SAY:
            self.counts.found += 1
            return unclear[0][0]  # nobody else can have it, and this one tells the client that it may not kill it
        if unclear:
            names = ", ".join(shown(cluster.name) for cluster, _ in unclear)
            raise NoClusterAvailable(
                f"the cluster of the query to be killed is not known, and could not be found out at: {names}"
            )
        self.counts.unknown += 1
        return None

    def _who_may_own(self) -> Sequence[Cluster]:
        return [
            each
            for each in self._roster.value.by_url.values()
            if each.active or self._unreachable_for(each.proxy_to) < self._limits.ignore_unreachable_after
        ]

    async def _says(self, cluster: ClusterUrl, query_id: QueryId, headers: Mapping[str, str]) -> int:
        """The status of its answer; 0 when there is none."""
        try:
            return await self._http.head(f"{cluster}/v1/query/{query_id}", headers, deadline_seconds=ASK_SECONDS)
        except GatewayError:
            return 0


def _identity(fields: Fields) -> dict[str, str]:
    """The first value of each: nobody has two names."""
    return {name.decode(): fields[name][0].decode("utf-8", "replace") for name in IDENTITY if fields.get(name)}

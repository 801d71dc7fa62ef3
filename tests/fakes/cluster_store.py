"""The table of clusters, in memory; passes the same contract as the real one."""

import asyncio
from dataclasses import replace

from warren.clusters.store import Rows, check
from warren.errors import RegistryConflict, StoreUnavailable
from warren.model import Cluster, ClusterName


class FakeStore:
    def __init__(self, *clusters: Cluster) -> None:
        self.rows = {cluster.name: cluster for cluster in clusters}
        self.bad: tuple[str, ...] = ()
        self.down = ""
        """Why the database does not answer; empty when it does."""
        self.reads = 0
        self.release: asyncio.Event | None = None
        """When set: a read looks at the table at once, and answers when this is set."""

    async def read(self) -> Rows:
        self._answer()
        self.reads += 1
        seen = Rows(tuple(self.rows[name] for name in sorted(self.rows)), self.bad)
        if self.release is not None:
            await self.release.wait()
        return seen

    async def add(self, cluster: Cluster) -> Cluster:
        checked = check(cluster)
        self._answer()
        if checked.name in self.rows:
            raise RegistryConflict(f"{checked.name} is taken")
        self.rows[checked.name] = checked
        return checked

    async def save(self, cluster: Cluster) -> Cluster:
        checked = check(cluster)
        self._answer()
        self.rows[checked.name] = checked
        return checked

    async def set_active(self, name: ClusterName, active: bool) -> Cluster:
        self._answer()
        if name not in self.rows:
            raise RegistryConflict(f"there is no {name}")
        self.rows[name] = replace(self.rows[name], active=active)
        return self.rows[name]

    async def delete(self, name: ClusterName) -> bool:
        self._answer()
        return self.rows.pop(name, None) is not None

    def _answer(self) -> None:
        if self.down:
            raise StoreUnavailable(self.down)

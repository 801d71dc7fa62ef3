"""A distributed cache that runs in the test's loop, before whatever server the test names."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from warren.clusters.roster import Roster
from warren.current import Current
from warren.drivers.valkey.topology import servers
from warren.memory.distributed.in_valkey import InValkey
from warren.model import Cluster, ClusterName, ClusterUrl, CoordinatorId, GroupName, Placement, QueryId
from warren.settings.stores.valkey import ValkeyConfiguration
from warren.tasks import guarded

PATIENCE = 20.0
BLUE = ClusterUrl("http://blue:8080")
GREEN = ClusterUrl("http://green:8080")


def cluster(name: str, url: ClusterUrl) -> Cluster:
    return Cluster(
        name=ClusterName(name), proxy_to=url, external_url=f"https://{name}", group=GroupName("adhoc"), active=True
    )


ROSTER = Roster().with_clusters((cluster("blue", BLUE), cluster("green", GREEN)))


def query(number: int) -> QueryId:
    return QueryId(f"20260416_160256_{number:05}_6b4yt")


def placed(number: int, on: ClusterUrl = BLUE, *, group: str = "etl") -> Placement:
    return Placement(query(number), on, GroupName(group), ROSTER.by_url[on].external_url)


@asynccontextmanager
async def cache_at(
    configuration: ValkeyConfiguration,
    *,
    runs: bool = True,
    endings: Callable[[], Iterable[tuple[CoordinatorId, ClusterUrl]]] = tuple,
) -> AsyncIterator[InValkey]:
    """`runs`: with all that it does in the background."""
    settings = configuration.server
    async with asyncio.TaskGroup() as group:
        here = InValkey(servers(settings), settings, Current(ROSTER), endings=endings)
        loop = group.create_task(guarded(here.run(), name="cache")) if runs else None
        try:
            yield here
        finally:
            if loop is not None:
                loop.cancel()
            await here.close()


async def until(ready: Callable[[], bool], what: str) -> None:
    end = asyncio.get_running_loop().time() + PATIENCE
    while not ready():
        assert asyncio.get_running_loop().time() < end, f"waited in vain for {what}"
        await asyncio.sleep(0.01)

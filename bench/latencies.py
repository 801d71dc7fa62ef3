"""How long each tier of memory takes for one lookup, seen from inside a process with a gateway's own settings.

`python -m bench.latencies CONFIG COUNT`, after that gateway has written so many rows of history; prints JSON.
"""

import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import uvloop

from warren.clusters.coordinators import Coordinators
from warren.clusters.roster import Roster
from warren.current import Current
from warren.drivers.sql import Database, Row
from warren.memory.recall import Recall
from warren.memory.tiers import Tier
from warren.model import Cluster, ClusterName, ClusterUrl, CoordinatorId, GroupName, Placement, QueryId
from warren.remembering import Remembering
from warren.settings.load import load
from warren.settings.root import Settings

WARM_UP: Final = 200
"""Calls that open connections and let the interpreter specialise what runs often; not told."""
NANO_IN_MICRO: Final = 1000

QUERIES: Final = (
    "SELECT query_id, backend_url, routing_group, external_url FROM query_history ORDER BY query_id LIMIT :count"
)

Ranks = tuple[float, float]
"""p50 and p99, in microseconds."""


def ranks(nanoseconds: Sequence[int]) -> Ranks:
    """Raises IndexError when there is nothing."""
    times = sorted(nanoseconds)
    return times[len(times) // 2] / NANO_IN_MICRO, times[len(times) * 99 // 100] / NANO_IN_MICRO


def timed(look: Callable[[str], object], queries: Sequence[str]) -> Ranks:
    """Of a call that never waits; reading the clock, less than a tenth of a microsecond, included."""
    times, clock = [], time.perf_counter_ns
    for query_id in (*queries[:WARM_UP], *queries):
        began = clock()
        found = look(query_id)
        times.append(clock() - began)
        assert found is not None, f"{query_id} was not found"
    return ranks(times[-len(queries) :])


async def timed_waiting(look: Callable[[Placement], Awaitable[object]], placements: Sequence[Placement]) -> Ranks:
    """Of a call that waits for an answer; one after the other."""
    times, clock = [], time.perf_counter_ns
    for placement in (*placements[:WARM_UP], *placements):
        began = clock()
        await look(placement)
        times.append(clock() - began)
    return ranks(times[-len(placements) :])


async def latencies(config: Path, count: int) -> Mapping[str, Ranks]:
    """By the names that the figures begin with. Raises AssertionError when something is not found where it must be."""
    settings = load(config, {}).settings
    assert settings.data_store is not None, "the history is in PostgreSQL"
    database = Database(settings.data_store.database(config.parent))
    try:
        placements = [_placement(row) for row in await database.fetch(QUERIES, count=count)]
        assert len(placements) == count, f"{count} rows were due, {len(placements)} are there"
        return await _of_tiers(settings, database, config.parent, placements)
    finally:
        await database.close()


def _placement(row: Row) -> Placement:
    return Placement(
        QueryId(str(row["query_id"])),
        ClusterUrl(str(row["backend_url"])),
        GroupName(str(row["routing_group"])),
        str(row["external_url"]),
    )


async def _of_tiers(
    settings: Settings, database: Database, directory: Path, placements: Sequence[Placement]
) -> Mapping[str, Ranks]:
    coordinators = Coordinators()
    remembering = Remembering(
        settings,
        database,
        state=directory / "lookups",
        roster=Current(_roster(placements[0])),
        coordinators=coordinators,
        is_reachable=lambda: True,
    )
    cache, (_, history) = remembering.cache, remembering.farther
    try:
        return {
            **_nearby(remembering.recall, coordinators, placements),
            "valkey_keep": await timed_waiting(cache.keep, placements),
            "valkey_find": await timed_waiting(finding(cache), placements),
            "history_find": await timed_waiting(finding(history), placements),
        }
    finally:
        await remembering.close()


def _roster(placement: Placement) -> Roster:
    cluster = Cluster(
        name=ClusterName("fixed"),
        proxy_to=placement.cluster,
        external_url=placement.external_url,
        group=placement.group,
        active=True,
    )
    return Roster(clusters=(cluster,), loaded=True)


def _nearby(recall: Recall, coordinators: Coordinators, placements: Sequence[Placement]) -> Mapping[str, Ranks]:
    queries = [placement.query_id for placement in placements]
    coordinators.learn(CoordinatorId(queries[0][-5:]), placements[0].cluster)
    by_coordinator = timed(recall.nearby, queries)
    assert not recall.by_placement, "no query was placed yet"
    for placement in placements:
        recall.keep(placement)
    in_process = timed(recall.nearby, queries)
    assert recall.by_placement == len(queries[:WARM_UP]) + len(queries), "all were placed"
    return {"in_process": in_process, "coordinator": by_coordinator}


def finding(tier: Tier) -> Callable[[Placement], Awaitable[None]]:
    """Ask the tier for the query of a placement, and see that it knows this one."""

    async def find(placement: Placement) -> None:
        found = await tier.find(placement.query_id)
        assert found == placement, f"{tier.name} says {found}"

    return find


if __name__ == "__main__":
    print(json.dumps(uvloop.run(latencies(Path(sys.argv[1]), int(sys.argv[2])))))

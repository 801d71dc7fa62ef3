"""Several gateways behind one balancer: each answers for every query, wherever it was submitted."""

import asyncio
from pathlib import Path

import pytest

from tests.fixtures.valkey import ValkeyProcess
from tests.journeys.fleet import NO_HISTORY, RoundRobin, cache, fleet, three_clusters
from tests.journeys.scene import ask, eventually, submit, to_its_end
from warren.simulator.coordinator import Simulator

NATIONS = "SELECT nationkey, name FROM tpch.tiny.nation ORDER BY nationkey"
MANY = [
    pytest.param(2_000, marks=pytest.mark.slow),
    pytest.param(100_000, marks=[pytest.mark.soak, pytest.mark.timeout(1800)]),
]


async def test_what_was_submitted_at_one_gateway_is_followed_at_the_other(
    tmp_path: Path, valkey_server: ValkeyProcess
) -> None:
    async with (
        Simulator(scattered_ids=True, publish_coordinator_id=False) as blue,
        Simulator(scattered_ids=True, publish_coordinator_id=False) as green,
        fleet(tmp_path, 2, (blue, green), cache(valkey_server.port)) as (here, there),
    ):
        page = await submit(here.url, NATIONS, {"X-Trino-Routing-Group": "group-1"})
        assert page.next_uri is not None
        moved = page.next_uri.replace(here.url, there.url)
        answered = await ask("GET", moved)
        assert answered.status == 200, answered.text
        assert (await to_its_end(answered.page())).rows
        assert valkey_server.run("GET", f"trino:query:backend:{page.query_id}") == green.url
        assert blue.log.count("GET", "/v1/statement") == 0, "no search was needed"


@pytest.mark.parametrize("queries", MANY)
async def test_six_gateways_with_valkey_never_ask_a_wrong_cluster(
    tmp_path: Path, valkey_server: ValkeyProcess, queries: int
) -> None:
    """What went wrong in production (trino-gateway #1235): history off, a group for each cluster, round-robin."""
    settings = {**NO_HISTORY, **cache(valkey_server.port)}
    async with three_clusters() as clusters, fleet(tmp_path, 6, clusters, settings) as gateways:
        crowd = RoundRobin(gateways)
        await crowd.run(iter(range(queries)))
        assert crowd.wrong == []
        assert crowd.followed == 3 * queries
        assert [cluster.denied for cluster in clusters] == [0, 0, 0], "no search was ever needed"


@pytest.mark.parametrize("queries", MANY)
async def test_six_gateways_without_valkey_ask_the_clusters(tmp_path: Path, queries: int) -> None:
    async with three_clusters() as clusters, fleet(tmp_path, 6, clusters, NO_HISTORY) as gateways:
        crowd = RoundRobin(gateways)
        await crowd.run(iter(range(queries)))
        assert crowd.wrong == []
        assert crowd.followed == 3 * queries


@pytest.mark.parametrize("queries", MANY)
async def test_forged_entries_lead_nobody_astray_and_are_corrected(
    tmp_path: Path, valkey_server: ValkeyProcess, queries: int
) -> None:
    settings = {**NO_HISTORY, **cache(valkey_server.port)}
    forged: dict[str, str] = {}
    async with three_clusters() as clusters, fleet(tmp_path, 6, clusters, settings) as gateways:

        async def forge(number: int, query_id: str) -> None:
            if number % 10 == 0:
                forged[query_id] = clusters[number % 3].url
                wrong = clusters[(number + 1) % 3].url
                await asyncio.to_thread(valkey_server.run, "SET", f"trino:query:backend:{query_id}", wrong)

        crowd = RoundRobin(gateways)
        await crowd.run(iter(range(queries)), forge)
        assert crowd.wrong == []
        assert len(forged) == queries // 10
        corrected = sum(each.instance.memory_state()["tiers"]["in_process"]["corrected"] for each in gateways)
        travelled = [each for each in forged if each in crowd.travelled]
        assert corrected >= len(travelled) > len(forged) / 2
        last = travelled[-100:]

        async def are_corrected() -> bool:
            stored = [valkey_server.run("GET", f"trino:query:backend:{each}") for each in last]
            return stored == [forged[each] for each in last]

        await eventually(are_corrected, "the entries to be corrected")

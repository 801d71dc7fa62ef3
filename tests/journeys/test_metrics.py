"""What a gateway says of itself in numbers, held against what was done with it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.fixtures.child import free_port
from tests.fixtures.openmetrics import families
from tests.fixtures.valkey import ValkeyProcess
from tests.journeys.scene import MADE_UP, USER, Gateway, ask, gateway, run, statement_status, submit, to_its_end
from warren import __version__
from warren.simulator.coordinator import Simulator

NATIONS = "SELECT nationkey, name FROM tpch.tiny.nation ORDER BY nationkey"
NO_PROBES = {"clusterStatsConfiguration": {"monitorType": "NOOP"}}
"""A dead cluster counts as healthy, so that it is met by requests."""
READS_OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}
ANOTHER = "20200101_000000_00002_zzzzz"


async def numbers(here: Gateway) -> Mapping[str, float]:
    """Every line, by name and labels: `name{label=value,…}`. Raises ValueError when it is no valid OpenMetrics."""
    answered = await ask("GET", f"{here.url}/metrics", headers=READS_OPENMETRICS)
    assert (answered.status, (answered.header("content-type") or "").partition(";")[0]) == (
        200,
        "application/openmetrics-text",
    )
    return {
        sample.name + "".join(f"[{key}={value}]" for key, value in sorted(sample.labels.items())): sample.value
        for family in families(answered.text)
        for sample in family.samples
    }


class Difference:
    """What has changed between two readings."""

    def __init__(self, before: Mapping[str, float], after: Mapping[str, float]) -> None:
        self._before = before
        self._after = after

    def of(self, family: str) -> dict[str, float]:
        """By its labels, those that have not changed left out."""
        return {
            name.removeprefix(family): value - self._before.get(name, 0)
            for name, value in self._after.items()
            if re.fullmatch(rf"{family}(\[.*)?", name) and value != self._before.get(name, 0)
        }


async def pages_of(here: Gateway, sql: str) -> int:
    """Run it to its end; how many polls that took."""
    polls, page = 0, await submit(here.url, sql)
    while page.next_uri:
        page = (await ask("GET", page.next_uri)).page()
        polls += 1
    return polls


async def test_the_numbers_are_exactly_what_was_done(tmp_path: Path) -> None:
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}, settings=NO_PROBES) as here:
        before = await numbers(here)
        polls = await pages_of(here, NATIONS)
        assert (await ask("GET", f"{here.url}/v1/statement/executing/{MADE_UP}/x/0")).status == 404
        assert (await ask("GET", f"{here.url}/v1/statement/executing/{MADE_UP}/x/0")).status == 404
        after = Difference(before, await numbers(here))

    assert polls > 2
    assert after.of("warren_statements_total") == {"[outcome=taken]": 1}
    assert after.of("warren_statement_tries_total") == {"": 1}
    assert after.of("warren_statement_seconds_count") == {"": 1}
    # The first reading, the statement and its polls; the denials.
    assert after.of("warren_client_answers_total") == {"[status=2xx]": 2 + polls, "[status=4xx]": 2}
    assert after.of("warren_owners_known_total") == {"[by=placement]": polls}
    assert after.of("warren_searches_started_total") == {"": 1}
    assert after.of("warren_searches_total") == {"[outcome=denied]": 1}
    # The second denial was remembered, so the cluster was not asked again.
    assert after.of("warren_upstream_requests_total") == {"[cluster=blue]": 2 + polls}
    assert after.of("warren_upstream_answers_total") == {
        "[cluster=blue][status=2xx]": 1 + polls,
        "[cluster=blue][status=4xx]": 1,
    }
    assert after.of("warren_upstream_head_seconds_count") == {"[cluster=blue]": 2 + polls}
    assert after.of("warren_upstream_errors_total") == {}


async def test_a_dead_cluster_shows_in_the_numbers(tmp_path: Path) -> None:
    settings = {**NO_PROBES, "routing": {"strictGroups": True}}
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}, settings=settings) as here:
        await here.add("dead", f"http://127.0.0.1:{free_port()}", group="etl")
        before = await numbers(here)
        etl = {**USER, "X-Trino-Routing-Group": "etl"}
        assert (await ask("POST", f"{here.url}/v1/statement", "SELECT 1", etl)).status == 503
        assert (await ask("GET", f"{here.url}/v1/statement/executing/{ANOTHER}/x/0")).status == 503
        now = await numbers(here)

    after = Difference(before, now)
    assert after.of("warren_statements_total") == {"[outcome=refused]": 1}
    assert after.of("warren_searches_total") == {"[outcome=undecided]": 1}
    assert after.of("warren_client_answers_total") == {"[status=2xx]": 1, "[status=5xx]": 2}
    assert after.of("warren_upstream_errors_total") == {"[cluster=dead][error=unreachable]": 2}
    assert after.of("warren_upstream_requests_total") == {"[cluster=blue]": 1}
    assert now["warren_cluster_active[cluster=dead]"] == 1
    assert now["warren_cluster_probes_total[cluster=dead]"] >= 1


async def test_a_statement_that_another_cluster_took_counts_as_taken_elsewhere(tmp_path: Path) -> None:
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}, settings=NO_PROBES) as here:
        await here.add("dead", f"http://127.0.0.1:{free_port()}")
        before = await numbers(here)
        for _ in range(40):
            assert await statement_status(here.url) == 200
            after = Difference(before, await numbers(here))
            if "[outcome=taken_elsewhere]" in after.of("warren_statements_total"):
                break
    assert after.of("warren_statements_total")["[outcome=taken_elsewhere]"] == 1
    taken = sum(after.of("warren_statements_total").values())
    assert after.of("warren_statement_tries_total") == {"": taken + 1}


async def test_the_state_of_clusters_database_and_process_is_told(tmp_path: Path) -> None:
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}) as here:
        await here.change("add", "gone", f"http://127.0.0.1:{free_port()}", active=False)
        await here.wait_for_status("gone", "UNHEALTHY")
        now = await numbers(here)

    statuses = {name: value for name, value in now.items() if name.startswith("warren_cluster_status")}
    assert [name for name, value in statuses.items() if value] == [
        "warren_cluster_status[cluster=blue][status=healthy]",
        "warren_cluster_status[cluster=gone][status=unhealthy]",
    ]
    assert (now["warren_cluster_active[cluster=blue]"], now["warren_cluster_active[cluster=gone]"]) == (1, 0)
    assert now["warren_cluster_probes_failed_total[cluster=gone]"] >= 1
    assert now["warren_database_reachable"] == 1
    assert 0 <= now["warren_database_last_read_age_seconds"] < 5
    assert now["process_open_fds"] > 3
    assert now[f"warren_build_info[version={__version__}]"] == 1


async def test_a_deleted_cluster_leaves_the_numbers(tmp_path: Path) -> None:
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}) as here:
        await run(here.url, NATIONS)
        assert any("cluster=blue" in name for name in await numbers(here))
        assert (await here.api("POST", "/gateway/backend/modify/delete", "blue")).status == 200
        assert not any("cluster=blue" in name for name in await numbers(here))


async def test_nothing_that_a_client_makes_up_becomes_a_label(tmp_path: Path) -> None:
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}) as here:
        await numbers(here)
        before = (await numbers(here)).keys()
        for number in range(20):
            made_up = {"X-Trino-User": f"user-{number}", "X-Trino-Source": f"s-{number}", "X-Trino-Routing-Group": "g"}
            await run(here.url, "SELECT 1", made_up)
            await ask("GET", f"{here.url}/v1/query/20200101_000000_{number:05}_zzzzz", headers=made_up)
            await ask("GET", f"{here.url}/nothing/{number}")
        after = (await numbers(here)).keys()
    assert {name for name in after - before if "cluster=blue" not in name} == set()


def cache(server: ValkeyProcess) -> dict[str, Any]:
    return {"valkeyConfiguration": {"enabled": True, "port": server.port, "host": "127.0.0.1"}}


async def test_the_distributed_cache_is_told_of_in_numbers_and_for_people(
    tmp_path: Path, valkey_server: ValkeyProcess
) -> None:
    async with (
        Simulator(scattered_ids=True, publish_coordinator_id=False) as blue,
        gateway(tmp_path / "a", {"blue": blue.url}, settings=cache(valkey_server)) as here,
        gateway(tmp_path / "b", {"blue": blue.url}, settings=cache(valkey_server)) as there,
    ):
        before, there_before = await numbers(here), await numbers(there)
        page = await submit(here.url, NATIONS)
        assert page.next_uri is not None
        moved = (await ask("GET", page.next_uri.replace(here.url, there.url))).page()
        assert (await to_its_end(moved)).rows
        after, there_after = (
            Difference(before, await numbers(here)),
            Difference(there_before, now := await numbers(there)),
        )
        shown = (await there.api("GET", "/trino-gateway/api/distributedCache")).json()

    assert after.of("warren_memory_writes_total")["[tier=valkey]"] >= 1
    assert there_after.of("warren_memory_hits_total")["[tier=valkey]"] == 1
    assert there_after.of("warren_memory_lookup_seconds_count")["[tier=valkey]"] == 1
    assert there_after.of("warren_owners_known_total")["[by=store]"] == 1
    assert there_after.of("warren_placements_believed_total") == {"[outcome=confirmed]": 1}
    assert there_after.of("warren_searches_started_total") == {}
    server = f"127.0.0.1:{valkey_server.port}"
    assert now[f"warren_cache_breaker_open[breaker=calls][server={server}]"] == 0
    assert now[f"warren_cache_connections[server={server}][state=idle]"] >= 1
    assert shown["distributedCache"]["enabled"] is True
    assert shown["distributedCache"]["servers"][0]["breaker"] == "closed"
    assert shown["tiers"]["valkey"]["hits"] == 1

"""What `/metrics` says of several workers: the sum of all, whichever of them is asked, and who does not answer."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import pytest

from tests.fixtures.gateway import GatewayProcess
from tests.fixtures.openmetrics import families
from tests.journeys.fake_cluster import answering, fake_cluster
from tests.journeys.scene import ABOUT_A_SECOND, USER, ask, eventually
from tests.supervisor.workers import SETTINGS, pids, until_all_ready

pytestmark = pytest.mark.slow

OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}


async def numbers(url: str) -> dict[tuple[str, str], float]:
    """By name and label value, of one label or none."""
    answer = await ask("GET", f"{url}/metrics", headers=OPENMETRICS)
    assert answer.status == 200
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in families(answer.text)
        for sample in family.samples
    }


async def test_numbers_are_those_of_all_workers_and_a_hung_one_is_shown(tmp_path: Path) -> None:
    gateway = GatewayProcess(tmp_path / "gateway", settings=SETTINGS, workers=2)
    try:
        async with fake_cluster(answering(200, b"{}")) as cluster:
            await asyncio.to_thread(gateway.start)
            await until_all_ready(gateway, 2)
            await asyncio.to_thread(gateway.add, "blue", cluster.url)

            async def both_know_it() -> bool:
                found = await numbers(gateway.url)
                return all(found.get(("warren_cluster_status", f"blue,healthy,{slot}")) == 1 for slot in (1, 2))

            await eventually(both_know_it, "both to find the cluster healthy")
            for _ in range(40):
                await ask("GET", f"{gateway.url}/v1/info/state", headers=USER)
            found = [await numbers(gateway.url) for _ in range(5)]
            asked = {each["warren_upstream_requests_total", "blue"] for each in found}
            assert asked == {40}, "whoever answered, it was the sum"
            assert [(found[0]["warren_worker_up", str(slot)]) for slot in (1, 2)] == [1, 1]

            frozen = (await asyncio.to_thread(pids, gateway))[2]
            os.kill(frozen, signal.SIGSTOP)
            try:

                async def is_shown() -> bool:
                    with contextlib.suppress(TimeoutError):  # the frozen one itself has taken the connection
                        async with asyncio.timeout(ABOUT_A_SECOND):
                            return (await numbers(gateway.url))["warren_worker_up", "2"] == 0
                    return False

                await eventually(is_shown, "the frozen worker to be shown")
            finally:
                os.kill(frozen, signal.SIGCONT)
    finally:
        await asyncio.to_thread(gateway.kill)

"""What `/metrics` says of several workers: the sum of all, whichever of them is asked, and who does not answer."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.fixtures.gateway import GatewayProcess
from tests.fixtures.openmetrics import families
from tests.journeys.fake_cluster import answering, fake_cluster
from tests.journeys.scene import ABOUT_A_SECOND, USER, Cut, ask, eventually, statement_status, until
from tests.supervisor.workers import SETTINGS, Log, pids, served, until_all_ready

pytestmark = pytest.mark.slow

OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}


Numbers = dict[tuple[str, str], float]
"""By name and label values."""


async def numbers(url: str, *kinds: str) -> Numbers:
    """Those of these kinds of families; of all when none is named."""
    answer = await ask("GET", f"{url}/metrics", headers=OPENMETRICS)
    assert answer.status == 200
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in families(answer.text)
        if not kinds or family.type in kinds
        for sample in family.samples
    }


@dataclass(slots=True)
class Scraper:
    """Reads counters and histograms over and over, each time on a connection of its own."""

    url: str
    scrapes: int = 0
    last: Numbers = field(default_factory=dict)
    fallen: list[str] = field(default_factory=list)
    """What was less than in the scrape before, or not there any more."""

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(self._run())
            yield
            running.cancel()

    async def more(self, count: int = 5) -> None:
        wanted = self.scrapes + count
        await until(lambda: self.scrapes >= wanted, "more scrapes")

    @property
    def statements(self) -> float:
        return sum(value for (name, _), value in self.last.items() if name == "warren_statements_total")

    async def _run(self) -> None:
        while True:
            # Whoever has taken the connection may be frozen, or be killed.
            with contextlib.suppress(TimeoutError, Cut, OSError):
                async with asyncio.timeout(ABOUT_A_SECOND):
                    self._compare(await numbers(self.url, "counter", "histogram"))

    def _compare(self, now: Numbers) -> None:
        self.fallen += [
            f"{key}: {before} → {now.get(key)}" for key, before in self.last.items() if now.get(key, -1) < before
        ]
        self.last = now
        self.scrapes += 1


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


async def test_sums_never_fall_when_workers_are_replaced_killed_and_frozen(tmp_path: Path) -> None:
    async with (
        fake_cluster(answering(200, b"{}")) as cluster,
        served(tmp_path, cluster.url) as gateway,
    ):
        for _ in range(20):
            await statement_status(gateway.url)
        log, scraper = Log(gateway), Scraper(gateway.url)
        os.kill(gateway.pid, signal.SIGHUP)
        await until(lambda: len(log.of("reload_finished")) == 1, "the end of the restart")
        async with scraper.at_work():
            await scraper.more()
            assert scraper.statements == 20, "what workers counted before they ended, though nobody had asked them"

            os.kill(gateway.pid, signal.SIGHUP)
            await until(lambda: len(log.of("reload_finished")) == 2, "the end of the restart")
            await scraper.more()
            assert (scraper.statements, scraper.fallen) == (20, [])

            for _ in range(20):
                await statement_status(gateway.url)
            await scraper.more()
            os.kill((await asyncio.to_thread(pids, gateway))[1], signal.SIGKILL)
            await until(lambda: len(log.of("worker_ended")) == 5, "its end")
            await scraper.more()
            await until_all_ready(gateway, 2)
            await scraper.more()
            assert (scraper.statements, scraper.fallen) == (40, [])

            frozen = (await asyncio.to_thread(pids, gateway))[2]
            os.kill(frozen, signal.SIGSTOP)
            try:
                await until(lambda: bool(log.of("worker_silent")), "the supervisor to notice")
                await scraper.more()
            finally:
                os.kill(frozen, signal.SIGCONT)
            await until(lambda: bool(log.of("worker_heard_again")), "it to be heard of")
            await scraper.more()
            assert (scraper.statements, scraper.fallen) == (40, [])
        assert {event["event"] for event in gateway.events()}.isdisjoint({"counters_ignored", "counters_not_kept"})
        assert "Traceback" not in gateway.log()
        (counters,) = (tmp_path / "gateway" / "state" / "sockets").glob("*.counters")
        # One for each that is there, and one for all that were.
        assert len(list(counters.iterdir())) == 3
        assert await asyncio.to_thread(gateway.stop) == 0
        assert not counters.exists()

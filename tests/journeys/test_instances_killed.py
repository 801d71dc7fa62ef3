"""Instances are killed under load, again and again: the others go on with their queries, and clients hardly notice."""

import asyncio
import itertools
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import pytest

from tests.fixtures.gateway import GatewayProcess
from tests.fixtures.valkey import ValkeyProcess
from tests.journeys.fleet import NO_HISTORY, cache, three_clusters
from tests.journeys.plain_cluster import PlainCluster
from tests.journeys.scene import USER, Answer, Connection, Cut, until

pytestmark = pytest.mark.slow

CLIENTS = 6
BROKEN = (Cut, ConnectionError, OSError)


class Balanced:
    """Clients behind a balancer: what one instance breaks off is asked again of the next, as Trino's clients do."""

    def __init__(self, instances: Sequence[GatewayProcess]) -> None:
        self._urls = [instance.url for instance in instances]
        self._next = itertools.count()
        self.ended = 0
        self.down: str | None = None
        """The instance that is being killed, or gone. What it breaks off was open at that instant, or met nobody."""
        self.broken_elsewhere: list[str] = []
        self.wrong: list[str] = []

    async def client(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            answer = await self._asked("POST", "/v1/statement", "SELECT 1")
            while answer.status == 200 and (following := answer.json().get("nextUri")) is not None:
                answer = await self._asked("GET", "/" + following.split("/", 3)[3])
            if answer.status == 200:
                self.ended += 1
            else:
                self.wrong.append(f"{answer.status} {answer.text[:200]}")

    async def _asked(self, method: str, target: str, body: str | None = None) -> Answer:
        headers = {**USER, "X-Trino-Routing-Group": "adhoc"}
        while True:
            url = self._urls[next(self._next) % len(self._urls)]
            try:
                async with await Connection.to(url) as connection:
                    return await connection.ask(method, target, body, headers)
            except BROKEN as error:
                if url != self.down:
                    self.broken_elsewhere.append(f"{url}: {error!r}")
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("kills", [6, pytest.param(60, marks=[pytest.mark.soak, pytest.mark.timeout(900)])])
async def test_instances_are_killed_under_load(tmp_path: Path, valkey_server: ValkeyProcess, kills: int) -> None:
    settings = {**NO_HISTORY, **cache(valkey_server.port, requestBudgetMs=500)}
    async with AsyncExitStack() as servers:
        clusters = await servers.enter_async_context(three_clusters())
        with ExitStack() as stack:
            instances = [GatewayProcess(tmp_path / f"gateway-{number}", settings=settings) for number in range(3)]
            for instance in instances:
                stack.callback(instance.kill)
            await asyncio.gather(*(asyncio.to_thread(begin, instance, clusters) for instance in instances))
            balanced, stop = Balanced(instances), asyncio.Event()
            async with asyncio.TaskGroup() as group:
                for _ in range(CLIENTS):
                    group.create_task(balanced.client(stop))
                for number in range(kills):
                    ended = balanced.ended
                    await until(lambda ended=ended: balanced.ended > ended + 30, "queries to end")  # type: ignore[misc] # mypy cannot infer a lambda with a default
                    victim = instances[number % len(instances)]
                    balanced.down = victim.url
                    await asyncio.to_thread(victim.kill)
                    ended = balanced.ended
                    await until(lambda ended=ended: balanced.ended > ended + 30, "the others to go on")  # type: ignore[misc] # the same
                    await asyncio.to_thread(victim.start)
                stop.set()
            assert balanced.wrong == []
            assert balanced.broken_elsewhere == []
            assert balanced.ended > 60 * kills


def begin(instance: GatewayProcess, clusters: Sequence[PlainCluster]) -> None:
    instance.start()
    for number, cluster in enumerate(clusters):
        instance.add(f"cluster-{number}", cluster.url)
    for number in range(len(clusters)):
        instance.wait_for_status(f"cluster-{number}", "HEALTHY")

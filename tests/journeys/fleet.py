"""A fleet of gateways in the test's own loop, and clients whose every request goes to the next of them."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from tests.journeys.plain_cluster import PlainCluster, plain_cluster
from tests.journeys.scene import USER, Answer, Connection, Gateway, gateway
from warren.simulator.coordinator import Simulator

NO_HISTORY = {"dataStore": {"jdbcUrl": "jdbc:sqlite:clusters.sqlite", "queryHistoryEnabled": False}}
CLIENTS = 10

Meddle = Callable[[int, str], Awaitable[None]]


def cache(port: int, **more: object) -> dict[str, Any]:
    """With a budget that a busy machine does not exceed: what it costs to exceed it is tested elsewhere."""
    found = {"enabled": True, "port": port, "host": "127.0.0.1", "requestBudgetMs": 5000, **more}
    return {"valkeyConfiguration": found}


@asynccontextmanager
async def fleet(
    directory: Path, count: int, clusters: Sequence[Simulator | PlainCluster], settings: dict[str, Any]
) -> AsyncIterator[list[Gateway]]:
    """So many gateways, each with files of its own, that all know these clusters, each in a group of its own."""
    async with AsyncExitStack() as stack:
        gateways = []
        for number in range(count):
            here = await stack.enter_async_context(gateway(directory / f"gateway-{number}", settings=settings))
            for place, cluster in enumerate(clusters):
                await know(here, f"cluster-{place}", cluster.url, group=f"group-{place}")
            gateways.append(here)
        yield gateways


async def know(here: Gateway, name: str, url: str, *, group: str) -> None:
    """Add the cluster, unless another gateway has written it into the database that they share."""
    if (await here.api("GET", f"/api/public/backends/{name}")).status == 404:
        await here.add(name, url, group=group)
    else:
        await here.wait_for_status(name, "HEALTHY")


@asynccontextmanager
async def three_clusters() -> AsyncIterator[tuple[PlainCluster, ...]]:
    async with plain_cluster("0") as first, plain_cluster("1") as second, plain_cluster("2") as third:
        yield first, second, third


class RoundRobin:
    """Clients whose every request goes to the next gateway, each on kept connections; what they got that was wrong."""

    def __init__(self, gateways: Sequence[Gateway]) -> None:
        self._urls = [gateway.url for gateway in gateways]
        self._next = itertools.count()
        self.wrong: list[str] = []
        self.followed = 0
        self.submitted: list[str] = []
        """Query ids, the latest last."""
        self.travelled: set[str] = set()
        """Ids of queries that were followed at another gateway than took them: chance may lead one home each time."""
        self.is_over = False
        """Every query has ended."""
        self.slowest = 0.0
        """Seconds."""

    async def run(self, numbers: Iterator[int], meddle: Meddle | None = None) -> None:
        """A query for each number. `meddle` is called with that and the query's id before its first poll."""
        async with asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(self._client(numbers, meddle))
        self.is_over = True

    async def _client(self, numbers: Iterator[int], meddle: Meddle | None) -> None:
        async with AsyncExitStack() as stack:
            doors = [await stack.enter_async_context(await Connection.to(url)) for url in self._urls]
            for number in numbers:
                await self._query(doors, number, meddle)

    async def _query(self, doors: Sequence[Connection], number: int, meddle: Meddle | None) -> None:
        group = number % 3
        headers = {**USER, "X-Trino-Routing-Group": f"group-{group}"}
        taker = self._door(doors)
        answer = await self._timed(taker.ask("POST", "/v1/statement", "SELECT 1", headers))
        if answer.status == 200:
            self.submitted.append(answer.json()["id"])
            if meddle is not None:
                await meddle(number, self.submitted[-1])
        while True:
            if answer.status != 200 or answer.json()["data"] != [[str(group)]]:
                self.wrong.append(f"{answer.status} {answer.text[:200]}")
                return
            following = answer.json().get("nextUri")
            if following is None:
                return
            door = self._door(doors)
            if door is not taker:
                self.travelled.add(answer.json()["id"])
            answer = await self._timed(door.ask("GET", "/" + following.split("/", 3)[3]))
            self.followed += 1

    async def _timed(self, asking: Awaitable[Answer]) -> Answer:
        began = time.monotonic()
        answer = await asking
        self.slowest = max(self.slowest, time.monotonic() - began)
        return answer

    def _door(self, doors: Sequence[Connection]) -> Connection:
        return doors[next(self._next) % len(doors)]

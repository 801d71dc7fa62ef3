"""What tests of several workers have in common: clients of two kinds under whom workers come and go."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from tests.fixtures.asking import ask as ask_plainly
from tests.fixtures.child import wait_for
from tests.fixtures.gateway import GatewayProcess
from tests.journeys.scene import USER, Connection, Cut, eventually, until

SETTINGS = {"shutdownDelay": "500ms", "drainTimeout": "5s"}
READYZ = "/trino-gateway/readyz"
LIVEZ = "/trino-gateway/livez"
STATEMENT = "SELECT nationkey FROM tpch.tiny.nation"


def details(url: str) -> dict[str, object]:
    """Of `readyz`, whoever answers it."""
    found = ask_plainly("GET", url + READYZ, headers={"Accept": "application/json"}).json()["details"]
    assert isinstance(found, dict)
    return found


def pids(gateway: GatewayProcess) -> dict[int, int]:
    """Slot → process id, of those who hold the slots."""
    workers = details(gateway.url)["workers"]
    assert isinstance(workers, list)
    return {worker["slot"]: worker["pid"] for worker in workers}


def all_ready(gateway: GatewayProcess, count: int) -> bool:
    try:
        workers = details(gateway.url).get("workers", [])
    except OSError:
        return False
    assert isinstance(workers, list)
    return [worker["ready"] for worker in workers] == [True] * count


def know(gateway: GatewayProcess, cluster: str) -> set[str]:
    """Those workers, of as many as one meets by chance, that have found the cluster healthy or not."""
    met = [details(gateway.url) for _ in range(40)]
    return {str(each["instance"]) for each in met if has_judged(each["clusters"], cluster)}


def has_judged(clusters: object, name: str) -> bool:
    assert isinstance(clusters, dict)
    return name in clusters and clusters[name]["status"] in {"HEALTHY", "UNHEALTHY"}


async def until_all_ready(gateway: GatewayProcess, count: int) -> None:
    await eventually(lambda: asyncio.to_thread(all_ready, gateway, count), "all workers to be ready")


@dataclass(slots=True)
class Log:
    """What a gateway says from now on."""

    gateway: GatewayProcess
    _before: int = 0

    def __post_init__(self) -> None:
        self._before = len(self.gateway.events())

    def of(self, name: str) -> list[dict[str, object]]:
        return [event for event in self.gateway.events()[self._before :] if event.get("event") == name]


def is_gone(pid: int) -> bool:
    """A process that has ended, and may wait for nothing but its parent."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@dataclass(slots=True)
class Crowd:
    """Clients that never rest. What breaks is noted, then tried again at once: that must succeed."""

    url: str
    answered: Counter[str] = field(default_factory=Counter)
    """Requests by the kind of client."""
    broken: list[str] = field(default_factory=list)
    """What happened to those that were open when something broke."""
    lost: list[str] = field(default_factory=list)
    """What happened to the second tries, and answers that nobody should get."""

    @asynccontextmanager
    async def at_work(self, clients: int) -> AsyncIterator[None]:
        """Half of them of each kind."""
        async with asyncio.TaskGroup() as group:
            kinds = [self.fresh, self.keeping] * (clients // 2)
            running = [group.create_task(kind()) for kind in kinds]
            yield
            for each in running:
                each.cancel()

    async def fresh(self) -> None:
        """Statements and their pages, each request on a connection of its own."""
        while True:
            page = json.loads(await self._once("POST", f"{self.url}/v1/statement", STATEMENT))
            while following := page.get("nextUri"):
                page = json.loads(await self._once("GET", following))
            if page.get("error") is not None:
                self.lost.append(str(page["error"]))
            await asyncio.sleep(0.01)

    async def keeping(self) -> None:
        """A connection that is kept as long as the gateway wishes."""
        while True:
            try:
                async with await Connection.to(self.url) as connection:
                    while True:
                        answer = await connection.ask("GET", LIVEZ)
                        self.answered["keeping"] += 1
                        if answer.status != 200:
                            self.lost.append(f"{answer.status} {answer.text}")
                        if answer.header("connection") == "close":
                            break
                        await asyncio.sleep(0.01)
            except (Cut, OSError) as error:
                self.broken.append(f"keeping: {error!r}")

    async def _once(self, method: str, url: str, body: str | None = None) -> bytes:
        try:
            return await self._ask(method, url, body)
        except (Cut, OSError) as error:
            self.broken.append(f"fresh: {error!r}")
        try:
            return await self._ask(method, url, body)
        except (Cut, OSError) as error:
            self.lost.append(f"{method}: {error!r}")
            raise

    async def _ask(self, method: str, url: str, body: str | None) -> bytes:
        async with await Connection.to(self.url) as connection:
            answer = await connection.ask(method, urlsplit(url).path, body, USER)
        self.answered["fresh"] += 1
        if answer.status != 200:
            self.lost.append(f"{method}: {answer.status} {answer.text}")
        return answer.body

    async def until_more(self, count: int = 50) -> None:
        wanted = {kind: self.answered[kind] + count for kind in ("fresh", "keeping")}
        await until(lambda: all(self.answered[kind] >= more for kind, more in wanted.items()), "more answers")


def add(gateway: GatewayProcess, url: str) -> None:
    """A cluster, to two workers: one takes the change, the other reads of it within a second."""
    gateway.add("blue", url)
    wait_for(lambda: len(know(gateway, "blue")) == 2, seconds=20, what="both to know the cluster")


@asynccontextmanager
async def served(directory: Path, cluster: str | None = None, **settings: Any) -> AsyncIterator[GatewayProcess]:
    """Two workers of its own for a test that ends them."""
    gateway = GatewayProcess(directory / "gateway", settings={**SETTINGS, **settings}, workers=2)
    try:
        await asyncio.to_thread(gateway.start)
        if cluster is not None:
            await asyncio.to_thread(add, gateway, cluster)
        await until_all_ready(gateway, 2)
        yield gateway
    except Exception as failure:
        failure.add_note(f"the gateway's log ends:\n{gateway.log()[-6000:]}")
        raise
    finally:
        gateway.kill()

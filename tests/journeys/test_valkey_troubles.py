"""Whatever becomes of Valkey: no request fails, none waits long for it, the log stays short, and it is used again by itself."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.fixtures.rough import RoughProxy, rough
from tests.fixtures.valkey import ValkeyProcess
from tests.journeys.fleet import NO_HISTORY, RoundRobin, cache, fleet, three_clusters
from tests.journeys.scene import Gateway, eventually, until
from warren.telemetry.few_lines import LINES_A_MINUTE

pytestmark = pytest.mark.slow

FEW_LINES = 3 * 2 * LINES_A_MINUTE
"""Of three instances, about the cache and about announcements."""
SLOWEST_SECONDS = 1.5
"""Of any request on a busy machine. Whoever waited for Valkey beyond the budget would wait for two seconds, or five."""


Trouble = Callable[[ValkeyProcess, RoughProxy], AbstractContextManager[None]]


@contextmanager
def frozen(server: ValkeyProcess, _proxy: RoughProxy) -> Iterator[None]:
    with server.hung():
        yield


@contextmanager
def killed(server: ValkeyProcess, _proxy: RoughProxy) -> Iterator[None]:
    server.kill()
    yield
    server.start()


@contextmanager
def restarted(server: ValkeyProcess, _proxy: RoughProxy) -> Iterator[None]:
    server.restart()
    yield


@contextmanager
def flapping(server: ValkeyProcess, _proxy: RoughProxy) -> Iterator[None]:
    for _ in range(5):
        server.restart()
    yield


@contextmanager
def full(server: ValkeyProcess, _proxy: RoughProxy) -> Iterator[None]:
    with server.full():
        yield


@contextmanager
def read_only(server: ValkeyProcess, _proxy: RoughProxy) -> Iterator[None]:
    with server.read_only():
        yield


@contextmanager
def another_password(server: ValkeyProcess, proxy: RoughProxy) -> Iterator[None]:
    server.configure("requirepass", "another")
    proxy.refuse()  # connections that are open have logged in already
    proxy.behave()
    yield
    server.configure("requirepass", "")


def through(act: Callable[[RoughProxy], None]) -> Trouble:
    @contextmanager
    def trouble(_server: ValkeyProcess, proxy: RoughProxy) -> Iterator[None]:
        act(proxy)
        yield
        proxy.behave()

    return trouble


TROUBLES = {
    "frozen": frozen,
    "killed": killed,
    "restarted": restarted,
    "flapping": flapping,
    "full": full,
    "read-only": read_only,
    "another password": another_password,
    "refuses": through(RoughProxy.refuse),
    "hangs": through(RoughProxy.hang),
    "garbage": through(RoughProxy.garble),
    "cut in the middle": through(RoughProxy.cut),
    "slow by 50 ms": through(lambda proxy: proxy.delay(0.05)),
    "slow by 5 s": through(lambda proxy: proxy.delay(5)),
}


@pytest.mark.parametrize("name", TROUBLES)
async def test_trouble_with_valkey_costs_no_query(tmp_path: Path, valkey_server: ValkeyProcess, name: str) -> None:
    settings = {**NO_HISTORY, **cache(0, requestBudgetMs=100)}
    with rough(valkey_server.port) as proxy:
        settings["valkeyConfiguration"]["port"] = proxy.port
        async with three_clusters() as clusters, fleet(tmp_path, 3, clusters, settings) as gateways:
            crowd = RoundRobin(gateways)
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                group.create_task(crowd.run(itertools.takewhile(lambda _: not stop.is_set(), itertools.count())))
                await until(lambda: len(crowd.submitted) > 50, "queries")
                with capture_logs() as lines:
                    before = len(crowd.submitted)
                    trouble = TROUBLES[name](valkey_server, proxy)
                    await asyncio.to_thread(trouble.__enter__)
                    await until(lambda: len(crowd.submitted) > before + 300, "queries to go on")
                    meanwhile = crowd.submitted[-20:]
                    await asyncio.to_thread(trouble.__exit__, None, None, None)
                    await until(lambda: all(map(is_well, gateways)), "Valkey to be used again")
                    await eventually(are_there(valkey_server, meanwhile), "what was placed meanwhile to be there")
                    after = len(crowd.submitted)
                    await until(lambda: len(crowd.submitted) > after + 50, "queries after it")
                stop.set()
            assert crowd.wrong == []
            assert crowd.slowest < SLOWEST_SECONDS
            said = [line["event"] for line in lines if line["event"] != "statement"]
            assert len(said) <= FEW_LINES, said
            assert set(said) <= {
                "distributed_cache_lost",
                "distributed_cache_back",
                "distributed_cache_refuses_writes",
                "distributed_cache_takes_writes",
                "announcement_failed",
                "announcements_unheard",
            }


def is_well(gateway: Gateway) -> bool:
    return [
        (server["breaker"], server["writes"])
        for server in gateway.instance.memory_state()["distributedCache"]["servers"]
    ] == [("closed", "taken")]


def are_there(server: ValkeyProcess, query_ids: list[str]) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        keys = [f"trino:query:backend:{query_id}" for query_id in query_ids]
        return bool(await asyncio.to_thread(server.run, "EXISTS", *keys) == len(keys))

    return look

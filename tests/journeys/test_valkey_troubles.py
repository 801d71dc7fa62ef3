"""Whatever becomes of Valkey: no request fails, none waits long for it, the log stays short, and it is used again by itself."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.fixtures.rough import RoughProxy, rough
from tests.fixtures.valkey import ValkeyProcess, started
from tests.fixtures.valkey_sets import MASTER, ClusterSet, SentinelSet
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


@contextmanager
def renamed_command(server: ValkeyProcess, _proxy: RoughProxy) -> Iterator[None]:
    server.kill()
    with started(ValkeyProcess(server.directory / "renamed", "--rename-command", "SET", "other", port=server.port)):
        yield
    server.start()


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
    "renamed command": renamed_command,
    "refuses": through(RoughProxy.refuse),
    "hangs": through(RoughProxy.hang),
    "garbage": through(RoughProxy.garble),
    "cut in the middle": through(RoughProxy.cut),
    "slow by 50 ms": through(lambda proxy: proxy.delay(0.05)),
    "slow by 5 s": through(lambda proxy: proxy.delay(5)),
}


@dataclass(frozen=True)
class Form:
    """How the distributed cache is served, and what becomes of it."""

    settings: dict[str, Any]
    trouble: AbstractContextManager[None]
    servers: int
    """That the gateways use when all is well."""
    has: Callable[[str], bool]
    """Whether it has this key."""
    key: str = "trino:query:backend:{}"


@pytest.mark.parametrize("name", TROUBLES)
async def test_trouble_with_valkey_costs_no_query(tmp_path: Path, valkey_server: ValkeyProcess, name: str) -> None:
    with rough(valkey_server.port) as proxy:
        form = Form(
            cache(proxy.port),
            trouble=TROUBLES[name](valkey_server, proxy),
            servers=1,
            has=lambda key: bool(valkey_server.run("EXISTS", key)),
        )
        await costs_no_query(tmp_path, form)


@pytest.mark.parametrize("hangs", [False, True], ids=["killed", "frozen"])
async def test_a_primary_that_its_sentinels_replace_costs_no_query(
    tmp_path: Path, valkey_sentinel: SentinelSet, hangs: bool
) -> None:
    @contextmanager
    def lost() -> Iterator[None]:
        before = valkey_sentinel.primary
        with ExitStack() as until_then:
            if hangs:
                until_then.enter_context(before.hung())
            else:
                before.kill()
            yield
            valkey_sentinel.wait_for_another_than(before)

    form = Form(
        cache_by(sentinel={"master": MASTER, "nodes": nodes(valkey_sentinel.sentinel_ports)}),
        trouble=lost(),
        servers=1,
        has=lambda key: bool(valkey_sentinel.primary.run("EXISTS", key)),
    )
    await costs_no_query(tmp_path, form)


async def test_a_node_that_a_cluster_loses_costs_no_query(tmp_path: Path, valkey_cluster: ClusterSet) -> None:
    @contextmanager
    def lost() -> Iterator[None]:
        before = valkey_cluster.primary_of("trino:query:backend:any")
        before.kill()
        yield
        valkey_cluster.wait_for_another_than(before)

    form = Form(
        cache_by(cluster={"nodes": nodes([node.port for node in valkey_cluster.nodes])}),
        trouble=lost(),
        servers=3,
        has=lambda key: bool(valkey_cluster.primary_of(key).run("EXISTS", key)),
        key="trino:query:backend:{{{}}}",
    )
    await costs_no_query(tmp_path, form)


def cache_by(**more: object) -> dict[str, Any]:
    """By what names the servers, in place of a host and a port."""
    return {"valkeyConfiguration": {"enabled": True, **more}}


def nodes(ports: Sequence[int]) -> list[str]:
    return [f"127.0.0.1:{port}" for port in ports]


async def costs_no_query(tmp_path: Path, form: Form) -> None:
    settings = {**NO_HISTORY, **form.settings}
    settings["valkeyConfiguration"]["requestBudgetMs"] = 100
    async with three_clusters() as clusters, fleet(tmp_path, 3, clusters, settings) as gateways:

        def is_well() -> bool:
            return all(states(gateway) == [("closed", "taken")] * form.servers for gateway in gateways)

        await until(is_well, "Valkey to be used")
        crowd = RoundRobin(gateways)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(crowd.run(itertools.takewhile(lambda _: not stop.is_set(), itertools.count())))
            await until(lambda: len(crowd.submitted) > 50, "queries")
            with capture_logs() as lines:
                before = len(crowd.submitted)
                await asyncio.to_thread(form.trouble.__enter__)
                await until(lambda: len(crowd.submitted) > before + 300, "queries to go on")
                meanwhile = crowd.submitted[-20:]
                await asyncio.to_thread(form.trouble.__exit__, None, None, None)
                await until(is_well, "Valkey to be used again")
                await eventually(are_there(form, meanwhile), "what was placed meanwhile to be there")
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


def states(gateway: Gateway) -> list[tuple[str, str]]:
    """Of each server: the breaker's, and what it says to writes."""
    servers = gateway.instance.memory_state()["distributedCache"]["servers"]
    return [(server["breaker"], server["writes"]) for server in servers]


def are_there(form: Form, query_ids: list[str]) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return await asyncio.to_thread(lambda: all(form.has(form.key.format(each)) for each in query_ids))

    return look

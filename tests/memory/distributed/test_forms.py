"""The same contract for every form of the distributed cache: in one process, one server, Sentinels, a Cluster; and what each survives."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from tests.fakes.stores import Cache
from tests.fixtures.valkey import RedisByTls, ValkeyByTls, ValkeyProcess
from tests.fixtures.valkey_sets import MASTER, ClusterSet, SentinelSet
from tests.memory.distributed.caches import BLUE, GREEN, PATIENCE, cache_at, placed, query, until
from warren.errors import StoreUnavailable
from warren.memory.tiers import DistributedCache
from warren.model import CoordinatorId, Placement
from warren.settings.stores.valkey import ValkeyConfiguration

Form = AbstractAsyncContextManager[tuple[DistributedCache, DistributedCache]]

PATIENT = {"enabled": True, "min_idle": 1, "request_budget_ms": 5000}


def single(server: ValkeyProcess) -> ValkeyConfiguration:
    return ValkeyConfiguration.model_validate({**PATIENT, "host": "127.0.0.1", "port": server.port})


def by_sentinel(servers: SentinelSet) -> ValkeyConfiguration:
    nodes = [f"127.0.0.1:{port}" for port in servers.sentinel_ports]
    return ValkeyConfiguration.model_validate({**PATIENT, "sentinel": {"master": MASTER, "nodes": nodes}})


def in_cluster(cluster: ClusterSet) -> ValkeyConfiguration:
    nodes = [f"127.0.0.1:{node.port}" for node in cluster.running][:2]
    return ValkeyConfiguration.model_validate({**PATIENT, "cluster": {"nodes": nodes}})


@asynccontextmanager
async def two_at(configuration: ValkeyConfiguration) -> AsyncIterator[tuple[DistributedCache, DistributedCache]]:
    async with cache_at(configuration) as here, cache_at(configuration) as there:
        yield here, there


@asynccontextmanager
async def in_process() -> AsyncIterator[tuple[DistributedCache, DistributedCache]]:
    cache = Cache()
    yield cache, cache


@pytest.fixture(
    params=[
        "in process",
        "single",
        pytest.param("sentinel", marks=pytest.mark.slow),
        pytest.param("cluster", marks=pytest.mark.slow),
    ]
)
def form(request: pytest.FixtureRequest) -> Form:
    """Two instances of a distributed cache."""
    match request.param:
        case "in process":
            return in_process()
        case "single":
            return two_at(single(request.getfixturevalue("valkey_server")))
        case "sentinel":
            return two_at(by_sentinel(request.getfixturevalue("valkey_sentinel")))
        case _:
            return two_at(in_cluster(request.getfixturevalue("valkey_cluster")))


async def known(cache: DistributedCache, number: int) -> Placement | None:
    """What it says once it can be asked: a Cluster first has to tell who serves what."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await cache.find(query(number))
            except StoreUnavailable:
                await asyncio.sleep(0.02)


async def test_the_contract_of_a_distributed_cache(form: Form) -> None:
    async with form as (here, there):
        assert await known(there, 1) is None
        assert await known(here, 1) is None
        for number in range(1, 30):
            await here.keep(placed(number, GREEN if number % 2 else BLUE))
        for number in range(1, 30):
            assert await there.find(query(number)) == placed(number, GREEN if number % 2 else BLUE)
        await there.keep(placed(1, BLUE))
        assert await here.find(query(1)) == placed(1, BLUE), "the later word holds"
        here.keep_later(placed(50))
        here.renew_later(placed(51))
        here.learn_later(CoordinatorId("6b4yt"), GREEN)
        for number in (50, 51):
            await until_known(there, number, lambda found: found is not None)
        await until_known(there, 99, lambda found: found is not None and found.cluster == GREEN)


async def until_known(cache: DistributedCache, number: int, ready: Callable[[Placement | None], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        is_ready = False
        while not is_ready:
            is_ready = ready(await known(cache, number))
            await asyncio.sleep(0.02)


@pytest.mark.slow
async def test_sentinels_name_another_primary_and_what_was_placed_meanwhile_is_there(
    valkey_sentinel: SentinelSet,
) -> None:
    async with cache_at(by_sentinel(valkey_sentinel)) as here:
        await here.keep(placed(1))
        assert await here.find(query(1)) == placed(1)
        failing = asyncio.get_running_loop().run_in_executor(None, valkey_sentinel.fail_over)
        number = 2
        while not failing.done():
            await here.keep(placed(number))
            number += 1
            await asyncio.sleep(0.02)
        primary = await failing
        await until(lambda: len(here.behind) == 0, "what was placed meanwhile to be on its way")
        for each in (2, number - 1):
            await until_known(here, each, lambda found: found is not None)
        assert primary.run("EXISTS", f"trino:query:backend:{query(number - 1)}") == 1


@pytest.mark.slow
async def test_a_primary_that_hangs_is_replaced_as_well(valkey_sentinel: SentinelSet) -> None:
    configuration = by_sentinel(valkey_sentinel).model_copy(update={"request_budget_ms": 100})
    async with cache_at(configuration) as here:
        await here.keep(placed(1))
        before = valkey_sentinel.primary
        before.suspend()
        try:
            await here.keep(placed(2))
            await asyncio.to_thread(valkey_sentinel.wait_for_another_than, before)
            await until_known(here, 2, lambda found: found is not None)
        finally:
            before.resume()


@pytest.mark.slow
async def test_a_cluster_loses_a_node_and_the_others_are_used_all_along(valkey_cluster: ClusterSet) -> None:
    async with cache_at(in_cluster(valkey_cluster)) as here:
        assert await known(here, 1) is None
        for number in range(60):
            await here.keep(placed(number))
        lost = f"trino:query:backend:{{{query(1)}}}"
        losing = asyncio.get_running_loop().run_in_executor(None, valkey_cluster.lose_primary_of, lost)
        others_answered = 0
        while not losing.done():
            for number in range(60):
                try:
                    assert await here.find(query(number)) in (placed(number), None)
                    others_answered += 1
                except StoreUnavailable:
                    pass
            await here.keep(placed(100))
            await asyncio.sleep(0.02)
        await losing
        assert others_answered > 0
        for number in range(60):
            await here.keep(placed(number))
        for number in range(60):
            await until_known(here, number, lambda found: found is not None)


async def test_tls_with_its_own_authority(valkey_tls: ValkeyByTls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(valkey_tls.authority))  # the system's own, which count without others alone

    def at(port: int, **tls: object) -> ValkeyConfiguration:
        settings = {"enabled": True, "verify_hostname": True, **tls}
        return ValkeyConfiguration.model_validate({**PATIENT, "host": "127.0.0.1", "port": port, "tls": settings})

    for authorities in ({"ca_file": valkey_tls.authority}, {}):
        async with cache_at(at(valkey_tls.port, **authorities)) as here:
            await here.keep(placed(1))
            assert await here.find(query(1)) == placed(1)
    for port, authority in (
        (valkey_tls.port, valkey_tls.stranger),
        (valkey_tls.misnamed_port, valkey_tls.authority),
        (valkey_tls.mutual_port, valkey_tls.authority),
    ):
        async with cache_at(at(port, ca_file=authority), runs=False) as here:
            with pytest.raises(StoreUnavailable):
                await here.find(query(1))
    client = {"cert_file": valkey_tls.client.certificate, "key_file": valkey_tls.client.key}
    for configuration in (
        at(valkey_tls.misnamed_port, ca_file=valkey_tls.authority, verify_hostname=False),
        at(valkey_tls.mutual_port, ca_file=valkey_tls.authority, **client),
    ):
        async with cache_at(configuration) as here:
            assert await here.find(query(1)) == placed(1)


async def test_redis_works_too_and_with_its_own_tls(redis_server: RedisByTls) -> None:
    plain = single(redis_server.server)
    secured = ValkeyConfiguration.model_validate(
        {**PATIENT, "url": f"rediss://127.0.0.1:{redis_server.port}", "tls": {"ca_file": redis_server.authority}}
    )
    async with cache_at(plain) as here, cache_at(secured) as there:
        await here.keep(placed(1))
        assert await there.find(query(1)) == placed(1)
        there.renew_later(placed(2))
        await until_known(here, 2, lambda found: found is not None)

"""The contract of the distributed cache, on real servers: what is told is known, what is hostile is a miss, and it recovers."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.fixtures.rough import rough
from tests.fixtures.valkey import ValkeyProcess, started
from tests.memory.distributed.caches import GREEN, PATIENCE, cache_at, placed, query, until
from warren.errors import StoreUnavailable
from warren.memory.distributed.in_valkey import InValkey
from warren.memory.distributed.keys import LONGEST_VALUE
from warren.model import CoordinatorId
from warren.settings.stores.valkey import ValkeyConfiguration

TTL = 1800


def settings(server: ValkeyProcess, **more: object) -> ValkeyConfiguration:
    """With a budget that a busy machine cannot exceed, unless the test is about that."""
    return ValkeyConfiguration.model_validate(
        {"enabled": True, "host": "127.0.0.1", "port": server.port, "min_idle": 1, "request_budget_ms": 5000, **more}
    )


def is_open(cache: InValkey) -> bool:
    return any(lane["breaker"] == "open" for lane in lanes(cache))


def lanes(cache: InValkey) -> list[dict[str, object]]:
    found = cache.state()["servers"]
    assert isinstance(found, list)
    return found


async def until_known(cache: InValkey, number: int) -> None:
    """What was placed while the server was away is there."""
    async with asyncio.timeout(PATIENCE):
        found = None
        while found is None:
            found = await cache.find(query(number))
    assert found == placed(number)


async def test_what_is_told_is_known(valkey_server: ValkeyProcess) -> None:
    async with cache_at(settings(valkey_server)) as here, cache_at(settings(valkey_server)) as there:
        assert await there.find(query(1)) is None
        await here.keep(placed(1, GREEN))
        assert await there.find(query(1)) == placed(1, GREEN)
        assert (there.counts.requests, there.counts.hits, there.counts.misses) == (2, 1, 1)
        assert there.counts.hit_rate == 0.5
        assert here.counts.writes == 1


async def test_it_is_written_as_a_java_gateway_writes_it(valkey_server: ValkeyProcess) -> None:
    async with cache_at(settings(valkey_server)) as here:
        await here.keep(placed(1, GREEN, group="ad hoc"))
    for kind, value in (("backend", GREEN), ("routinggroup", "ad hoc"), ("externalurl", "https://green")):
        key = f"trino:query:{kind}:{query(1)}"
        assert valkey_server.run("GET", key) == value
        assert TTL - 5 <= valkey_server.run("TTL", key) <= TTL


async def test_what_a_java_gateway_has_written_is_read_though_it_is_the_backend_alone(
    valkey_server: ValkeyProcess,
) -> None:
    valkey_server.run("SET", f"trino:query:backend:{query(1)}", "http://green:8080")
    async with cache_at(settings(valkey_server)) as here:
        found = await here.find(query(1))
    assert found is not None
    assert (found.cluster, found.group, found.external_url) == (GREEN, "adhoc", "https://green")


async def test_without_a_time_to_live_nothing_expires(valkey_server: ValkeyProcess) -> None:
    async with cache_at(settings(valkey_server, cache_ttl_seconds=0)) as here:
        await here.keep(placed(1))
        here.renew_later(placed(1))
        here.renew_later(placed(2))
        await until(lambda: valkey_server.run("EXISTS", f"trino:query:backend:{query(2)}") == 1, "it to be written")
    for number in (1, 2):
        for kind in ("backend", "routinggroup", "externalurl"):
            assert valkey_server.run("TTL", f"trino:query:{kind}:{query(number)}") == -1


@pytest.mark.parametrize(
    ("command", "is_rejected"),
    [
        (("SET", "{key}", "http://evil.example:8080"), True),
        (("SET", "{key}", "not a url"), True),
        (("SET", "{key}", ""), False),
        (("SET", "{key}", b"\xff\xfe\x00"), True),
        (("SET", "{key}", "http://blue:8080" + "x" * 10_000_000), True),
        (("SET", "{key}", "x" * LONGEST_VALUE), True),
        (("LPUSH", "{key}", "http://blue:8080"), True),
        (("HSET", "{key}", "http://blue:8080", "1"), True),
        (("SETBIT", "{key}", 100_000, 1), True),
    ],
)
async def test_a_hostile_entry_is_a_miss_and_counted(
    valkey_server: ValkeyProcess, command: tuple[str | bytes | int, ...], is_rejected: bool
) -> None:
    key = f"trino:query:backend:{query(1)}"
    valkey_server.run(*(key if part == "{key}" else part for part in command))
    async with cache_at(settings(valkey_server)) as here:
        assert await here.find(query(1)) is None
        assert (here.counts.misses, here.counts.rejected) == (1, int(is_rejected))
        assert here.counts.errors == 0
        await here.keep(placed(1))
        assert await here.find(query(1)) == placed(1), "and it is overwritten by what is true"


async def test_an_ending_tells_the_cluster_of_a_query_that_nobody_placed(valkey_server: ValkeyProcess) -> None:
    async with cache_at(settings(valkey_server)) as here, cache_at(settings(valkey_server)) as there:
        here.learn_later(CoordinatorId("6b4yt"), GREEN)
        await until(lambda: here.counts.writes == 1, "it to be told")
        found = await there.find(query(7))
    assert found is not None
    assert (found.cluster, found.group) == (GREEN, "adhoc")


async def test_a_placement_in_use_lives_on_and_one_that_was_lost_is_written_again(valkey_server: ValkeyProcess) -> None:
    async with cache_at(settings(valkey_server)) as here:
        await here.keep(placed(1))
        valkey_server.run("EXPIRE", f"trino:query:backend:{query(1)}", 100)
        here.renew_later(placed(1))
        here.renew_later(placed(2))
        await until(lambda: valkey_server.run("EXISTS", f"trino:query:backend:{query(2)}") == 1, "it to be written")
        for number in (1, 2):
            assert valkey_server.run("TTL", f"trino:query:backend:{query(number)}") >= TTL - 5


async def test_connections_are_ready_before_they_are_needed(valkey_server: ValkeyProcess) -> None:
    async with cache_at(settings(valkey_server, min_idle=4)) as here:
        await until(lambda: [lane["connections"] for lane in lanes(here)] == [{"inUse": 0, "idle": 4}], "four")


async def test_as_many_are_kept_ready_as_are_wanted_also_when_the_server_closes_them(
    valkey_server: ValkeyProcess,
) -> None:
    async with cache_at(settings(valkey_server, min_idle=4), runs=False) as here:
        await here.keep(placed(1))
        (lane,) = here.lanes
        for _ in range(3):
            await lane.look(fill=True)
            assert lane.server.pool.idle == 4
            valkey_server.run("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


# --- trouble


@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_it_is_left_alone_while_it_is_away_and_used_again_when_it_is_back(
    valkey_server: ValkeyProcess, how: str
) -> None:
    async with cache_at(settings(valkey_server, request_budget_ms=100)) as here:
        await here.keep(placed(1))
        (valkey_server.kill if how == "killed" else valkey_server.suspend)()
        for number in range(100, 130):
            await here.keep(placed(number))
            if is_open(here):
                break
        await until(lambda: is_open(here), "the breaker to open")
        began = time.monotonic()
        for number in range(200, 400):
            await here.keep(placed(number))
            with pytest.raises(StoreUnavailable):
                await here.find(query(number))
        assert time.monotonic() - began < 1, "two hundred calls, none of which waited"

        if how == "killed":
            await asyncio.to_thread(valkey_server.start)
        else:
            valkey_server.resume()
        await until(lambda: not is_open(here), "the breaker to close")
        for number in (100, 200, 399):
            await until_known(here, number)


async def test_none_waits_longer_than_the_budget(valkey_server: ValkeyProcess) -> None:
    async with cache_at(settings(valkey_server, request_budget_ms=50)) as here:
        await here.keep(placed(1))
        valkey_server.suspend()
        try:
            took = []
            for number in range(10):
                began = time.monotonic()
                await here.keep(placed(number))
                took.append(time.monotonic() - began)
            assert max(took) < 1.0, "and not the two seconds of timeoutMs"
        finally:
            valkey_server.resume()


async def test_one_silence_where_little_is_asked_is_looked_into(valkey_server: ValkeyProcess) -> None:
    async with cache_at(settings(valkey_server, timeout_ms=200, request_budget_ms=50)) as here:
        await here.keep(placed(1))
        valkey_server.suspend()
        try:
            await here.keep(placed(2))
            await until(lambda: is_open(here), "the breaker to open, though nobody asked again")
        finally:
            valkey_server.resume()
        await until(lambda: not is_open(here), "it to close")


@contextmanager
def without_permission(server: ValkeyProcess) -> Iterator[None]:
    server.run("ACL", "SETUSER", "default", "-set")
    try:
        yield
    finally:
        server.run("ACL", "SETUSER", "default", "+set")


@pytest.mark.parametrize(
    ("refusing", "word"),
    [(ValkeyProcess.full, "OOM"), (ValkeyProcess.read_only, "READONLY"), (without_permission, "NOPERM")],
)
async def test_what_refuses_writes_is_still_read(
    valkey_server: ValkeyProcess, refusing: Callable[[ValkeyProcess], AbstractContextManager[None]], word: str
) -> None:
    async with cache_at(settings(valkey_server)) as here:
        await here.keep(placed(1))
        with capture_logs() as lines:
            with refusing(valkey_server):
                for number in range(2, 50):
                    await here.keep(placed(number))
                assert [lane["writes"] for lane in lanes(here)] == ["refused"]
                assert not is_open(here)
                assert await here.find(query(1)) == placed(1)
                assert [line["event"] for line in lines] == ["distributed_cache_refuses_writes"]
                assert word in lines[0]["because"]
            await until_known(here, 49)
        assert [line["event"] for line in lines][1:] == ["distributed_cache_takes_writes"]


async def test_behind_a_name_that_leads_to_another_primary_it_is_written_to_that(tmp_path: Path) -> None:
    former, successor = ValkeyProcess(tmp_path / "former"), ValkeyProcess(tmp_path / "successor")
    with started(former, successor), rough(former.port) as door:
        configuration = ValkeyConfiguration.model_validate({**settings(former).model_dump(), "port": door.port})
        async with cache_at(configuration) as here:
            await here.keep(placed(1))
            former.run("REPLICAOF", "127.0.0.1", successor.port)
            door.lead_to(successor.port)
            await here.keep(placed(2))
            await until(lambda: len(here.behind) == 0, "what was refused to be written")
        assert successor.run("EXISTS", f"trino:query:backend:{query(2)}") == 1


async def test_without_a_time_out_a_probe_has_one(
    valkey_server: ValkeyProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warren.memory.distributed.lanes.PROBE_SECONDS", 0.1)
    async with cache_at(settings(valkey_server, timeout_ms=0, request_budget_ms=50)) as here:
        await here.keep(placed(1))
        with valkey_server.hung():
            for number in range(2, 8):
                await here.keep(placed(number))
            await until(lambda: "within 0.1 s" in str(lanes(here)[0]["error"]), "the end of a probe")


async def test_what_refuses_reads_is_unavailable_and_said_once(valkey_server: ValkeyProcess) -> None:
    async with cache_at(settings(valkey_server)) as here:
        await here.keep(placed(1))
        valkey_server.run("ACL", "SETUSER", "default", "-getrange")
        try:
            with capture_logs() as lines:
                for _ in range(20):
                    with pytest.raises(StoreUnavailable, match="NOPERM"):
                        await here.find(query(1))
        finally:
            valkey_server.run("ACL", "SETUSER", "default", "+getrange")
        assert here.counts.errors == 20
        assert {line["event"] for line in lines} == {"distributed_cache_refuses_reads"}
        assert len(lines) <= 4
        await here.keep(placed(2))
        assert await here.find(query(2)) == placed(2), "writing went on"


async def test_what_a_server_has_lost_with_its_memory_is_told_again(valkey_server: ValkeyProcess) -> None:
    ending = (CoordinatorId("6b4yt"), GREEN)
    async with cache_at(settings(valkey_server), endings=lambda: [ending]) as here:
        await here.keep(placed(1))
        await asyncio.to_thread(valkey_server.kill)
        await here.keep(placed(2))
        await until(lambda: is_open(here), "the breaker to open")
        await asyncio.to_thread(valkey_server.start)
        valkey_server.run("FLUSHALL")
        await until(lambda: not is_open(here), "the breaker to close")
        await until(lambda: len(here.behind) == 0, "it to be told")
        async with asyncio.timeout(PATIENCE):
            found = None
            while found is None:
                found = await here.find(query(7))
    assert found.cluster == GREEN


async def test_a_wrong_password_is_said_once_and_costs_nothing(tmp_path: Path) -> None:
    server = ValkeyProcess(tmp_path / "guarded", "--requirepass", "right")
    with started(server), capture_logs() as lines:
        async with cache_at(settings(server, password="wrong")) as here:
            await here.keep(placed(1))
            await until(lambda: is_open(here), "the breaker to open")
            server.configure("requirepass", "wrong")
            await until(lambda: not is_open(here), "it to close")
            await until_known(here, 1)
    assert [line["event"] for line in lines] == ["distributed_cache_lost", "distributed_cache_back"]
    assert "right" not in str(lines)


async def test_a_renamed_command_stops_writing_only(tmp_path: Path) -> None:
    server = ValkeyProcess(tmp_path / "renamed", "--rename-command", "SET", "other")
    with started(server):
        async with cache_at(settings(server)) as here:
            await here.keep(placed(1))
            assert [lane["writes"] for lane in lanes(here)] == ["refused"]
            assert await here.find(query(1)) is None


async def test_flapping_is_told_in_a_few_lines(valkey_server: ValkeyProcess) -> None:
    with capture_logs() as lines:
        async with cache_at(settings(valkey_server)) as here:
            for number in range(8):
                await here.keep(placed(number))
                await asyncio.to_thread(valkey_server.kill)
                await here.keep(placed(number))
                await until(lambda: is_open(here), "the breaker to open")
                await asyncio.to_thread(valkey_server.start)
                await until(lambda: not is_open(here), "the breaker to close")
            await until_known(here, 7)
    assert len(lines) <= 4


async def test_what_cannot_be_written_takes_bounded_room(valkey_server: ValkeyProcess) -> None:
    async with cache_at(settings(valkey_server), runs=False) as here:
        for number in range(20_000):
            here.keep_later(placed(number))
        assert len(here.behind) == 10_000
        assert here.behind.dropped == 10_000
    assert valkey_server.run("DBSIZE") == 30_000, "they were written when it ended"

"""A pool against a server that misbehaves on purpose: what counts is that no call gets another call's answer."""

import asyncio

import pytest

from tests.drivers.valkey.talking import Talking, Words, always, bulk, in_turn, talking
from warren.drivers.valkey.connecting import Connector
from warren.drivers.valkey.pool import Pool, PoolLimits, packed
from warren.drivers.valkey.replies import Refusal
from warren.errors import StoreSilent, StoreUnavailable
from warren.settings.stores.valkey import ValkeyConfiguration

PATIENCE = 5.0
GET = (b"GETRANGE", b"a", b"0", b"9")


def pool_to(server: Talking, **limits: int) -> Pool:
    settings = ValkeyConfiguration(host="127.0.0.1", port=server.port).server
    connector = Connector(settings)
    return Pool("test", lambda: connector.to(settings.addresses[0]), PoolLimits(**limits))


async def test_each_command_has_its_reply() -> None:
    async with talking(in_turn([bulk(b"one"), b":2\r\n", b"$-1\r\n", b"+OK\r\n"])) as server:
        pool = pool_to(server)
        assert await pool.ask([GET] * 4, within=PATIENCE) == [b"one", 2, None, b"OK"]
        assert (pool.idle, pool.in_use) == (1, 0)
        await pool.close()


async def test_a_command_that_is_refused_leaves_the_others_their_replies() -> None:
    oom = b"-OOM command not allowed when used memory > 'maxmemory'.\r\n"
    wrong = b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
    async with talking(in_turn([oom, b"+OK\r\n", wrong])) as server:
        pool = pool_to(server)
        first, second, third = await pool.ask([GET] * 3, within=PATIENCE)
        assert second == b"OK"
        assert isinstance(first, Refusal)
        assert first.code == "OOM"
        assert isinstance(third, Refusal)
        assert third.code == "WRONGTYPE"
        assert pool.idle == 1, "the connection is as good as before"
        await pool.close()


async def test_a_call_past_its_deadline_never_gives_its_connection_back() -> None:
    """Its answer comes late: whoever had the connection next would take it for his own."""
    late = asyncio.Event()

    async def say(words: Words) -> bytes:
        if words[1] == b"slow":
            await late.wait()
        return bulk(b"answer to " + words[1])

    async with talking(say) as server:
        pool = pool_to(server, max_total=1, max_idle=1, min_idle=0)
        await pool.ask([(b"GET", b"first")], within=PATIENCE)
        with pytest.raises(StoreSilent, match=r"did not answer within 0.05 s"):
            await pool.ask([(b"GET", b"slow")], within=0.05)
        late.set()
        for name in (b"second", b"third"):
            assert await pool.ask([(b"GET", name)], within=PATIENCE) == [b"answer to " + name]
        assert server.connections == 2
        await pool.close()


async def test_a_call_that_is_cancelled_never_gives_its_connection_back() -> None:
    asked, late = asyncio.Event(), asyncio.Event()

    async def say(words: Words) -> bytes:
        if words[1] == b"slow":
            asked.set()
            await late.wait()
        return bulk(words[1])

    async with talking(say) as server:
        pool = pool_to(server, max_total=1, max_idle=1, min_idle=0)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(pool.ask([(b"GET", b"quick"), (b"GET", b"slow")], within=PATIENCE))
            await asked.wait()
            task.cancel()
        late.set()
        assert await pool.ask([(b"GET", b"next")], within=PATIENCE) == [b"next"]
        await pool.close()


async def test_many_calls_at_once_of_which_some_are_late_each_get_their_own_answer() -> None:
    async def say(words: Words) -> bytes:
        if words[1].endswith(b"7"):
            await asyncio.sleep(0.03)
        return bulk(words[1])

    async with talking(say) as server:
        pool = pool_to(server, max_total=5, max_idle=5, min_idle=0)
        silent = 0

        async def one(number: int) -> None:
            nonlocal silent
            name = b"%d" % number
            try:
                assert await pool.ask([(b"GET", name)], within=0.02 if number % 10 == 7 else PATIENCE) == [name]
            except StoreSilent:
                silent += 1

        await asyncio.gather(*(one(number) for number in range(500)))
        assert silent == 50
        assert pool.in_use == 0
        await pool.close()


async def test_a_kept_connection_that_was_closed_meanwhile_is_replaced() -> None:
    async with talking(in_turn([bulk(b"one"), None, bulk(b"two")])) as server:
        pool = pool_to(server)
        assert await pool.ask([GET], within=PATIENCE) == [b"one"]
        assert await pool.ask([GET], within=PATIENCE) == [b"two"], "asked again on a fresh one"
        assert server.connections == 2
        await pool.close()


async def test_a_fresh_connection_that_closes_is_a_failure() -> None:
    async with talking(always(None)) as server:
        pool = pool_to(server)
        with pytest.raises(StoreUnavailable):
            await pool.ask([GET], within=PATIENCE)
        assert (pool.idle, pool.in_use) == (0, 0)


@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x00\xff\x00\xff\r\n",
        b"$x\r\n",
        b"*\r\n",
        b":x\r\n",
        b"#t\r\n",
        b",1.5\r\n",
        b"%1\r\n+a\r\n+b\r\n",
    ],
)
async def test_garbage_is_a_failure_and_its_connection_is_closed(garbage: bytes) -> None:
    async with talking(always(garbage)) as server:
        pool = pool_to(server)
        with pytest.raises(StoreUnavailable):
            await pool.ask([GET], within=0.5)
        assert (pool.idle, pool.in_use) == (0, 0)


async def test_nobody_listens() -> None:
    async with talking(always(b"+OK\r\n")) as server:
        pool = pool_to(server)
    with pytest.raises(StoreUnavailable, match="test: "):
        await pool.ask([GET], within=PATIENCE)


@pytest.mark.parametrize("code", ["LOADING", "MASTERDOWN", "CLUSTERDOWN", "BUSY", "NOAUTH"])
async def test_a_server_that_serves_nobody_is_unavailable(code: str) -> None:
    async with talking(always(f"-{code} it says\r\n".encode())) as server:
        pool = pool_to(server)
        with pytest.raises(StoreUnavailable, match="it says"):
            await pool.ask([GET], within=PATIENCE)
        await pool.close()


@pytest.mark.parametrize("code", ["MOVED", "ASK", "TRYAGAIN"])
async def test_a_key_that_another_node_serves_says_nothing_of_the_other_keys(code: str) -> None:
    async with talking(always(f"-{code} 1 127.0.0.1:1\r\n".encode())) as server:
        pool = pool_to(server)
        assert await pool.ask([GET], within=PATIENCE) == [Refusal(code, f"{code} 1 127.0.0.1:1")]
        await pool.close()


async def test_never_more_connections_than_the_limit_and_the_waiting_come_in_turn() -> None:
    seen = 0
    now = 0

    async def say(words: Words) -> bytes:
        nonlocal seen, now
        now += 1
        seen = max(seen, now)
        await asyncio.sleep(0.002)
        now -= 1
        return bulk(words[1])

    async with talking(say) as server:
        pool = pool_to(server, max_total=3, max_idle=2, min_idle=0)
        names = [b"%d" % number for number in range(60)]
        answers = await asyncio.gather(*(pool.ask([(b"GET", name)], within=PATIENCE) for name in names))
        assert answers == [[name] for name in names]
        assert seen == 3
        assert pool.idle <= 2, "more are not kept"
        await pool.close()


async def test_nobody_overtakes_those_who_wait() -> None:
    async with talking(always(b"+OK\r\n")) as server:
        pool = pool_to(server, max_total=1, max_idle=1, min_idle=0)
        asked = [0, 0, 0]

        async def ask_again_and_again(who: int) -> None:
            for _ in range(50):
                await pool.ask([GET], within=PATIENCE)
                asked[who] += 1
                assert max(asked) - min(asked) <= 1, "who has just been served stands at the end"

        await asyncio.gather(*(ask_again_and_again(who) for who in range(3)))
        await pool.close()


async def test_who_leaves_while_waiting_takes_no_turn_away() -> None:
    async with talking(always(b"+OK\r\n")) as server, asyncio.TaskGroup() as group:
        pool = pool_to(server, max_total=1, max_idle=1, min_idle=0)
        asking = [group.create_task(pool.ask([GET], within=PATIENCE)) for _ in range(20)]
        for number, each in enumerate(asking):
            if number % 3:
                await asyncio.sleep(0)
                each.cancel()
        done = await asyncio.gather(*asking, return_exceptions=True)

        assert [type(each) for each in done[::3]] == [list] * 7
        assert await pool.ask([GET], within=PATIENCE) == [b"OK"]
        assert (pool.in_use, pool.idle) == (0, 1)
        await pool.close()


async def test_waiting_for_a_connection_is_within_the_deadline() -> None:
    never = asyncio.Event()

    async def say(_words: Words) -> bytes | None:
        await never.wait()
        return None

    async with talking(say) as server:
        pool = pool_to(server, max_total=1, max_idle=1, min_idle=0)
        results = await asyncio.gather(*(pool.ask([GET], within=0.05) for _ in range(5)), return_exceptions=True)
        assert [type(result) for result in results] == [StoreSilent] * 5
        assert pool.in_use == 0
        never.set()


async def test_as_many_as_are_wanted_are_kept_ready() -> None:
    async with talking(always(b"+OK\r\n")) as server:
        pool = pool_to(server, max_total=9, max_idle=9, min_idle=4)
        await pool.fill(within=PATIENCE)
        assert (pool.idle, server.connections) == (4, 4)
        await pool.fill(within=PATIENCE)
        assert server.connections == 4
        await pool.close()
        assert pool.idle == 0


def test_commands_are_written_as_the_protocol_says() -> None:
    assert packed([(b"SET", b"a", "ä".encode())]) == b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\n\xc3\xa4\r\n"

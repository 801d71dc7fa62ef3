"""Who has a key, as servers tell it; what they tell is not trusted. Real Sentinels and Clusters: memory/distributed."""

import pytest

from tests.drivers.valkey.talking import Words, always, bulk, talking
from warren.drivers.valkey.replies import Refusal, Reply
from warren.drivers.valkey.topology import SLOTS, Cluster, OneServer, address_of, owners_of, servers, shown
from warren.errors import StoreUnavailable
from warren.settings.stores.valkey import ValkeyConfiguration

ASKED = ("10.0.0.1", 7000)
PATIENCE = 5.0


def node(host: bytes, port: int) -> list[Reply]:
    return [host, port, b"id", []]


@pytest.mark.parametrize(
    ("reply", "address"),
    [
        ([b"10.0.0.2", b"6379"], ("10.0.0.2", 6379)),
        ([b"10.0.0.2", 6379, b"id"], ("10.0.0.2", 6379)),
        ([b"", 6379], ("10.0.0.1", 6379)),  # "where you have asked"
        ([b"::1", 6379], ("::1", 6379)),
    ],
)
def test_an_address_is_read(reply: Reply, address: tuple[str, int]) -> None:
    assert address_of(reply, asked=ASKED) == address


@pytest.mark.parametrize(
    "reply", [None, 7, b"x", [], [b"h"], [b"h", b"x"], [b"h", 0], [b"h", 65536], [7, 7], [b"\xff", 7], [b"h" * 300, 7]]
)
def test_what_is_no_address_is_refused(reply: Reply) -> None:
    with pytest.raises(ValueError):
        address_of(reply, asked=ASKED)


def test_each_slot_has_its_primary() -> None:
    owners = owners_of([[0, 99, node(b"a", 1), node(b"replica", 9)], [100, SLOTS - 1, node(b"b", 2)]], asked=ASKED)
    assert (owners[0], owners[99], owners[100], owners[-1]) == (("a", 1), ("a", 1), ("b", 2), ("b", 2))


def test_slots_that_nobody_serves_have_no_owner() -> None:
    assert owners_of([[5, 5, node(b"a", 1)]], asked=ASKED).count(None) == SLOTS - 1


@pytest.mark.parametrize(
    "reply",
    [
        None,
        [],
        7,
        Refusal("ERR", "ERR This instance has cluster support disabled"),
        [[0, SLOTS, node(b"a", 1)]],
        [[9, 5, node(b"a", 1)]],
        [[-1, 5, node(b"a", 1)]],
        [[0, 5]],
        [[0, 5, [b"a", b"x"]]],
        [b"garbage"],
    ],
)
def test_an_answer_that_cannot_be_read_is_refused(reply: Reply) -> None:
    with pytest.raises(ValueError):
        owners_of(reply, asked=ASKED)


def test_names_are_addresses() -> None:
    assert (shown(("a", 1)), shown(("::1", 2))) == ("a:1", "[::1]:2")


async def test_a_cluster_says_that_it_does_not_know_yet() -> None:
    cluster = servers(ValkeyConfiguration.model_validate({"cluster": {"nodes": ["127.0.0.1:1"]}}).server)
    assert isinstance(cluster, Cluster)
    with pytest.raises(StoreUnavailable, match="not been asked yet"):
        cluster.of(b"key")
    assert not await cluster.refresh()
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1"):
        cluster.of(b"key")


async def test_a_primary_that_became_a_replica_is_asked_for_anew() -> None:
    """The Sentinel names the same server again, in this test; what counts is that it was asked."""
    readonly = b"-READONLY You can't write against a read only replica.\r\n"
    async with talking(always(readonly)) as former:

        async def say(words: Words) -> bytes:
            assert words == (b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", b"main")
            return b"*2\r\n" + bulk(b"127.0.0.1") + bulk(b"%d" % former.port)

        async with talking(say) as sentinel:
            settings = {"sentinel": {"master": "main", "nodes": [f"127.0.0.1:{sentinel.port}"]}}
            there = servers(ValkeyConfiguration.model_validate(settings).server)
            assert isinstance(there, OneServer)
            for _ in range(2):
                with pytest.raises(StoreUnavailable, match="READONLY"):
                    await there.of(b"key").ask([(b"SET", b"key", b"x")], within=PATIENCE)
            assert len(sentinel.heard) == 2
            assert former.connections == 2
            await there.close()


@pytest.mark.parametrize("said", [b"*-1\r\n", b"*1\r\n$1\r\nx\r\n", b"-ERR no\r\n", None])
async def test_a_sentinel_that_names_nobody_is_no_end_of_the_search(said: bytes | None) -> None:
    async with talking(always(b"+PONG\r\n")) as server:

        async def names(_words: Words) -> bytes:
            return b"*2\r\n" + bulk(b"127.0.0.1") + bulk(b"%d" % server.port)

        async with talking(always(said)) as useless, talking(names) as useful:
            nodes = [f"127.0.0.1:{useless.port}", f"127.0.0.1:{useful.port}"]
            there = servers(ValkeyConfiguration.model_validate({"sentinel": {"master": "main", "nodes": nodes}}).server)
            assert await there.of(b"key").ask([(b"PING",)], within=PATIENCE) == [b"PONG"]
            await there.close()

import pytest

from warren.memory.distributed.keys import LONGEST_VALUE, Keys, text_of
from warren.model import ClusterUrl, CoordinatorId, GroupName, Placement, QueryId

ID = QueryId("20260416_160256_03078_6b4yt")
PLACED = Placement(ID, ClusterUrl("http://blue:8080/x"), GroupName("ad hoc"), "https://blue")


def keys(*, ttl: int = 1800, cluster: bool = False, prefix: str = "trino:query") -> Keys:
    return Keys(prefix, ttl, cluster)


def test_the_three_keys_are_those_of_the_request() -> None:
    assert [command[:3] for command in keys().keep(PLACED)] == [
        (b"SET", b"trino:query:backend:" + ID.encode(), b"http://blue:8080/x"),
        (b"SET", b"trino:query:routinggroup:" + ID.encode(), b"ad hoc"),
        (b"SET", b"trino:query:externalurl:" + ID.encode(), b"https://blue"),
    ]


def test_all_have_the_time_to_live_or_none() -> None:
    assert [command[3:] for command in keys().keep(PLACED)] == [(b"EX", b"1800")] * 3
    assert [command[3:] for command in keys(ttl=0).keep(PLACED)] == [()] * 3


def test_in_a_cluster_the_id_stands_in_braces() -> None:
    assert keys(cluster=True).backend(ID) == f"trino:query:backend:{{{ID}}}".encode()
    assert b"{" not in keys().backend(ID)


def test_the_prefix_is_the_one_that_is_set() -> None:
    everything = [*keys(prefix="a/b").keep(PLACED), *keys(prefix="a/b").find(ID), *keys(prefix="a/b").renew(ID)]
    assert {command[1].partition(b":")[0] for command in everything} == {b"a/b"}


def test_a_coordinator_has_a_key_of_its_own() -> None:
    name, key, value, *_ = keys().learn(CoordinatorId("6b4yt"), ClusterUrl("http://blue"))
    assert (name, key, value) == (b"SET", b"trino:query:coordinator:6b4yt", b"http://blue")
    assert keys().find_coordinator("6b4yt")[1] == key


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"http://blue", "http://blue"),
        (b"", None),
        (None, None),
        (7, None),
        ([b"http://blue"], None),
        (b"\xff\xfe", None),
        (b"x" * LONGEST_VALUE, "x" * LONGEST_VALUE),
        (b"x" * (LONGEST_VALUE + 1), None),
    ],
)
def test_what_no_gateway_has_written_is_no_value(value: object, text: str | None) -> None:
    assert text_of(value) == text


def test_no_more_of_a_value_is_asked_for_than_can_be_used() -> None:
    assert {command[2:] for command in keys().find(ID)} == {(b"0", b"%d" % LONGEST_VALUE)}

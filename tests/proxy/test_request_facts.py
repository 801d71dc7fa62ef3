"""What rules are told of a request's head."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from tests.proxy.exchanges import FakeClient, FakeExchange
from warren.facts import facts_of_head
from warren.proxy.request_facts import local_now, request_facts, texts
from warren.wire.exchange import Exchange
from warren.wire.syntax.forwarded import Peer
from warren.wire.syntax.heads import read_request_fields


def asked(target: str, block: str, *, method: str = "POST", scheme: bytes = b"http") -> Exchange:
    exchange = FakeExchange(method, target)
    exchange.fields = read_request_fields(f"{block}\r\n\r\n".encode(), http_1_0=False, max_fields=20)
    made = cast(Any, exchange)
    made.client = FakeClient(Peer(b"198.51.100.7", scheme))
    return exchange.as_exchange()


def test_the_head_is_told_as_text() -> None:
    block = "Host: Gateway.example:8443\r\nX-Trino-Source: zoë\r\nX-Trino-Client-Tags: a\r\nx-trino-client-tags: b"
    facts = request_facts(asked("/v1/statement/%41?a=1&b=%20?", block, scheme=b"https"))
    assert (facts.method, facts.path, facts.query) == ("POST", "/v1/statement/%41", "a=1&b=%20?")
    assert facts.headers == {
        "host": ("Gateway.example:8443",),
        "x-trino-source": ("zoë",),
        "x-trino-client-tags": ("a", "b"),
    }
    assert facts.header("X-TRINO-Source") == "zoë"
    assert facts.header("X-Trino-Client-Tags") == "a"
    assert facts.header("X-Absent") is None
    assert (facts.scheme, facts.host, facts.port) == ("https", "gateway.example", 8443)
    assert facts.remote_address == "192.0.2.1"  # as far as it is believed, not that of the peer


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [("/a", "/a", None), ("/a?", "/a", ""), ("/a?b?c", "/a", "b?c"), ("/\xe9?\xe9", "/Ã©", "Ã©")],
)
def test_path_and_query_are_as_they_came(target: str, path: str, query: str | None) -> None:
    facts = request_facts(asked(target, "Host: x"))
    assert (facts.path, facts.query) == (path, query)


@pytest.mark.parametrize(
    ("host", "scheme", "found"),
    [
        ("gateway", "http", ("gateway", 80)),
        ("gateway", "https", ("gateway", 443)),
        ("gateway:8080", "https", ("gateway", 8080)),
        ("[2001:db8::1]:8080", "http", ("2001:db8::1", 8080)),
        ("[2001:db8::1]", "http", ("2001:db8::1", 80)),
        ("gateway:", "http", ("gateway", 80)),
        ("gateway:eighty", "http", ("", 80)),
        ("gateway:99999", "http", ("", 80)),
        ("[broken", "http", ("", 80)),
        ("", "http", ("", 80)),
    ],
)
def test_the_host_that_the_client_calls_us_by(host: str, scheme: str, found: tuple[str, int]) -> None:
    facts = facts_of_head(
        method="GET", path="/", query=None, headers={"host": (host,)}, remote_address="", scheme=scheme
    )
    assert (facts.host, facts.port) == found


def test_a_request_without_a_host_has_none() -> None:
    facts = facts_of_head(method="GET", path="/", query=None, headers={}, remote_address="", scheme="http")
    assert (facts.host, facts.port) == ("", 80)


def test_what_is_no_utf_8_is_replaced() -> None:
    assert texts({b"x-a": [b"a\xffb", "é".encode()], b"x-\xe9": [b""]}) == {"x-a": ("a\ufffdb", "é"), "x-\ufffd": ("",)}


def test_the_moment_knows_its_zone() -> None:
    now = local_now(1_800_000_000.5)
    assert now.tzinfo is not None
    assert now == datetime(2027, 1, 15, 8, 0, 0, 500_000, UTC)

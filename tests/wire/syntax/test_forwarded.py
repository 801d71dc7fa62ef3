from ipaddress import ip_network

import pytest

from warren.wire.syntax.forwarded import (
    Believe,
    Destination,
    Forwarding,
    Peer,
    Rewrite,
    answer_block,
    check_forwarded,
    client_address,
    forwarded_fields,
    plain_address,
    request_block,
)
from warren.wire.syntax.heads import Malformed, RequestFields, read_answer_head, read_request_fields

PEER = Peer(b"192.0.2.7", b"http")
CLUSTER = Destination(host=b"trino:8080")
TRUSTED = (ip_network("192.0.2.0/24"), ip_network("10.0.0.0/8"))


def fields(*lines: bytes, host: bytes = b"gw.example:8443") -> RequestFields:
    return read_request_fields(b"".join(line + b"\r\n" for line in (b"Host: " + host, *lines)) + b"\r\n")


def forwarding(believe: Believe = Believe.SHAPE, *, enabled: bool = True) -> Forwarding:
    return Forwarding(pseudonym=b"warren-1", believe=believe, trusted=TRUSTED, enabled=enabled)


def sent(
    request: RequestFields, rules: Forwarding, to: Destination = CLUSTER, *, identity: bool = False
) -> list[bytes]:
    return request_block(request, PEER, rules, to, Rewrite(identity=identity)).split(b"\r\n")


@pytest.mark.parametrize(
    ("lines", "host", "proto", "name", "port"),
    [
        ((), b"gw.example:8443", b"http", b"gw.example:8443", b"8443"),
        ((), b"gw.example", b"http", b"gw.example", b"80"),
        ((b"X-Forwarded-Proto: https",), b"gw.example", b"https", b"gw.example", b"443"),
        ((b"X-Forwarded-Proto: https, http",), b"gw.example", b"https", b"gw.example", b"443"),
        ((b"X-Forwarded-Proto: ftp",), b"gw.example", b"http", b"gw.example", b"80"),
        (
            (b"X-Forwarded-Host: lb.example", b"X-Forwarded-Proto: https"),
            b"inner:8080",
            b"https",
            b"lb.example",
            b"443",
        ),
        ((b"X-Forwarded-Host: lb.example:9443",), b"inner:8080", b"http", b"lb.example:9443", b"9443"),
        ((b"X-Forwarded-Host: lb.example", b"X-Forwarded-Port: 9443"), b"inner", b"http", b"lb.example:9443", b"9443"),
        ((b"X-Forwarded-Host: lb.example:1", b"X-Forwarded-Port: 2"), b"inner", b"http", b"lb.example:1", b"1"),
        ((b"X-Forwarded-Port: 99999",), b"gw.example", b"http", b"gw.example", b"80"),
        ((b"X-Forwarded-Host: bad host/",), b"gw.example", b"http", b"gw.example", b"80"),
        ((), b"[::1]:8443", b"http", b"[::1]:8443", b"8443"),
    ],
)
def test_what_a_client_says_of_itself_shapes_its_urls(
    lines: tuple[bytes, ...], host: bytes, proto: bytes, name: bytes, port: bytes
) -> None:
    told = dict(forwarded_fields(fields(*lines, host=host), PEER, forwarding()))
    assert told == {
        b"X-Forwarded-For": b"192.0.2.7",
        b"X-Forwarded-Proto": proto,
        b"X-Forwarded-Host": name,
        b"X-Forwarded-Port": port,
    }


@pytest.mark.parametrize(
    ("believe", "chain", "proto"),
    [
        (Believe.SHAPE, b"203.0.113.9, 192.0.2.7", b"https"),
        (Believe.ALL, b"203.0.113.9, 192.0.2.7", b"https"),
        (Believe.NOTHING, b"192.0.2.7", b"http"),
    ],
)
def test_for_is_appended_to_unless_everything_is_dropped(believe: Believe, chain: bytes, proto: bytes) -> None:
    request = fields(b"X-Forwarded-For: 203.0.113.9", b"X-Forwarded-Proto: https")
    told = dict(forwarded_fields(request, PEER, forwarding(believe)))
    assert (told[b"X-Forwarded-For"], told[b"X-Forwarded-Proto"]) == (chain, proto)


@pytest.mark.parametrize(
    ("believe", "chain", "address"),
    [
        (Believe.SHAPE, b"203.0.113.9", b"192.0.2.7"),
        (Believe.ALL, b"203.0.113.9", b"203.0.113.9"),
        (Believe.ALL, b"203.0.113.9, 10.1.1.1", b"203.0.113.9"),
        (Believe.ALL, b"198.51.100.1, 203.0.113.9", b"203.0.113.9"),
        (Believe.ALL, b"203.0.113.9, nonsense", b"192.0.2.7"),
        (Believe.ALL, b"", b"192.0.2.7"),
        (Believe.ALL, b"203.0.113.9, ::ffff:10.1.1.1", b"203.0.113.9"),
        (Believe.ALL, b"::ffff:203.0.113.9", b"203.0.113.9"),
        (Believe.ALL, b"2001:db8::9, ::ffff:a01:101", b"2001:db8::9"),
    ],
)
def test_whose_request_it_is(believe: Believe, chain: bytes, address: bytes) -> None:
    """The nearest address that is not a trusted proxy: what stands before it was written by a stranger."""
    assert client_address(fields(b"X-Forwarded-For: " + chain), PEER, forwarding(believe)) == address


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        (b"10.0.0.1", b"10.0.0.1"),
        (b"::ffff:10.0.0.1", b"10.0.0.1"),
        (b"::FFFF:a00:1", b"10.0.0.1"),
        (b"fd00::1", b"fd00::1"),
        (b"fe80::1%eth0", b"fe80::1%eth0"),
        (b"unix", b"unix"),
        (b"\xff", b"\xff"),
    ],
)
def test_an_ipv4_address_has_one_form(address: bytes, plain: bytes) -> None:
    assert plain_address(address) == plain


def test_a_proxy_that_is_not_trusted_is_not_believed() -> None:
    stranger = Peer(b"203.0.113.1", b"http")
    request = fields(b"X-Forwarded-For: 10.0.0.1", b"X-Forwarded-Proto: https")
    assert client_address(request, stranger, forwarding(Believe.ALL)) == b"203.0.113.1"
    assert dict(forwarded_fields(request, stranger, forwarding(Believe.ALL)))[b"X-Forwarded-Proto"] == b"http"


def test_fields_of_this_hop_end_here_and_the_others_go_on() -> None:
    lines = sent(
        fields(
            b"Connection: X-Custom, X-Forwarded-For, Authorization",
            b"X-Custom: 1",
            b"Keep-Alive: 5",
            b"TE: trailers",
            b"Upgrade: h2c",
            b"HTTP2-Settings: x",
            b"Authorization: Basic eA==",
            b"X-Trino-Session: a=b",
            b"X-Trino-Session: c=d",
            b"Forwarded: for=1.2.3.4",
            b"X-Forwarded-Prefix: /pfx",
            b"X-Warren-Client-Address: 127.0.0.1",
        ),
        forwarding(),
    )
    assert lines == [
        b"Host: trino:8080",
        b"Authorization: Basic eA==",
        b"X-Trino-Session: a=b",
        b"X-Trino-Session: c=d",
        b"X-Forwarded-For: 192.0.2.7",
        b"X-Forwarded-Proto: http",
        b"X-Forwarded-Host: gw.example:8443",
        b"X-Forwarded-Port: 8443",
        b"Via: 1.1 warren-1",
        b"",
        b"",
    ]


def test_without_forwarded_headers_only_via_is_added() -> None:
    assert sent(fields(), forwarding(enabled=False)) == [b"Host: trino:8080", b"Via: 1.1 warren-1", b"", b""]


def test_own_endpoints_are_told_who_asks() -> None:
    lines = sent(fields(), forwarding(), Destination(host=b"warren", own=True))
    assert b"X-Warren-Client-Address: 192.0.2.7" in lines
    assert b"X-Forwarded-Host: gw.example:8443" in lines


def test_a_statement_asks_for_an_answer_that_can_be_read() -> None:
    request = fields(b"Accept-Encoding: gzip", b"Content-Length: 8")
    assert b"Accept-Encoding: gzip" in sent(request, forwarding())
    lines = sent(request, forwarding(), identity=True)
    assert [line for line in lines if line.lower().startswith(b"accept-encoding")] == [b"Accept-Encoding: identity"]
    assert b"Content-Length: 8" in lines


def test_a_request_that_has_been_here_is_refused() -> None:
    with pytest.raises(Malformed) as refused:
        check_forwarded(fields(b"Via: 1.1 other, 1.1 warren-1 (Warren)"), forwarding())
    assert refused.value.status == 508
    check_forwarded(fields(b"Via: 1.1 warren-2, HTTP/1.1 TrinoGateway"), forwarding())


@pytest.mark.parametrize("line", [b"X-Forwarded-For: 1.2.3.4", b"x-forwarded-proto: http", b"Forwarded: for=x"])
def test_forwarded_fields_can_be_refused(line: bytes) -> None:
    with pytest.raises(Malformed) as refused:
        check_forwarded(fields(line), forwarding(Believe.REFUSED))
    assert refused.value.status == 406
    check_forwarded(fields(), forwarding(Believe.REFUSED))


def test_an_answer_keeps_what_is_meant_for_the_client() -> None:
    head = read_answer_head(
        b"HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 1\r\nSet-Cookie: a=b\r\n"
        b"Set-Cookie: c=d\r\nContent-Length: 2\r\n\r\n",
        method=b"GET",
    )
    assert answer_block(head, chunked=False, close=True, extra=(b"X-More: 1",)) == (
        b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nContent-Length: 2\r\nX-More: 1\r\n"
        b"Connection: close\r\n\r\n"
    )

"""What is sent on of a head: hop-by-hop fields end here, forwarded fields and `Via` are set. Pure."""

import re
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from warren.wire.syntax.heads import AnswerHead, Malformed, Pair, RequestFields

Network = IPv4Network | IPv6Network

HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"http2-settings",
    }
)
_SET_HERE: Final = HOP_BY_HOP | {
    b"host",
    b"content-length",
    b"expect",
    b"via",
    b"forwarded",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-forwarded-port",
    b"x-forwarded-prefix",
    b"x-forwarded-context",
    b"x-forwarded-server",
    b"x-warren-client-address",
    b"x-warren-scheme",
}
_SET_HERE_OF_STATEMENTS: Final = _SET_HERE | {b"accept-encoding"}
_NEVER_NAMED: Final = frozenset(
    {b"close", b"keep-alive", b"content-length", b"content-type", b"authorization", b"accept-encoding", b"cookie"}
)
"""What `Connection` may list without effect: removing these would change what the request means."""

_CLAIMS: Final = frozenset({b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-port"})
"""What a client may say of those before it."""
_FORWARDED_HOST: Final = re.compile(rb"((?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]))(?::([0-9]{1,5}))?")


class Believe(Enum):
    """What a client's own X-Forwarded-* fields are worth (`http-server.process-forwarded`)."""

    SHAPE = "absent"
    """Proto, Host and Port shape the URLs in that client's own answers; For is passed on, never believed."""
    NOTHING = "ignore"
    """Dropped."""
    REFUSED = "false"
    """Answered 406, as upstream does."""
    ALL = "true"
    """Believed when the peer is a trusted proxy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarding:
    """The rules of one instance for what it adds to requests."""

    pseudonym: bytes
    """Our name in `Via`; seen in a request it means a loop."""
    believe: Believe = Believe.SHAPE
    trusted: tuple[Network, ...] = ()
    """Peers whose fields are believed with Believe.ALL."""
    enabled: bool = True
    """False: no X-Forwarded-* is sent (`routing.forwardedHeadersEnabled`)."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a client's connection."""

    address: bytes
    scheme: bytes
    """`http` or `https`: how the client reached us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """What of a request's head depends on where it goes."""

    host: bytes
    """The Host field: the authority of the cluster's URL."""
    own: bool = False
    """Our own endpoints: they are told who the client is, in fields trusted on their socket only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """What is changed in the fields of a request besides what must be."""

    identity: bool = False
    """An answer without a content coding is asked for: its front must be read for the query id."""
    put: tuple[Pair, ...] = ()
    """Fields to set."""


AS_IT_IS: Final = Rewrite()


def is_looping(fields: RequestFields, forwarding: Forwarding) -> bool:
    """True when this request has been here before."""
    return any(name.lower() == b"via" and _names(value, forwarding.pseudonym) for name, value in fields.pairs)


def has_forwarded(fields: RequestFields) -> bool:
    return any(name.lower().startswith(b"x-forwarded-") or name.lower() == b"forwarded" for name, _ in fields.pairs)


def check_forwarded(fields: RequestFields, forwarding: Forwarding) -> None:
    """Raises Malformed: 508 for a request that has been here before, 406 for forwarded fields where they are refused."""
    if is_looping(fields, forwarding):
        raise Malformed("this request has passed this gateway before: a cluster's proxyTo leads back to it", 508)
    if forwarding.believe is Believe.REFUSED and has_forwarded(fields):
        raise Malformed("forwarded headers are refused here: http-server.process-forwarded is false", 406)


def plain_address(address: bytes) -> bytes:
    """An IPv4 client of a socket for both families is `::ffff:a.b.c.d` there: the same client, and the same trust."""
    parsed = _parsed(address)
    return str(parsed).encode("ascii") if isinstance(parsed, IPv4Address) else address


def client_address(fields: RequestFields, peer: Peer, forwarding: Forwarding) -> bytes:
    """Whose request it is: the peer, or, when that is a trusted proxy, the nearest address that is not."""
    if not _is_believed(peer, forwarding):
        return peer.address
    chain = [part.strip(b" \t") for value in _values(fields, b"x-forwarded-for") for part in value.split(b",")]
    nearest = peer.address
    for address in map(plain_address, reversed(chain)):
        if _parsed(address) is None:
            break
        nearest = address
        if not _is_trusted(address, forwarding):
            break
    return nearest


def request_block(
    fields: RequestFields, peer: Peer, forwarding: Forwarding, to: Destination, rewrite: Rewrite = AS_IT_IS
) -> bytes:
    """The field block that is sent on, with its empty line.

    Fields that `rewrite` puts take the place of the client's; those that are set here anyway, and those that end at this
    hop, are not among them.
    """
    put, identity = rewrite.put, rewrite.identity
    dropped = _SET_HERE_OF_STATEMENTS if identity else _SET_HERE
    if fields.hop_by_hop:
        dropped |= fields.hop_by_hop - _NEVER_NAMED
    if put:
        put = tuple((name, value) for name, value in put if name.lower() not in dropped)
        dropped |= {name.lower() for name, _ in put}
    lines = [b"Host: %b\r\n" % to.host]
    lines += [b"%b: %b\r\n" % pair for pair in fields.pairs if pair[0].lower() not in dropped]
    lines += [b"%b: %b\r\n" % pair for pair in put]
    if identity:
        lines.append(b"Accept-Encoding: identity\r\n")
    if to.own:
        lines.append(b"X-Warren-Client-Address: %b\r\n" % client_address(fields, peer, forwarding))
    if to.own or forwarding.enabled:
        lines.extend(b"%b: %b\r\n" % pair for pair in forwarded_fields(fields, peer, forwarding))
    via = [*_values(fields, b"via"), b"1.1 " + forwarding.pseudonym]
    lines.append(b"Via: %b\r\n" % b", ".join(via))
    if fields.framing.chunked:
        lines.append(b"Transfer-Encoding: chunked\r\n")
    elif fields.framing.length or fields.first(b"content-length") is not None:
        lines.append(b"Content-Length: %d\r\n" % fields.framing.length)
    lines.append(b"\r\n")
    return b"".join(lines)


def forwarded_fields(fields: RequestFields, peer: Peer, forwarding: Forwarding) -> list[Pair]:
    """X-Forwarded-For is appended to; Host, Proto and Port are set, one value each."""
    if _CLAIMS.isdisjoint(fields.named):
        return _without_claims(fields, peer)
    scheme = _scheme(fields, peer, forwarding)
    chain = [*_values(fields, b"x-forwarded-for"), peer.address] if _shapes(peer, forwarding) else [peer.address]
    pairs = [(b"X-Forwarded-For", b", ".join(chain)), (b"X-Forwarded-Proto", scheme)]
    host = _host(fields, peer, forwarding)
    if host is not None:
        port = host[1] or _claimed_port(fields, peer, forwarding) or (b"443" if scheme == b"https" else b"80")
        pairs.append((b"X-Forwarded-Host", host[0] + (b":" + port if _must_name(port, scheme) else b"")))
        pairs.append((b"X-Forwarded-Port", port))
    return pairs


def _without_claims(fields: RequestFields, peer: Peer) -> list[Pair]:
    """The same for a client that says nothing of the kind, as most do."""
    pairs = [(b"X-Forwarded-For", peer.address), (b"X-Forwarded-Proto", peer.scheme)]
    host = _authority(fields.host)
    if host is not None:
        usual = b"443" if peer.scheme == b"https" else b"80"
        port = host[1] or usual
        pairs.append((b"X-Forwarded-Host", host[0] if port == usual else host[0] + b":" + port))
        pairs.append((b"X-Forwarded-Port", port))
    return pairs


def answer_block(head: AnswerHead, *, chunked: bool, close: bool, extra: tuple[bytes, ...] = ()) -> bytes:
    """The head of an answer as the client gets it. `extra` are whole field lines without their line ends."""
    dropped = HOP_BY_HOP | (head.hop_by_hop - _NEVER_NAMED)
    if head.status < 200 or head.status == 204:
        dropped |= {b"content-length"}  # RFC 9110, 8.6: these have none, and some clients wait for as much
    lines = [head.status_line]
    lines.extend(b"%b: %b" % pair for pair in head.pairs if pair[0].lower() not in dropped)
    lines.extend(extra)
    if chunked:
        lines.append(b"Transfer-Encoding: chunked")
    if close:
        lines.append(b"Connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _names(via: bytes, pseudonym: bytes) -> bool:
    return any(hop.split()[1:2] == [pseudonym] for hop in via.split(b","))


def _values(fields: RequestFields, name: bytes) -> list[bytes]:
    return [value for value in fields.named.get(name, ()) if value]


def _parsed(address: bytes) -> IPv4Address | IPv6Address | None:
    """None when it is no address."""
    try:
        parsed = ip_address(address.decode("ascii"))
    except ValueError:
        return None
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, IPv6Address) else parsed


def _is_trusted(address: bytes, forwarding: Forwarding) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in forwarding.trusted)


def _is_believed(peer: Peer, forwarding: Forwarding) -> bool:
    return forwarding.believe is Believe.ALL and _is_trusted(peer.address, forwarding)


def _shapes(peer: Peer, forwarding: Forwarding) -> bool:
    return forwarding.believe is Believe.SHAPE or _is_believed(peer, forwarding)


def _claimed(fields: RequestFields, name: bytes, peer: Peer, forwarding: Forwarding) -> bytes | None:
    """The first value that a client claims; of a list the first counts, as Trino reads it."""
    if not _shapes(peer, forwarding):
        return None
    values = _values(fields, name)
    return values[0].split(b",")[0].strip(b" \t") if values else None


def _scheme(fields: RequestFields, peer: Peer, forwarding: Forwarding) -> bytes:
    claimed = (_claimed(fields, b"x-forwarded-proto", peer, forwarding) or b"").lower()
    return claimed if claimed in (b"http", b"https") else peer.scheme


def _claimed_port(fields: RequestFields, peer: Peer, forwarding: Forwarding) -> bytes | None:
    claimed = _claimed(fields, b"x-forwarded-port", peer, forwarding)
    return claimed if claimed is not None and claimed.isdigit() and 0 < int(claimed[:6]) < 65536 else None


def _host(fields: RequestFields, peer: Peer, forwarding: Forwarding) -> tuple[bytes, bytes | None] | None:
    """Host name and port (None when not named): as claimed, else from the Host field."""
    return _authority(_claimed(fields, b"x-forwarded-host", peer, forwarding)) or _authority(fields.host)


def _authority(text: bytes | None) -> tuple[bytes, bytes | None] | None:
    if text is not None and (found := _FORWARDED_HOST.fullmatch(text)) and 0 < int(found[2] or b"1") < 65536:
        return found[1], found[2]
    return None


def _must_name(port: bytes, scheme: bytes) -> bool:
    return port != (b"443" if scheme == b"https" else b"80")

"""Reading heads of requests and answers (RFC 9112). Pure; what is ambiguous is refused.

The common shapes are checked and measured by one regular expression each; httptools judges everything else.
Whatever an expression accepts, httptools and h11 accept too, with the same fields and the same framing: fuzzed in
tests/wire/syntax/test_heads_fuzz.py.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import httptools

Pair = tuple[bytes, bytes]

MAX_HEAD: Final = 64 * 1024
"""Bytes of a head, both ways, unless a setting says otherwise. Prepared statements ride in headers."""

MAX_FIELDS: Final = 200
"""Fields in a head, both ways, unless a setting says otherwise."""

ALLOW: Final = "DELETE, GET, HEAD, POST, PUT"
"""The methods that are carried, for people and for `Allow`."""

TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]"
VALUE: Final = rb"[\t\x20-\x7e\x80-\xff]"

REQUEST_LINE: Final = re.compile(rb"(GET|POST|PUT|DELETE|HEAD) (/[\x21-\x7e]*+) HTTP/1\.([01])\r\n")
"""A request line as every parser reads it: a method that is carried, a path, and the version."""

FIELD_BLOCK: Final = re.compile(rb"(?:" + TOKEN + rb"++:" + VALUE + rb"*+\r\n)*+\r\n")

# First letters of names that can change framing or end at this hop are kept out: Connection, Content-Length, Keep-Alive,
# Proxy-*, TE, Trailer, Transfer-Encoding, Upgrade. A head with others of these letters takes the long way, and is as well served.
_HARMLESS: Final = (
    rb"(?:(?:[ABD-JL-OQRSV-Zabd-jl-oqrsv-z]"
    + TOKEN
    + rb"*+|Content-Type|Content-Encoding|Cache-Control|Content-Disposition):"
    + VALUE
    + rb"*+\r\n){0,60}+"
)
PLAIN_ANSWER: Final = re.compile(
    rb"HTTP/1\.1 (200|303|307|40[0-9]|410|50[0-4]) [\x20-\x7e]*+\r\n"
    + _HARMLESS
    + rb"Content-Length: ?([0-9]{1,15})\r\n"
    + _HARMLESS
    + rb"(Connection: keep-alive\r\n)?+"
    + _HARMLESS
    + rb"\r\n"
)
"""The head of an answer that may be passed on as it stands: a body of one known length, nothing that ends at this hop.

But for the third group: nginx says `Connection: keep-alive` in every answer; those bytes are cut out.
"""

_OTHER_METHOD: Final = re.compile(rb"(?!(?:GET|POST|PUT|DELETE|HEAD) )[A-Z-]{1,32} [\x21-\x7e]++ HTTP/1\.[01]\r\n")
_HTTP2_PREFACE: Final = b"PRI * HTTP/2.0\r\n"
_EMPTY_LINES: Final = re.compile(rb"(?:\r\n)*+")
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_LENGTH: Final = re.compile(rb"[0-9]{1,15}")


class Malformed(Exception):
    """A head that cannot be read, or could be read in two ways. `status` is what a client is told."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True, slots=True)
class Framing:
    """How long a body is: a length, chunked, or (answers only) until the connection closes."""

    length: int = 0
    chunked: bool = False
    until_close: bool = False


NO_BODY: Final = Framing()
CHUNKED: Final = Framing(chunked=True)
UNTIL_CLOSE: Final = Framing(until_close=True)


@dataclass(frozen=True, slots=True)
class RequestFields:
    """What follows from a client's field block alone; remembered per connection, for the block recurs with every poll."""

    pairs: tuple[Pair, ...]
    host: bytes | None
    framing: Framing
    close: bool
    """The client wants the connection closed after this answer."""
    expects_continue: bool
    hop_by_hop: frozenset[bytes]
    """Names, in lower case, that `Connection` lists: they end here."""
    named: Mapping[bytes, Sequence[bytes]]
    """The values by lower-case name, in their order: a dozen fields are asked for with each statement."""

    def first(self, name: bytes) -> bytes | None:
        """The first value of the field with this lower-case name."""
        values = self.named.get(name)
        return values[0] if values else None


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """The head of a cluster's answer."""

    status: int
    status_line: bytes
    """Without its line end."""
    pairs: tuple[Pair, ...]
    framing: Framing
    keep_alive: bool
    """The cluster's connection may carry another request after this answer."""
    hop_by_hop: frozenset[bytes] = field(default_factory=frozenset)

    def first(self, name: bytes) -> bytes | None:
        return next((value for key, value in self.pairs if key.lower() == name), None)


class _Collected:
    """httptools' callbacks: fields in order."""

    def __init__(self) -> None:
        self.pairs: list[Pair] = []
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.pairs.append((name, value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self.complete = True


def without_empty_lines(data: bytes) -> bytes:
    """What follows the empty lines before a request (RFC 9112, 2.2: they are ignored; some clients end a body with one)."""
    return _EMPTY_LINES.sub(b"", data, count=1)


def check_unfinished(data: bytes, max_head: int) -> None:
    """Whether `data`, which REQUEST_LINE or its missing end keeps from being a head, can still become one.

    Raises Malformed when it cannot.
    """
    end = data.find(b"\r\n\r\n") + 4
    if data.startswith(_HTTP2_PREFACE):
        raise Malformed("this gateway speaks HTTP/1.1, not HTTP/2: let the client use HTTP/1.1")
    if end > max_head or (end < 4 and len(data) > max_head):
        raise Malformed(f"the head of this request is larger than {max_head} bytes", 431)
    if end < 4 and b"\n" in data and b"\r\n" not in data:
        raise Malformed("the lines of a request's head must end with CR LF")
    if end >= 4 and _OTHER_METHOD.match(data):
        raise Malformed(f"the methods that are carried: {ALLOW}", 405)
    if end >= 4:
        raise Malformed("the first line of this request is not of the form METHOD /path HTTP/1.1")


def read_request_fields(block: bytes, *, http_1_0: bool = False, max_fields: int = MAX_FIELDS) -> RequestFields:
    """The fields of a request, from its field block (the lines after the request line, and the empty one).

    Raises Malformed (400, 431 for too many fields, 417 for an unknown expectation).
    """
    if not FIELD_BLOCK.fullmatch(block):
        raise Malformed("the header fields of this request are malformed")
    line = b"POST / HTTP/1.0\r\n" if http_1_0 else b"POST / HTTP/1.1\r\n"
    pairs = _collect(httptools.HttpRequestParser, line + block, max_fields)
    named = _by_name(pairs)
    hosts = named.get(b"host", [])
    if len(hosts) > 1 or (not hosts and not http_1_0):
        raise Malformed("a request needs exactly one Host field")
    if hosts and not _HOST.fullmatch(hosts[0]):
        raise Malformed("the Host field of this request is not a host name")
    expects = named.get(b"expect", [])
    if any(value.lower() != b"100-continue" for value in expects):
        raise Malformed("the only expectation that can be met is 100-continue", 417)
    options = _connection_options(named)
    framing = _framing(named)
    if framing.chunked and http_1_0:
        raise Malformed("an HTTP/1.0 request cannot be chunked")
    return RequestFields(
        pairs=tuple(pairs),
        host=hosts[0] if hosts else None,
        framing=framing,
        close=http_1_0 or b"close" in options,
        expects_continue=bool(expects) and not http_1_0,
        hop_by_hop=options,
        named=named,
    )


def read_answer_head(head: bytes, *, method: bytes, max_fields: int = MAX_FIELDS) -> AnswerHead:
    """The head of an answer to a request with this method, up to and with its empty line. Raises Malformed."""
    line, _, block = head.partition(b"\r\n")
    found = re.fullmatch(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?", line)
    if found is None or not FIELD_BLOCK.fullmatch(block):
        raise Malformed("the head of the answer is malformed")
    status, http_1_0 = int(found[2]), found[1] == b"0"
    pairs = _collect(httptools.HttpResponseParser, _as_if_without_upgrade(line, block), max_fields)
    named = _by_name(pairs)
    options = _connection_options(named)
    if status < 200 or status in (204, 304) or method == b"HEAD":
        framing = NO_BODY
        _framing(named)  # a contradiction is refused even where no body follows
    elif b"content-length" in named or b"transfer-encoding" in named:
        framing = _framing(named)
    else:
        framing = UNTIL_CLOSE
    if framing.chunked and http_1_0:
        raise Malformed("an HTTP/1.0 answer cannot be chunked")
    return AnswerHead(
        status=status,
        status_line=b"HTTP/1.1 %d %b" % (status, found[3] or b""),
        pairs=tuple(pairs),
        framing=framing,
        keep_alive=not http_1_0 and b"close" not in options and not framing.until_close,
        hop_by_hop=options,
    )


def _as_if_without_upgrade(line: bytes, block: bytes) -> bytes:
    # httptools leaves HTTP at a 101 or an `Upgrade` field; here nothing is ever upgraded, the fields are only read.
    return b"HTTP/1.1 200 OK\r\n" + block if line[9:10] == b"1" else line + b"\r\n" + block


def _collect(parser: type, head: bytes, max_fields: int) -> list[Pair]:
    collected = _Collected()
    try:
        parser(collected).feed_data(head)
    except httptools.HttpParserUpgrade:
        pass  # `Upgrade` is ignored and the message read as any other
    except httptools.HttpParserError as error:
        raise Malformed(f"the head is malformed: {error}") from error
    if not collected.complete:
        raise Malformed("the head is malformed")
    if len(collected.pairs) > max_fields:
        raise Malformed(f"the head has more than {max_fields} fields", 431)
    return collected.pairs


def _by_name(pairs: list[Pair]) -> dict[bytes, list[bytes]]:
    named: dict[bytes, list[bytes]] = {}
    for name, value in pairs:
        named.setdefault(name.lower(), []).append(value)
    return named


def _connection_options(named: dict[bytes, list[bytes]]) -> frozenset[bytes]:
    return frozenset(
        option.strip(b" \t").lower()
        for value in named.get(b"connection", [])
        for option in value.split(b",")
        if option.strip(b" \t")
    )


def _framing(named: dict[bytes, list[bytes]]) -> Framing:
    lengths, codings = named.get(b"content-length", []), named.get(b"transfer-encoding", [])
    if codings:
        if lengths:
            raise Malformed("Content-Length and Transfer-Encoding contradict each other")
        if len(codings) > 1 or codings[0].lower() != b"chunked":
            raise Malformed("the only transfer coding that can be read is chunked")
        return CHUNKED
    if not lengths:
        return NO_BODY
    if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
        raise Malformed("a message needs exactly one Content-Length, a decimal number")
    return Framing(length=int(lengths[0]))

"""Messages that are nearly right: built from what HTTP is made of, then damaged a little."""

from hypothesis import strategies as st

NAMES = st.sampled_from(
    [
        b"Host", b"host", b"Content-Length", b"content-length", b"Transfer-Encoding", b"Connection", b"Upgrade",
        b"Expect", b"TE", b"Trailer", b"Keep-Alive", b"HTTP2-Settings", b"Accept", b"X-A", b"x", b"X_b",
        b"Content-Type", b"Content-Encoding", b"Cache-Control", b"Content-Disposition", b"Date", b"Server",
        b"Set-Cookie", b"Via", b"!#$%&'*+-.^_`|~9", b"X A", b"X\0", b"", b" X", b"X\t", b"X\xe4", b"(x)", b"Proxy-A",
    ]
)  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(
        [
            b"", b"a", b"gw", b"gw:80", b"[::1]", b"0", b"3", b"03", b"+3", b"-3", b"0x3", b"3, 3", b"3 ", b"\t3",
            b"chunked", b"Chunked", b"xchunked", b"chunked, chunked", b"gzip, chunked", b"chunked;a=b", b"identity",
            b"close", b"keep-alive", b"Keep-Alive, X-A", b"upgrade", b"Upgrade, HTTP2-Settings", b"h2c", b"websocket",
            b"100-continue", b"100-Continue", b"200-ok", b"\x00", b"a\x01b", b"a\x7fb", b"\xe4", b"a\rb", b"a\nb",
            b"a\r\n b", b'"x"', b"a\tb", b"\x0b", b"\x0ca", b"a\x0c", b"\x85", b"\xa0a\xa0", b"1" * 15, b"1" * 16,
        ]
    ),
    st.binary(max_size=6),
)  # fmt: skip
GOOD_FIELDS = st.sampled_from(
    [
        b"Accept: a", b"X-A:", b"X-A:\t1 ", b"x-trino-user: alice", b"Content-Type: a/b", b"Connection: close",
        b"Connection: keep-alive", b"Connection: X-A, Upgrade", b"Upgrade: h2c", b"Expect: 100-continue", b"TE: trailers",
        b"Trailer: X-A", b"Keep-Alive: timeout=5", b"Date: now", b"Server: nginx", b"Set-Cookie: a=b", b"X-A: \xc3\xa4",
        b"Content-Length: 3", b"Transfer-Encoding: chunked", b"Host: gw", b"Cache-Control: no-store", b"Via: 1.1 x",
    ]
)  # fmt: skip
SEPARATORS = st.sampled_from([b": "] * 8 + [b":", b":\t", b":  ", b" : ", b" ", b"::", b"\t:"])
LINE_ENDS = st.sampled_from(
    [b"\r\n"] * 24 + [b"\n", b"\r", b"\r\r\n", b"\n\r\n", b"\r\n ", b"\r\n\t", b" \r\n", b"\0\r\n"]
)
METHODS = st.sampled_from([b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"PATCH", b"CONNECT", b"get", b"PRI", b"G T"])
TARGETS = st.one_of(
    st.sampled_from(
        [b"/", b"/v1/x?a=b", b"/a#b", b"//", b"/%00", b"*", b"http://gw/", b"gw:80", b"", b"/\xe4", b"/a b"]
    ),
    st.binary(max_size=5).map(lambda rest: b"/" + rest),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=8).map(lambda rest: b"/" + rest.encode()),
)
VERSIONS = st.sampled_from(
    [b"HTTP/1.1"] * 6 + [b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2", b"http/1.1", b"HTTP/0.9", b"HTTP/1.1 "]
)
STATUSES = st.sampled_from(
    [b"200 OK", b"200 ", b"200", b"204 No Content", b"304 Not Modified", b"303 See Other", b"404 Not Found", b"410 Gone",
     b"503 Busy", b"103 Early Hints", b"100 Continue", b"101 Switching", b"099 X", b"600 X", b"2000 X", b"20 X", b"-200 X",
     b"200  OK", b"200\tOK", b"200 \xe4", b"200 O\x00K", b"200 a\tb", b"201 Made", b"500 X"]
)  # fmt: skip


@st.composite
def field_blocks(draw: st.DrawFn, first: tuple[bytes, ...] = ()) -> bytes:
    """`first` are lines that are there nearly always."""
    lines = [line + b"\r\n" for line in first if draw(st.integers(0, 9))]
    for _ in range(draw(st.integers(0, 5))):
        good = draw(st.integers(0, 3))
        odd = () if good else (draw(NAMES), draw(SEPARATORS), draw(VALUES), draw(LINE_ENDS))
        line = b"".join(odd) or draw(GOOD_FIELDS) + b"\r\n"
        lines.insert(draw(st.integers(0, len(lines))), line)
    return b"".join(lines) + b"\r\n"


@st.composite
def damaged(draw: st.DrawFn, messages: st.SearchStrategy[bytes]) -> bytes:
    """A message, mostly as it is, else with a byte or a piece changed, doubled or gone."""
    message = draw(messages)
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        at = draw(st.integers(0, len(message)))
        to = draw(st.integers(at, min(len(message), at + 8)))
        piece = draw(st.one_of(st.just(b""), st.just(message[at:to] * 2), st.binary(min_size=1, max_size=2)))
        message = message[:at] + piece + message[to:]
    return message


@st.composite
def request_heads(draw: st.DrawFn) -> bytes:
    line = draw(METHODS) + b" " + draw(TARGETS) + b" " + draw(VERSIONS) + b"\r\n"
    if draw(st.integers(0, 2)):
        line = draw(st.sampled_from([b"GET /a HTTP/1.1\r\n", b"POST /a HTTP/1.1\r\n", b"PUT /a HTTP/1.0\r\n"]))
    return line + draw(field_blocks((b"Host: gw",)))


@st.composite
def answer_heads(draw: st.DrawFn) -> bytes:
    line = draw(VERSIONS) + b" " + draw(STATUSES) + b"\r\n"
    if draw(st.integers(0, 2)):
        line = draw(st.sampled_from([b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 503 Busy\r\n", b"HTTP/1.1 404 Not Found\r\n"]))
    first = draw(st.sampled_from([(b"Content-Length: 3",), (b"Content-Type: a", b"Content-Length: 3", b"Connection: keep-alive"),
                                  (b"Transfer-Encoding: chunked",), ()]))  # fmt: skip
    return line + draw(field_blocks(first))


SIZES = st.sampled_from([b"%x", b"%X", b"0%x", b"%x;a", b'%x;a="b;c"', b"%x;a=b;c", b"%x ", b"0x%x", b"+%x", b"%x;", b"%x; a",
                         b"%x;a=\"", b"%x;\0"])  # fmt: skip


@st.composite
def chunked_bodies(draw: st.DrawFn) -> bytes:
    body = b""
    for _ in range(draw(st.integers(0, 4))):
        content = draw(st.binary(min_size=1, max_size=20))
        size = draw(st.one_of(st.just(b"%x"), SIZES)) % len(content)
        body += size + draw(LINE_ENDS) + content + draw(LINE_ENDS)
    last = draw(st.sampled_from([b"0"] * 6 + [b"00", b"0;a=b", b"-0", b"0x0", b""]))
    trailers = draw(field_blocks()) if draw(st.integers(0, 3)) == 0 else b"\r\n"
    return body + last + draw(LINE_ENDS) + trailers + draw(st.sampled_from([b"", b"", b"GET / HTTP/1.1\r\n", b"x"]))

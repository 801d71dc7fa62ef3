"""Whatever we take for a head, httptools and h11 take too, with the same fields and the same framing."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.wire.syntax.grammar import answer_heads, damaged, request_heads
from tests.wire.syntax.oracles import (
    Seen,
    answer_by_h11,
    answer_by_httptools,
    normal,
    request_by_h11,
    request_by_httptools,
)
from warren.wire.syntax.heads import (
    PLAIN_ANSWER,
    REQUEST_LINE,
    AnswerHead,
    Framing,
    Malformed,
    RequestFields,
    read_answer_head,
    read_request_fields,
)

NORMAL = settings(
    derandomize=True, max_examples=400, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
LONG = settings(max_examples=15_000, deadline=None, database=None, suppress_health_check=list(HealthCheck))

CHUNKS = b"3\r\nabc\r\n0\r\n\r\n"
MUCH = b"z" * 40


def read_request(head: bytes) -> tuple[tuple[bytes, ...], RequestFields] | None:
    """As a client's connection reads it; None when it is refused."""
    found = REQUEST_LINE.match(head)
    if found is None or not head.endswith(b"\r\n\r\n") or head.find(b"\r\n\r\n") + 4 != len(head):
        return None
    method, target, minor = found.groups()
    try:
        fields = read_request_fields(head[found.end() :], http_1_0=minor == b"0")
    except Malformed:
        return None
    return (method, target, b"1." + minor), fields


def body_of(framing: Framing) -> tuple[bytes, bytes, int | None]:
    """Bytes to follow a head with this framing, what their content is, and where in them the message ends."""
    if framing.chunked:
        return CHUNKS, b"abc", len(CHUNKS)
    if framing.until_close:
        return MUCH, MUCH, None
    if framing.length > len(MUCH):
        return MUCH, MUCH, None
    content = MUCH[: framing.length]
    return content, content, len(content)


def agrees(
    seen: Seen | None, head: bytes, line: tuple[bytes, ...], pairs: list[tuple[bytes, bytes]], framing: Framing
) -> None:
    assert seen is not None, f"refused by the other parser: {head!r}"
    assert seen.first_line == line
    assert seen.fields == normal(pairs)
    if seen.framing_known:
        _, content, end = body_of(framing)
        assert seen.content == content
        assert seen.end == (None if end is None else len(head) + end)


def check_request(head: bytes) -> None:
    read = read_request(head)
    if read is None:
        return
    line, fields = read
    message = head + body_of(fields.framing)[0]
    pairs = list(fields.pairs)
    agrees(request_by_httptools(message), head, line, pairs, fields.framing)
    agrees(request_by_h11(message), head, line, pairs, fields.framing)


def read_answer(head: bytes, method: bytes) -> AnswerHead | None:
    if head.find(b"\r\n\r\n") + 4 != len(head):
        return None
    try:
        return read_answer_head(head, method=method)
    except Malformed:
        return None


def check_answer(head: bytes, method: bytes) -> None:
    read = read_answer(head, method)
    if read is None or read.status == 101:
        return
    line = (b"%d" % read.status, head[5:8])
    body = body_of(read.framing)[0]
    pairs = list(read.pairs)
    if method != b"HEAD" and "upgrade" not in {name.lower().decode("latin-1") for name, _ in pairs}:
        agrees(answer_by_httptools(head + body), head, line, pairs, read.framing)
    agrees(answer_by_h11(head + body, method), head, line, pairs, read.framing)


def check_plain_answer(head: bytes) -> None:
    """The short cut says what the long way says, of the bytes that are passed on."""
    found = PLAIN_ANSWER.match(head)
    if found is None:
        return
    assert found.end() == head.find(b"\r\n\r\n") + 4
    cut, resume = found.span(3) if found[3] is not None else (0, 0)
    passed_on = head[:cut] + head[resume : found.end()]
    for whole in (head[: found.end()], passed_on):
        read = read_answer(whole, b"GET")
        assert read is not None, f"taken by the short cut only: {whole!r}"
        assert (read.status, read.framing, read.keep_alive) == (int(found[1]), Framing(length=int(found[2])), True)
        if whole is passed_on:
            assert not read.hop_by_hop
            assert b"connection" not in {name.lower() for name, _ in read.pairs}


@NORMAL
@given(damaged(request_heads()))
def test_requests(head: bytes) -> None:
    check_request(head)


@NORMAL
@given(damaged(answer_heads()))
def test_answers(head: bytes) -> None:
    check_answer(head, b"GET")
    check_answer(head, b"HEAD")
    check_plain_answer(head)


@pytest.mark.soak
@pytest.mark.timeout(600)
@LONG
@given(damaged(request_heads()))
def test_requests_at_length(head: bytes) -> None:
    check_request(head)


@pytest.mark.soak
@pytest.mark.timeout(600)
@LONG
@given(damaged(answer_heads()))
def test_answers_at_length(head: bytes) -> None:
    check_answer(head, b"GET")
    check_answer(head, b"HEAD")
    check_plain_answer(head)


@pytest.mark.parametrize("byte", range(256))
def test_every_byte_at_every_place_of_a_small_request(byte: int) -> None:
    head = b"POST /a HTTP/1.1\r\nHost: gw\r\nX-A: b\r\nContent-Length: 3\r\n\r\n"
    for at in range(len(head) + 1):
        check_request(head[:at] + bytes([byte]) + head[at:])
        check_request(head[:at] + bytes([byte]) + head[at + 1 :])


@pytest.mark.parametrize("byte", range(256))
def test_every_byte_at_every_place_of_a_small_answer(byte: int) -> None:
    head = b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n"
    for at in range(len(head) + 1):
        for damage in (head[:at] + bytes([byte]) + head[at:], head[:at] + bytes([byte]) + head[at + 1 :]):
            check_answer(damage, b"GET")
            check_plain_answer(damage)


def test_the_strategies_make_what_is_taken_and_what_is_refused() -> None:
    """Otherwise the properties above would hold of nothing."""
    taken = {"request": 0, "answer": 0, "plain": 0, "examples": 0}

    @settings(NORMAL, max_examples=300)
    @given(damaged(request_heads()), damaged(answer_heads()))
    def count(request: bytes, answer: bytes) -> None:
        taken["examples"] += 1
        taken["request"] += read_request(request) is not None
        taken["answer"] += read_answer(answer, b"GET") is not None
        taken["plain"] += PLAIN_ANSWER.match(answer) is not None

    count()
    for kind in ("request", "answer", "plain"):
        assert taken["examples"] * 0.03 < taken[kind] < taken["examples"] * 0.9, taken

"""A chunked body means to us what it means to httptools and h11, in whatever pieces it comes."""

import sys
from collections.abc import Sequence
from itertools import pairwise
from types import FrameType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.wire.syntax.grammar import chunked_bodies, damaged
from tests.wire.syntax.oracles import Seen, answer_by_h11, answer_by_httptools, request_by_h11, request_by_httptools
from warren.wire.syntax.chunks import ChunkReader
from warren.wire.syntax.heads import Malformed

NORMAL = settings(
    derandomize=True, max_examples=400, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
LONG = settings(max_examples=15_000, deadline=None, database=None, suppress_health_check=list(HealthCheck))

REQUEST = b"POST / HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def read(pieces: Sequence[bytes]) -> tuple[bytes, int | None] | None:
    """Content, and where the body ends; None when it is refused."""
    reader, content, before = ChunkReader(), list[bytes](), 0
    for piece in pieces:
        try:
            end = reader.feed(piece, 0, content)
        except Malformed:
            return None
        if end >= 0:
            return b"".join(content), before + end
        before += len(piece)
    return b"".join(content), None


def check(body: bytes) -> None:
    ours = read([body])
    if ours is None:
        return
    content, end = ours
    for head, seen in (
        (REQUEST, request_by_httptools(REQUEST + body)),
        (REQUEST, request_by_h11(REQUEST + body)),
        (ANSWER, answer_by_httptools(ANSWER + body)),
        (ANSWER, answer_by_h11(ANSWER + body, b"GET")),
    ):
        agrees(seen, len(head), content, end, body)


def agrees(seen: Seen | None, head: int, content: bytes, end: int | None, body: bytes) -> None:
    if end is None:
        assert seen is None or seen.end is None, f"whole for the other parser: {body!r}"
        return
    assert seen is not None, f"refused by the other parser: {body!r}"
    assert (seen.content, seen.end) == (content, head + end)


def split(body: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    return [body[start:end] for start, end in pairwise(places)]


CUTS = st.lists(st.integers(0, 10_000), max_size=6)


@NORMAL
@given(damaged(chunked_bodies()), CUTS)
def test_bodies_and_their_pieces(body: bytes, cuts: list[int]) -> None:
    check(body)
    assert read(split(body, cuts)) == read([body])
    assert read([body[at : at + 1] for at in range(len(body))]) == read([body])


@pytest.mark.soak
@pytest.mark.timeout(600)
@LONG
@given(damaged(chunked_bodies()), CUTS)
def test_bodies_and_their_pieces_at_length(body: bytes, cuts: list[int]) -> None:
    check(body)
    assert read(split(body, cuts)) == read([body])


@pytest.mark.parametrize("byte", range(256))
def test_every_byte_at_every_place_of_a_small_body(byte: int) -> None:
    body = b'3;a="b"\r\nabc\r\n0\r\nX: y\r\n\r\n'
    for at in range(len(body) + 1):
        check(body[:at] + bytes([byte]) + body[at:])
        check(body[:at] + bytes([byte]) + body[at + 1 :])


def test_the_strategies_make_what_is_taken_and_what_is_refused() -> None:
    """Otherwise the properties above would hold of nothing."""
    seen = {"whole": 0, "refused": 0, "examples": 0}

    @settings(NORMAL, max_examples=300)
    @given(damaged(chunked_bodies()))
    def count(body: bytes) -> None:
        result = read([body])
        seen["examples"] += 1
        seen["refused"] += result is None
        seen["whole"] += result is not None and result[1] is not None

    count()
    assert seen["whole"] > seen["examples"] * 0.05, seen
    assert seen["refused"] > seen["examples"] * 0.05, seen


def test_tiny_chunks_cost_no_call_each() -> None:
    """A read of 256 KiB may hold 40,000 of them, and everybody waits meanwhile."""
    body, calls = b"1\r\nx\r\n" * 1000 + b"0\r\n\r\n", 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    reader = ChunkReader()
    sys.setprofile(count)
    try:
        end = reader.feed(body)
    finally:
        sys.setprofile(None)
    assert end == len(body)
    assert calls < 20

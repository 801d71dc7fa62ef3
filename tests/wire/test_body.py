"""What is remembered of a body: all of it, its front, or nothing, and always within the budget."""

import pytest

from warren.wire.body import Budget, RequestBody
from warren.wire.syntax.heads import Framing


def body_of(framing: Framing, budget: Budget) -> RequestBody:
    return RequestBody(framing, budget, lambda: None)


def arrive(body: RequestBody, *pieces: bytes, passed_on: bool = True) -> None:
    for piece in pieces:
        size = body.measure(piece, 0.0)
        assert size == len(piece)
        body.arrived(piece, passed_on=passed_on)


def plain(length: int) -> Framing:
    return Framing(length=length, chunked=False)


CHUNKED = Framing(length=0, chunked=True)


def test_a_kept_body_is_its_own_front() -> None:
    body = body_of(plain(6), Budget(100))
    body.keep(50)
    body.remember_front(50)
    arrive(body, b"abc")
    assert body.front() == (b"abc", 3)
    arrive(body, b"def")
    assert body.front() == (b"abcdef", 0)


def test_a_chunked_body_is_told_without_its_framing() -> None:
    body = body_of(CHUNKED, Budget(100))
    body.keep(50)
    body.remember_front(50)
    arrive(body, b"3\r\nabc\r\n")
    assert body.front() == (b"abc", None)
    arrive(body, b"2;x=y\r\nde\r\n0\r\n\r\n")
    assert body.front() == (b"abcde", 0)


@pytest.mark.parametrize("limit", [0, 4, 7, 10, 100])
def test_of_a_body_that_is_too_long_to_be_kept_the_front_is(limit: int) -> None:
    budget = Budget(100)
    body = body_of(plain(12), budget)
    body.keep(5)
    body.remember_front(limit)
    arrive(body, b"abcd", passed_on=False)
    body.sent()
    arrive(body, b"efgh", b"ijkl")
    assert body.lost
    front = b"abcdefghijkl"[:limit]
    assert body.front() == (front, 12 - len(front))
    assert budget.left == 100 - len(front)
    body.let_go()
    assert budget.left == 100


def test_of_a_chunked_body_that_is_too_long_the_front_is_told_and_that_something_follows() -> None:
    body = body_of(CHUNKED, Budget(100))
    body.keep(5)
    body.remember_front(9)
    arrive(body, b"3\r\nabc\r\n", b"3\r\ndef\r\n", b"0\r\n\r\n")
    assert body.front() == (b"abc", None)


def test_a_front_has_no_gap_when_the_budget_was_spent_for_a_while() -> None:
    budget = Budget(6)
    body = body_of(plain(12), budget)
    body.remember_front(100)
    arrive(body, b"abcd", b"efgh")
    budget.left += 50
    arrive(body, b"ijkl")
    assert body.front() == (b"abcdef", 6)


def test_what_waited_for_its_cluster_is_in_the_front_at_its_place() -> None:
    body = body_of(plain(9), Budget(100))
    body.keep(2)
    body.remember_front(100)
    arrive(body, b"abc")
    arrive(body, b"def", passed_on=False)
    body.sent()
    arrive(body, b"ghi")
    assert body.front() == (b"abcdefghi", 0)

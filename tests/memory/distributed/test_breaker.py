import pytest

from warren.errors import StoreSilent, StoreUnavailable
from warren.memory.distributed.breaker import SILENCES, WITHIN_SECONDS, Breaker, BreakerState

SILENT = StoreSilent("no answer")
REFUSED = StoreUnavailable("connection refused")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_it_is_closed_at_first() -> None:
    breaker = Breaker(Clock())
    assert (breaker.is_open, breaker.state, breaker.opened) == (False, BreakerState.CLOSED, 0)


def test_one_failed_connection_opens_it() -> None:
    breaker = Breaker(Clock())
    assert breaker.failed(REFUSED)
    assert (breaker.state, breaker.error, breaker.opened) == (BreakerState.OPEN, "connection refused", 1)
    assert not breaker.failed(REFUSED), "it is open already"


def test_three_silences_within_a_second_open_it() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(SILENCES - 1):
        assert not breaker.failed(SILENT)
        clock.now += 0.4
    assert breaker.failed(SILENT)


def test_silences_that_are_far_apart_do_not() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(100):
        assert not breaker.failed(SILENT)
        clock.now += WITHIN_SECONDS


def test_after_it_was_closed_it_begins_to_count_anew() -> None:
    breaker = Breaker(Clock())
    for _ in range(SILENCES):
        breaker.failed(SILENT)
    breaker.close()
    assert not breaker.is_open
    assert not breaker.failed(SILENT)


@pytest.mark.parametrize(
    ("longest", "pauses"),
    [
        (30.0, [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]),
        (1.0, [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]),
    ],
)
def test_pauses_double_up_to_the_longest(longest: float, pauses: list[float]) -> None:
    breaker = Breaker(Clock(), longest_pause_seconds=longest)
    for _ in range(2):
        breaker.failed(REFUSED)
        assert [breaker.next_pause() for _ in pauses] == pytest.approx(pauses)
        breaker.close()

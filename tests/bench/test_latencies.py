from collections.abc import Awaitable

import pytest

from bench.latencies import finding, ranks, timed, timed_waiting
from warren.memory.tiers import NoCache
from warren.model import ClusterUrl, GroupName, Placement, QueryId

PLACED = Placement(
    QueryId("20261122_111727_00001_7q5ke"), ClusterUrl("http://127.0.0.1:1"), GroupName("adhoc"), "http://127.0.0.1:1"
)


def test_half_of_all_times_are_above_the_first_rank_and_one_in_a_hundred_above_the_second() -> None:
    nanoseconds = [number * 1000 for number in range(200, 0, -1)]

    assert ranks(nanoseconds) == (101.0, 199.0)


def test_a_lookup_that_finds_nothing_is_no_figure() -> None:
    with pytest.raises(AssertionError, match="00001_7q5ke was not found"):
        timed(lambda query_id: None, [PLACED.query_id])


async def test_an_answer_about_another_query_is_no_figure() -> None:
    with pytest.raises(AssertionError, match="none says None"):
        await timed_waiting(finding(NoCache()), [PLACED])


async def test_calls_that_warm_up_are_not_told() -> None:
    calls = 0

    async def slow_at_first() -> None:
        nonlocal calls
        calls += 1

    def look(placement: Placement) -> Awaitable[None]:
        return slow_at_first()

    half, tail = await timed_waiting(look, [PLACED] * 50)

    assert calls == 100
    assert 0 < half <= tail

import asyncio
import cProfile
import pstats

import pytest

from bench.profile_poll import PAGE, REQUEST, Poll, cheapest
from bench.traffic import POLL
from warren.tasks import Tasks


async def test_each_poll_reaches_the_cluster_and_its_page_the_client() -> None:
    async with asyncio.TaskGroup() as group:
        poll = Poll(Tasks(group))
        poll.run(3)

        assert (poll.to_cluster.writes, poll.to_client.writes) == (3, 3)
        assert poll.to_cluster.last.startswith(f"GET {POLL} HTTP/1.1\r\n".encode())
        assert b"X-Forwarded-For: 127.0.0.1\r\n" in poll.to_cluster.last
        assert poll.to_client.last.endswith(PAGE)


async def test_a_poll_that_went_nowhere_is_no_figure() -> None:
    async with asyncio.TaskGroup() as group:
        poll = Poll(Tasks(group))
        poll.from_cluster.connection_lost(None)

        with pytest.raises(AssertionError):
            poll.run(2)


async def test_the_profile_shows_the_hot_path_and_no_task_in_it() -> None:
    profile = cProfile.Profile()

    assert await cheapest(10, profile=profile) > 0

    called = pstats.Stats(profile).get_stats_profile().func_profiles.keys()
    assert {"requested", "forward_to"} <= called
    assert not {"create_task", "hold", "classify"} & called


def test_the_request_is_one_whole_head() -> None:
    assert REQUEST.endswith(b"\r\n\r\n")
    assert REQUEST.count(b"\r\n") == 1 + 1 + 8 + 1

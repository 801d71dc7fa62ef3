import asyncio
import time

import pytest

from warren.clusters.clock import SystemClock


async def test_waiting_ends_when_the_event_is_set() -> None:
    event = asyncio.Event()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(SystemClock().wait(event, 60))
        event.set()


@pytest.mark.parametrize("seconds", [0.01, 0.0, -1.0])
async def test_waiting_ends_when_the_time_is_over(seconds: float) -> None:
    event = asyncio.Event()
    async with asyncio.timeout(5):
        await SystemClock().wait(event, seconds)
    assert not event.is_set()


def test_it_tells_the_time_of_people_and_that_for_measuring() -> None:
    clock = SystemClock()
    assert clock.unix() == pytest.approx(time.time(), abs=5)
    assert clock.monotonic() == pytest.approx(time.monotonic(), abs=5)

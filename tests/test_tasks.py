import asyncio

import pytest
from structlog.testing import capture_logs

from warren.tasks import Tasks, supervised


async def test_a_loop_that_fails_is_logged_and_runs_again() -> None:
    runs: list[int] = []

    async def loop() -> None:
        runs.append(len(runs))
        if len(runs) < 3:
            raise ValueError("a bug")

    with capture_logs() as lines:
        await supervised(loop, name="that loop", pause=0)
    assert len(runs) == 3
    assert [(line["event"], line["loop"]) for line in lines] == [("background_loop_failed", "that loop")] * 2


async def test_a_loop_that_is_cancelled_does_not_run_again() -> None:
    began = asyncio.Event()

    async def loop() -> None:
        began.set()
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        running = group.create_task(supervised(loop, name="that loop"))
        await began.wait()
        running.cancel()
    assert running.cancelled()


async def test_one_task_that_fails_ends_nothing_else() -> None:
    async def fails() -> None:
        raise ValueError("a bug")

    done: list[str] = []

    async def works() -> None:
        await asyncio.sleep(0)
        done.append("works")

    with capture_logs() as lines:
        async with asyncio.TaskGroup() as group:
            tasks = Tasks(group)
            tasks.start(fails(), name="bad")
            tasks.start(works(), name="good")
    assert done == ["works"]
    assert [(line["event"], line["task"]) for line in lines] == [("task_failed", "bad")]


async def test_tasks_end_with_their_group() -> None:
    began = asyncio.Event()

    async def never() -> None:
        began.set()
        await asyncio.Event().wait()

    async def instance() -> None:
        async with asyncio.TaskGroup() as group:
            Tasks(group).start(never(), name="never")
            await began.wait()
            raise ValueError("the instance ends")

    async with asyncio.timeout(5):
        with pytest.raises(ExceptionGroup):
            await instance()

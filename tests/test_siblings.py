"""Real sockets, with own endpoints or something worse behind them."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.admin.own import Own
from tests.journeys.scene import until
from warren.admin.entrance import READYZ
from warren.admin.metrics import METRICS
from warren.admin.readiness import Readiness
from warren.admin.serve import PrivateServer, private_socket
from warren.model import SiblingAnswer
from warren.siblings import ASK_SECONDS, Siblings
from warren.supervisor.words import Seen
from warren.telemetry.told import Told

ELSEWHERE = 2**22 + 1
"""A process id that this process cannot have."""


@asynccontextmanager
async def serving(app: ASGIApp, path: Path) -> AsyncIterator[None]:
    server = PrivateServer(app, private_socket(path))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(server.run())
        try:
            yield
        finally:
            running.cancel()


class Counting:
    """Answers slowly, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.go_on = asyncio.Event()

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        self.asked += 1
        await self.go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(self.asked).encode()})


async def test_an_instance_alone_has_nobody_to_ask(tmp_path: Path) -> None:
    assert await Siblings(tmp_path).ask(READYZ) == ()


async def test_each_of_the_others_is_asked_and_this_process_is_not(tmp_path: Path) -> None:
    siblings = Siblings(tmp_path, slot=2)
    siblings.see((Seen(1, ELSEWHERE, "a.sock", ""), Seen(2, os.getpid(), "b.sock", ""), Seen(3, 0, "", "it is gone")))
    async with serving(Own(readiness=Readiness(False, "not yet")).app, tmp_path / "a.sock"):
        one, three = await siblings.ask(READYZ)
    assert (one.slot, one.pid, one.status, one.error) == (1, ELSEWHERE, 503, "")
    assert b'"message":"not yet"' in one.body
    assert three == SiblingAnswer(3, 0, error="it is gone")


async def test_an_answer_says_which_file_has_its_counters_as_well(tmp_path: Path) -> None:
    siblings = Siblings(tmp_path)
    siblings.see((Seen(1, ELSEWHERE, "a.sock", ""),))
    async with serving(Own(told=Told(tmp_path / "told-1-1.json")).app, tmp_path / "a.sock"):
        assert [answer.told for answer in await siblings.ask(METRICS)] == ["told-1-1.json"]
        assert [answer.told for answer in await siblings.ask(READYZ)] == [""]


async def test_siblings_may_ask_what_is_closed_to_strangers(tmp_path: Path) -> None:
    siblings = Siblings(tmp_path)
    siblings.see((Seen(1, ELSEWHERE, "a.sock", ""),))
    async with serving(Own(allow_from=[]).app, tmp_path / "a.sock"):
        (answer,) = await siblings.ask("/gateway/backend/all")
    assert (answer.status, answer.body) == (200, b"[]")


async def test_one_that_hangs_and_one_that_is_gone_cost_a_second_together(tmp_path: Path) -> None:
    siblings = Siblings(tmp_path)
    siblings.see((Seen(1, ELSEWHERE, "hangs.sock", ""), Seen(2, ELSEWHERE, "gone.sock", "")))
    with private_socket(tmp_path / "hangs.sock"):
        private_socket(tmp_path / "gone.sock").close()
        began = time.monotonic()
        hangs, gone = await siblings.ask(READYZ)
        took = time.monotonic() - began
    assert hangs.error == "connected, but did not answer in time"
    assert gone.error == "connection refused"
    assert ASK_SECONDS * 0.9 < took < ASK_SECONDS * 2


async def test_a_crowd_that_asks_the_same_shares_the_answers(tmp_path: Path) -> None:
    siblings, app = Siblings(tmp_path), Counting()
    siblings.see((Seen(1, ELSEWHERE, "a.sock", ""),))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving(app, tmp_path / "a.sock"))
        group = await stack.enter_async_context(asyncio.TaskGroup())
        first = group.create_task(siblings.ask("/x"))
        await until(lambda: app.asked > 0, "the first question")
        crowd = [group.create_task(siblings.ask("/x")) for _ in range(50)]
        await asyncio.sleep(0)
        app.go_on.set()
        assert (await first)[0].body == b"1"
        # What was asked before they came may be out of date; one more round is enough for all of them.
        assert {(await each)[0].body for each in crowd} == {b"2"}


async def test_the_crowd_is_answered_when_the_one_who_asks_for_it_leaves(tmp_path: Path) -> None:
    siblings, app = Siblings(tmp_path), Counting()
    siblings.see((Seen(1, ELSEWHERE, "a.sock", ""),))
    async with serving(app, tmp_path / "a.sock"), asyncio.TaskGroup() as group:
        first = group.create_task(siblings.ask("/x"))
        await until(lambda: app.asked > 0, "the first question")
        crowd = [group.create_task(siblings.ask("/x")) for _ in range(5)]
        await asyncio.sleep(0)
        first.cancel()
        app.go_on.set()
        assert {(await each)[0].body for each in crowd} == {b"2"}


@pytest.mark.parametrize("length", [20, 150])
async def test_the_directory_may_have_a_long_path(tmp_path: Path, length: int) -> None:
    directory = tmp_path / ("d" * length)
    directory.mkdir(mode=0o700)
    siblings = Siblings(directory)
    siblings.see((Seen(1, ELSEWHERE, "a.sock", ""),))
    here = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    async with serving(Own().app, Path(f"/proc/self/fd/{here}") / "a.sock"):
        assert [answer.status for answer in await siblings.ask(READYZ)] == [200]
    os.close(here)

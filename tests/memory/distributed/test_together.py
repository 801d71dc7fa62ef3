import asyncio
from collections.abc import Sequence
from typing import cast

from tests.memory.distributed.caches import placed, until
from warren.memory.distributed.lanes import Lane
from warren.memory.distributed.together import MOST, Together
from warren.model import Placement

ONE = cast(Lane, "one server")  # a lane is only handed on here
OTHER = cast(Lane, "another")


class Server:
    """Notes what it is sent, and answers when it is let."""

    def __init__(self) -> None:
        self.sent: list[tuple[Lane, Sequence[Placement]]] = []
        self.may_answer = asyncio.Event()
        self.says = True

    async def send(self, lane: Lane, placements: Sequence[Placement]) -> bool:
        self.sent.append((lane, placements))
        await self.may_answer.wait()
        return self.says


async def test_what_comes_in_one_turn_goes_out_at_once_to_each_server() -> None:
    server = Server()
    server.may_answer.set()
    async with asyncio.TaskGroup() as group:
        together = Together(server.send, group)
        kept = await asyncio.gather(
            *(together.keep(ONE, placed(number)) for number in range(3)), together.keep(OTHER, placed(9))
        )

        assert kept == [True] * 4
        assert server.sent == [(ONE, [placed(0), placed(1), placed(2)]), (OTHER, [placed(9)])]


async def test_what_comes_later_does_not_wait_for_what_is_under_way() -> None:
    server = Server()
    async with asyncio.TaskGroup() as group:
        together = Together(server.send, group)
        first = group.create_task(together.keep(ONE, placed(1)))
        await until(lambda: len(server.sent) == 1, "it to be sent")
        second = group.create_task(together.keep(ONE, placed(2)))
        await until(lambda: len(server.sent) == 2, "the other to be sent")
        server.may_answer.set()

        assert await first
        assert await second


async def test_a_failure_is_told_to_all_that_it_concerns() -> None:
    server = Server()
    server.says = False
    server.may_answer.set()
    async with asyncio.TaskGroup() as group:
        together = Together(server.send, group)
        assert await asyncio.gather(*(together.keep(ONE, placed(number)) for number in range(2))) == [False, False]


async def test_a_client_that_leaves_takes_nothing_from_the_others() -> None:
    server = Server()
    async with asyncio.TaskGroup() as group:
        together = Together(server.send, group)
        leaving, staying = (group.create_task(together.keep(ONE, placed(number))) for number in range(2))
        await until(lambda: len(server.sent) == 1, "it to be sent")
        leaving.cancel()
        server.may_answer.set()

        assert await staying
        assert leaving.cancelled()


async def test_a_crowd_goes_in_several_parts() -> None:
    server = Server()
    server.may_answer.set()
    async with asyncio.TaskGroup() as group:
        together = Together(server.send, group)
        await asyncio.gather(*(together.keep(ONE, placed(number)) for number in range(MOST + 1)))

        assert [len(placements) for _, placements in server.sent] == [MOST, 1]


async def test_nobody_waits_for_a_group_that_has_ended() -> None:
    server = Server()
    async with asyncio.TaskGroup() as group:
        together = Together(server.send, group)
    assert await together.keep(ONE, placed(1)) is False


async def test_nobody_waits_for_what_the_end_has_cut_off() -> None:
    server = Server()

    async def run(began: asyncio.Future[Together]) -> None:
        async with asyncio.TaskGroup() as group:
            began.set_result(Together(server.send, group))
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as outer:
        began: asyncio.Future[Together] = asyncio.get_running_loop().create_future()
        running = outer.create_task(run(began))
        keeping = outer.create_task((await began).keep(ONE, placed(1)))
        await until(lambda: len(server.sent) == 1, "it to be sent")
        running.cancel()

        assert await keeping is False

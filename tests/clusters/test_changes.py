import asyncio
from collections.abc import Callable

from warren.clusters.changes import Changes
from warren.errors import StoreUnavailable


class Wire:
    """A channel that all who listen on it share."""

    def __init__(self) -> None:
        self.ears: list[Callable[[str], None]] = []
        self.told: list[str] = []
        self.was_told = asyncio.Event()
        self.is_broken = False
        self.cut = asyncio.Event()

    async def publish(self, message: str) -> None:
        if self.is_broken:
            raise StoreUnavailable("cut")
        self.told.append(message)
        self.was_told.set()
        for ear in self.ears:
            ear(message)

    async def listen(self, hear: Callable[[str], None], *, listening: Callable[[], None]) -> None:
        if self.is_broken:
            raise StoreUnavailable("cut")
        self.ears.append(hear)
        listening()
        await self.cut.wait()
        self.ears.remove(hear)
        raise StoreUnavailable("cut")

    async def close(self) -> None: ...


class Instance:
    def __init__(self, *wires: Wire) -> None:
        self.changes = Changes(wires)
        self.reads = 0
        self.news = asyncio.Event()

    def read(self) -> None:
        self.reads += 1
        self.news.set()

    async def reads_again(self) -> None:
        async with asyncio.timeout(20):
            await self.news.wait()
        self.news.clear()


async def test_a_change_is_read_by_the_others_and_not_by_its_maker() -> None:
    wire = Wire()
    here, there = Instance(wire), Instance(wire)
    async with asyncio.TaskGroup() as group:
        loops = [group.create_task(each.changes.run(each.read)) for each in (here, there)]
        await here.reads_again()
        await there.reads_again()
        here.changes.announce()
        await there.reads_again()
        assert (here.reads, there.reads) == (1, 2), "once each when they began to listen"
        assert len(wire.told) == 1
        for loop in loops:
            loop.cancel()


async def test_many_changes_at_once_are_told_as_one() -> None:
    wire = Wire()
    here = Instance(wire)
    async with asyncio.TaskGroup() as group:
        loop = group.create_task(here.changes.run(here.read))
        await here.reads_again()
        for _ in range(100):
            here.changes.announce()
        await wire.was_told.wait()
        assert len(wire.told) == 1
        loop.cancel()


async def test_who_listens_again_reads_what_it_may_have_missed() -> None:
    wire = Wire()
    here = Instance(wire)
    async with asyncio.TaskGroup() as group:
        loop = group.create_task(here.changes.run(here.read))
        await here.reads_again()
        wire.cut.set()
        await asyncio.sleep(0)
        wire.cut.clear()
        await here.reads_again()
        assert wire.ears
        loop.cancel()


async def test_a_broken_channel_disturbs_neither_the_other_nor_the_maker_of_a_change() -> None:
    broken, wire = Wire(), Wire()
    broken.is_broken = True
    here, there = Instance(broken, wire), Instance(wire)
    async with asyncio.TaskGroup() as group:
        loops = [group.create_task(each.changes.run(each.read)) for each in (here, there)]
        await there.reads_again()
        here.changes.announce()
        await there.reads_again()
        for loop in loops:
            loop.cancel()

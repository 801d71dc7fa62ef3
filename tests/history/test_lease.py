"""One at a time, whatever the clocks say and whoever dies."""

import asyncio

import pytest

from warren.drivers.sql import Database
from warren.errors import StoreUnavailable
from warren.history.lease import LAPSES_SECONDS, Lease
from warren.settings.stores.jdbc import DatabaseUrl


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_one_of_many_takes_it(database: Database, clock: Clock) -> None:
    leases = [Lease(database, "chore", clock=clock) for _ in range(5)]
    assert sorted(await asyncio.gather(*(lease.take() for lease in leases))) == [False, False, False, False, True]
    assert sorted(await asyncio.gather(*(lease.take() for lease in leases))) == [False, False, False, False, True]
    assert await Lease(database, "another", clock=clock).take()


async def test_when_it_is_left_another_may_take_it(database: Database, clock: Clock) -> None:
    one, other = Lease(database, "chore", clock=clock), Lease(database, "chore", clock=clock)
    assert await one.take()
    await one.leave()
    assert await other.take()
    assert not await one.take()
    assert not await one.renew()
    await one.leave()
    assert await other.renew()


async def test_a_holder_that_is_silent_loses_it(database: Database, clock: Clock) -> None:
    gone, other, third = (Lease(database, "chore", clock=clock) for _ in range(3))
    assert await gone.take()
    assert not await other.take()
    assert not await third.take()
    clock.now += LAPSES_SECONDS - 1
    assert not await other.take()
    clock.now += 1
    assert await other.take()
    assert not await third.take(), "it has seen a sign of life"
    assert not await gone.renew()


async def test_a_holder_that_renews_keeps_it(database: Database, clock: Clock) -> None:
    one, other = Lease(database, "chore", clock=clock), Lease(database, "chore", clock=clock)
    assert await one.take()
    for _ in range(5):
        assert not await other.take()
        clock.now += LAPSES_SECONDS
        assert await one.renew()
    assert not await other.take()


async def test_without_the_table_nobody_holds_it(sqlite_url: DatabaseUrl, clock: Clock) -> None:
    database = Database(sqlite_url)
    with pytest.raises(StoreUnavailable, match="warren_leases"):
        await Lease(database, "chore", clock=clock).take()
    await database.close()

import asyncio

from warren.supervisor.slot import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, STEADY_SECONDS, News, Restarts


def test_the_next_worker_waits_longer_each_time_while_they_die_young() -> None:
    restarts = Restarts()
    assert [restarts.after(1.0) for _ in range(9)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert LONGEST_PAUSE_SECONDS == 10.0


def test_after_a_long_life_it_waits_no_longer_than_the_first_time() -> None:
    restarts = Restarts()
    for _ in range(5):
        restarts.after(1.0)
    assert restarts.after(STEADY_SECONDS) == FIRST_PAUSE_SECONDS
    assert restarts.after(1.0) == 2 * FIRST_PAUSE_SECONDS


async def test_news_wakes_all_who_wait_for_something_to_become_true() -> None:
    news, seen, happened = News(), list[str](), set[str]()

    async def wait_for(name: str) -> None:
        await news.until(lambda: name in happened)
        seen.append(name)

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        for name in ("a", "b"):
            group.create_task(wait_for(name))
        for name in ("b", "a"):
            await asyncio.sleep(0)
            happened.add(name)
            news.tell()
    assert seen == ["b", "a"]

import psutil
import pytest

from warren.memory.in_process import InProcess
from warren.model import ClusterUrl, GroupName, Placement, QueryId

HALF_AN_HOUR = 1800.0


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def query(number: int) -> QueryId:
    return QueryId(f"20260416_160256_{number:05}_6b4yt")


def placed(number: int, cluster: str = "http://blue:8080") -> Placement:
    return Placement(query(number), ClusterUrl(cluster), GroupName("adhoc"), "https://blue.example")


def memory(clock: Clock, capacity: int = 3) -> InProcess:
    return InProcess(capacity=capacity, expire_after_seconds=HALF_AN_HOUR, clock=clock)


def test_an_unknown_query_is_none() -> None:
    assert memory(Clock()).find(query(1)) is None


def test_what_is_kept_is_found() -> None:
    tier = memory(Clock())
    tier.keep(placed(1))
    tier.keep(placed(2))
    assert tier.find(query(1)) == placed(1)
    assert tier.find(query(2)) == placed(2)


def test_keeping_twice_changes_nothing_and_the_later_placement_holds() -> None:
    tier = memory(Clock())
    tier.keep(placed(1))
    tier.keep(placed(1))
    assert len(tier) == 1

    tier.keep(placed(1, "http://green:8080"))
    assert tier.find(query(1)) == placed(1, "http://green:8080")


def test_the_least_recently_used_goes_when_there_is_no_room() -> None:
    tier = memory(Clock())
    for number in (1, 2, 3):
        tier.keep(placed(number))
    tier.find(query(1))
    tier.keep(placed(4))

    assert [number for number in (1, 2, 3, 4) if tier.find(query(number))] == [1, 3, 4]


def test_there_are_never_more_than_its_capacity() -> None:
    tier = memory(Clock(), capacity=10)
    for number in range(1000):
        tier.keep(placed(number))
        assert len(tier) <= 10


def test_a_placement_expires_after_its_last_use() -> None:
    clock = Clock()
    tier = memory(clock)
    tier.keep(placed(1))
    clock.now += HALF_AN_HOUR - 1
    assert tier.find(query(1)) == placed(1)
    clock.now += HALF_AN_HOUR - 1
    assert tier.find(query(1)) == placed(1)
    clock.now += HALF_AN_HOUR
    assert tier.find(query(1)) is None
    assert len(tier) == 0


def test_what_has_expired_makes_room_though_nobody_asks_for_it() -> None:
    clock = Clock()
    tier = memory(clock, capacity=100)
    for number in range(50):
        tier.keep(placed(number))
    clock.now += HALF_AN_HOUR
    tier.keep(placed(99))
    assert len(tier) == 1


def test_what_is_believed_is_found_only_when_asked_for_as_such() -> None:
    tier = memory(Clock())
    tier.believe(placed(1))
    assert tier.find(query(1)) is None
    assert tier.believed(query(1)) == placed(1)
    tier.keep(placed(1, "http://green:8080"))
    assert tier.find(query(1)) == placed(1, "http://green:8080")
    assert tier.believed(query(1)) is None


def test_what_is_certain_is_not_replaced_by_what_is_believed() -> None:
    tier = memory(Clock())
    tier.keep(placed(1))
    tier.believe(placed(1, "http://green:8080"))
    assert tier.find(query(1)) == placed(1)


def test_what_is_believed_expires_as_well() -> None:
    clock = Clock()
    tier = memory(clock)
    tier.believe(placed(1))
    clock.now += HALF_AN_HOUR
    assert tier.believed(query(1)) is None


def test_a_placement_in_use_is_renewed_when_half_its_life_is_gone() -> None:
    clock = Clock()
    renewed: list[Placement] = []
    tier = InProcess(
        capacity=9, expire_after_seconds=HALF_AN_HOUR, clock=clock, renew_after_seconds=900, renew=renewed.append
    )
    tier.keep(placed(1))
    for _ in range(45):  # a poll each minute
        clock.now += 60
        tier.find(query(1))
    assert renewed == [placed(1)] * 3


def test_what_is_forgotten_is_gone_and_nothing_else() -> None:
    here = memory(Clock())
    here.keep(placed(1))
    here.keep(placed(2))
    here.forget(query(1))
    here.forget(query(3))
    assert here.find(query(1)) is None
    assert here.find(query(2)) == placed(2)


def test_who_had_to_go_is_counted() -> None:
    tier = memory(Clock(), capacity=2)
    for number in range(5):
        tier.keep(placed(number))
    assert tier.evicted == 3


@pytest.mark.slow
@pytest.mark.parametrize("number", [200_000, pytest.param(2_000_000, marks=pytest.mark.soak)])
def test_very_many_placements_take_no_more_room_than_the_newest(number: int) -> None:
    tier = InProcess(capacity=10_000, expire_after_seconds=HALF_AN_HOUR, clock=Clock())
    for each in range(20_000):
        tier.keep(placed(each))
    process = psutil.Process()
    before = process.memory_info().rss
    for each in range(number):
        tier.keep(placed(each))
    assert len(tier) == 10_000
    assert process.memory_info().rss - before < 16 * 1024 * 1024

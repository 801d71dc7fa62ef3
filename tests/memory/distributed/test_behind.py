from warren.memory.distributed.behind import Behind, Keep, Learn, Renew
from warren.model import ClusterUrl, CoordinatorId, GroupName, Placement, QueryId


def placed(number: int, cluster: str = "http://blue") -> Placement:
    return Placement(QueryId(f"20260416_160256_{number:05}_6b4yt"), ClusterUrl(cluster), GroupName("adhoc"), "")


def behind(capacity: int = 10) -> Behind:
    return Behind(lambda: None, capacity=capacity)


def test_the_oldest_are_taken_first_and_only_those_that_are_wanted() -> None:
    waiting = behind()
    for number in range(5):
        waiting.put(Keep(placed(number)))
    assert waiting.take(lambda key: "00001" not in key, 2) == [Keep(placed(0)), Keep(placed(2))]
    assert len(waiting) == 3


def test_a_later_write_takes_the_place_of_an_earlier_one() -> None:
    waiting = behind()
    waiting.put(Keep(placed(1)))
    waiting.put(Keep(placed(1, "http://green")))
    assert waiting.take(lambda _: True, 9) == [Keep(placed(1, "http://green"))]


def test_renewing_what_is_to_be_written_changes_nothing() -> None:
    waiting = behind()
    waiting.put(Keep(placed(1)))
    waiting.put(Renew(placed(1)))
    assert waiting.take(lambda _: True, 9) == [Keep(placed(1))]


def test_the_newest_are_kept_when_there_is_no_room() -> None:
    waiting = behind(capacity=3)
    for number in range(10):
        waiting.put(Keep(placed(number)))
    assert waiting.take(lambda _: True, 9) == [Keep(placed(number)) for number in (7, 8, 9)]
    assert waiting.dropped == 7


def test_what_failed_comes_back_before_the_others_unless_it_was_replaced() -> None:
    waiting = behind(capacity=3)
    for number in range(3):
        waiting.put(Keep(placed(number)))
    taken = waiting.take(lambda _: True, 2)
    waiting.put(Keep(placed(1, "http://green")))
    waiting.put_back(taken)
    assert waiting.take(lambda _: True, 9) == [Keep(placed(0)), Keep(placed(2)), Keep(placed(1, "http://green"))]
    assert waiting.dropped == 0


def test_what_could_not_be_written_is_not_merely_renewed() -> None:
    waiting = behind()
    waiting.put(Keep(placed(1)))
    taken = waiting.take(lambda _: True, 1)
    waiting.put(Renew(placed(1, "http://green")))
    waiting.put_back(taken)
    assert waiting.take(lambda _: True, 9) == [Keep(placed(1, "http://green"))]


def test_what_failed_is_dropped_when_others_have_its_room() -> None:
    waiting = behind(capacity=2)
    waiting.put(Keep(placed(0)))
    taken = waiting.take(lambda _: True, 1)
    for number in (1, 2):
        waiting.put(Keep(placed(number)))
    waiting.put_back(taken)
    assert (len(waiting), waiting.dropped) == (2, 1)


def test_coordinators_wait_beside_placements() -> None:
    waiting = behind()
    learn = Learn(CoordinatorId("6b4yt"), ClusterUrl("http://blue"))
    waiting.put(learn)
    waiting.put(Keep(placed(1)))
    assert waiting.take(lambda _: True, 9) == [learn, Keep(placed(1))]


def test_what_cannot_be_written_now_is_looked_at_once_and_not_again_before_a_server_is_well() -> None:
    waiting = behind()
    looked_at: list[str] = []

    def none(key: str) -> bool:
        looked_at.append(key)
        return False

    for number in range(3):
        waiting.put(Keep(placed(number)))
    assert waiting.take(none, 9) == []
    assert waiting.take(none, 9) == []
    assert (len(looked_at), len(waiting), waiting.is_ready) == (3, 3, False)
    waiting.put(Keep(placed(1, "http://green")))
    assert not waiting.is_ready, "its server is that of the write that it replaced"
    waiting.put(Keep(placed(4)))
    waiting.unpark()
    assert waiting.take(lambda _: True, 9) == [
        Keep(each) for each in (placed(0), placed(2), placed(1, "http://green"), placed(4))
    ]


def test_those_that_are_parked_go_first_when_there_is_no_room() -> None:
    waiting = behind(capacity=2)
    for number in range(2):
        waiting.put(Keep(placed(number)))
    assert waiting.take(lambda _: False, 9) == []
    waiting.put(Keep(placed(2)))
    waiting.unpark()
    assert waiting.take(lambda _: True, 9) == [Keep(placed(1)), Keep(placed(2))]
    assert waiting.dropped == 1


def test_whoever_writes_is_woken() -> None:
    woken: list[int] = []
    waiting = Behind(lambda: woken.append(1))
    waiting.put(Keep(placed(1)))
    assert woken == [1]

import pytest

from warren.supervisor.neighbours import shares
from warren.supervisor.words import Standing

READY, STARTED, STARTING, LEAVING = Standing.READY, Standing.STARTED, Standing.STARTING, Standing.LEAVING


@pytest.mark.parametrize(
    ("standings", "taken"),
    [
        ([READY, READY], {1: (1,), 2: (2,)}),
        ([READY, None, READY], {1: (1,), 3: (3, 2)}),
        ([READY, READY, None], {1: (1, 3), 2: (2,)}),
        ([READY, STARTING, READY, None], {1: (1, 4), 3: (3, 2)}),
        ([None, READY, None, None], {2: (2, 1, 3, 4)}),
        ([READY, STARTED], {1: (1, 2)}),
        ([READY, LEAVING], {1: (1, 2)}),
        ([STARTED, STARTED], {1: (1,), 2: (2,)}),  # nobody is ready: an honest 503 is better than no answer
        ([STARTED, LEAVING, None], {1: (1, 2, 3)}),
        ([LEAVING, LEAVING], {1: (1,), 2: (2,)}),
        ([STARTING, STARTING], {}),
        ([None], {}),
    ],
)
def test_each_takes_from_its_own_slot_and_those_of_neighbours_who_cannot(
    standings: list[Standing | None], taken: dict[int, tuple[int, ...]]
) -> None:
    assert shares(dict(enumerate(standings, start=1))) == taken


def test_nobody_is_burdened_with_much_more_than_the_others() -> None:
    standings: dict[int, Standing | None] = {slot: READY if slot > 4 else None for slot in range(1, 9)}
    assert [len(slots) for slots in shares(standings).values()] == [2, 2, 2, 2]

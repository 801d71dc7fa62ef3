import random

import pytest

from tests.replay.made import NOON, some_statements, statement, tally, terms
from warren.replay.statement import HOUR_MS, OTHERS, REJECTED, Kind, Place
from warren.replay.tally import Load, Move, Tally

HOUR = NOON // HOUR_MS
ADHOC, ETL, BI, BLUE = (
    Place(Kind.GROUP, "adhoc"),
    Place(Kind.GROUP, "etl"),
    Place(Kind.GROUP, "bi"),
    Place(Kind.CLUSTER, "blue"),
)


def test_what_moves_is_counted_by_hand_and_by_machine() -> None:
    found = tally(some_statements(), terms())
    assert (found.statements, found.moved, found.unknown) == (6, 4, 0)
    assert {move: moved.count for move, moved in found.moves.items()} == {
        Move(ADHOC, ETL, 0, None): 2,
        Move(ADHOC, REJECTED, 1, None): 1,
        Move(BI, BLUE, 2, None): 1,
    }
    assert found.applied == {0: 3, 1: 1, 2: 1}
    assert found.decided == {0: 3, 1: 1, 2: 1, None: 1}
    assert (found.first, found.last) == (NOON, NOON + 2 * HOUR_MS)


def test_the_load_of_each_hour_before_and_after() -> None:
    found = tally(some_statements(), terms())
    assert found.loads == {
        (HOUR, ADHOC): Load(before=3, after=1),
        (HOUR, ETL): Load(before=1, after=2),
        (HOUR, REJECTED): Load(after=1),
        (HOUR + 1, ADHOC): Load(before=1),
        (HOUR + 1, ETL): Load(after=1),
        (HOUR + 2, BI): Load(before=1),
        (HOUR + 2, BLUE): Load(after=1),
    }


def test_seconds_are_added_up_where_they_are_known() -> None:
    found = tally([statement(source="airflow", wall_seconds=2.5), statement(source="airflow")], terms())
    assert found.has_seconds
    assert found.loads[HOUR, ADHOC] == Load(before=2, seconds_before=2.5)
    assert found.loads[HOUR, ETL] == Load(after=2, seconds_after=2.5)


@pytest.mark.parametrize("seed", range(5))
def test_parts_in_any_order_come_to_the_same(seed: int) -> None:
    chance = random.Random(seed)
    every = [
        statement(
            f"q{n}", source=chance.choice(["airflow", ""]), user=chance.choice(["ann", "carl"]), when=NOON + n * 1000
        )
        for n in range(200)
    ]
    whole = tally(every, terms())
    chance.shuffle(every)
    parts = [tally(every[at : at + 30], terms()) for at in range(0, 200, 30)]
    merged = Tally(3)
    for part in parts:
        merged.merge(part)
    assert merged == whole
    assert [each.name for each in merged.moves[Move(ADHOC, BLUE, 2, None)].examples] == [
        each.name for each in whole.moves[Move(ADHOC, BLUE, 2, None)].examples
    ]


def test_what_is_not_recorded_does_not_count_as_moved() -> None:
    found = tally([statement(group=None, source="airflow")], terms())
    assert (found.moved, found.unknown) == (0, 1)
    assert found.loads == {(HOUR, ETL): Load(after=1)}


def test_groups_without_end_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warren.replay.tally.MOST_MOVES", 3)
    monkeypatch.setattr("warren.replay.tally.MOST_LOADS", 4)
    found = tally([statement(f"q{n}", group=f"g{n}") for n in range(10)], terms())
    assert len(found.moves) == 4
    assert found.moves[Move(OTHERS, OTHERS, None, None)].count == 7
    assert len(found.loads) == 5
    assert sum(load.before for load in found.loads.values()) == 10


def test_kills_and_failures_are_counted() -> None:
    rules = 'name: n\ncondition: \'request.getIntHeader("X-N") > 1\'\nactions: [\'result.put("routingGroup", "y")\']\n'
    kill = "CALL system.runtime.kill_query(query_id => '20260416_160256_03078_6b4yt')"
    found = tally([statement(headers={"x-n": ("?",)}), statement(sql=kill)], terms(rules))
    assert (found.kills, found.failed, found.moved) == (1, {0: 1}, 0)

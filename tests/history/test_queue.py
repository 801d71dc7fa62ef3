"""The memory: in order, within its bounds, every row accounted for."""

import pytest

from tests.history.rows import correction, record
from warren.history.counts import Counts
from warren.history.queue import BATCH_BYTES, BATCH_ROWS, ENTRY_BYTES, Queue, size_of
from warren.history.record import Entry


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def queue(counts: Counts, clock: Clock) -> Queue:
    return Queue(counts, clock=clock)


async def test_rows_come_out_in_the_order_in_which_they_came(queue: Queue) -> None:
    entries: list[Entry] = [record(1), correction(1), record(2)]
    for entry in entries:
        queue.put(entry)
    assert queue.take().entries == entries
    assert queue.take().entries == []


async def test_a_batch_has_so_many_rows(queue: Queue) -> None:
    for number in range(BATCH_ROWS + 1):
        queue.put(record(number))
    assert len(queue.take().entries) == BATCH_ROWS
    assert len(queue.take().entries) == 1


async def test_a_batch_ends_with_the_row_that_makes_it_large(queue: Queue) -> None:
    for number in range(4):
        queue.put(record(number, query_text="x" * (BATCH_BYTES // 2)))
    assert [len(queue.take().entries) for _ in range(3)] == [2, 2, 0]


async def test_beyond_its_bound_of_rows_the_memory_takes_no_more(counts: Counts, clock: Clock) -> None:
    queue = Queue(counts, clock=clock, most_rows=2)
    for number in range(3):
        queue.put(record(number))
    assert (counts.queued_rows, counts.dropped) == (2, 1)
    assert queue.take().entries == [record(0), record(1)]


async def test_beyond_its_bound_of_bytes_the_memory_takes_no_more(counts: Counts, clock: Clock) -> None:
    queue = Queue(counts, clock=clock, most_bytes=3 * ENTRY_BYTES)
    queue.put(record(1, query_text="x" * ENTRY_BYTES))
    queue.put(record(2, query_text="x" * ENTRY_BYTES))
    queue.put(correction(1))
    assert (counts.queued_rows, counts.dropped) == (1, 2)


async def test_rows_fill_the_memory_until_they_are_done_with(queue: Queue, counts: Counts) -> None:
    queue.put(record(1))
    queue.put(correction(1))
    assert counts.queued_bytes == size_of(record(1)) + size_of(correction(1))
    batch = queue.take()
    assert counts.queued_rows == 2
    queue.done(batch)
    assert (counts.queued_rows, counts.queued_bytes) == (0, 0)


async def test_rows_that_are_given_back_are_first_again(queue: Queue, counts: Counts, clock: Clock) -> None:
    queue.put(record(1))
    queue.put(record(2))
    clock.now = 5.0
    batch = queue.take()
    queue.put(record(3))
    assert queue.waiting_since() == 5.0
    queue.give_back(batch)
    assert queue.waiting_since() == 0.0
    assert queue.take().entries == [record(1), record(2), record(3)]
    assert counts.queued_rows == 3


async def test_the_events_say_what_waits(queue: Queue) -> None:
    assert not queue.arrived.is_set()
    assert queue.waiting_since() is None
    queue.put(record(1))
    assert queue.arrived.is_set()
    assert not queue.enough.is_set()
    for number in range(2 * BATCH_ROWS):
        queue.put(record(number))
    assert queue.enough.is_set()
    first = queue.take()
    assert queue.enough.is_set()
    second = queue.take()
    assert not queue.enough.is_set()
    assert queue.arrived.is_set()
    third = queue.take()
    assert not queue.arrived.is_set()
    queue.give_back(third)
    assert queue.arrived.is_set()
    assert [len(batch.entries) for batch in (first, second, third)] == [BATCH_ROWS, BATCH_ROWS, 1]


async def test_rows_that_are_taken_out_make_no_batch_of_those_that_wait(queue: Queue) -> None:
    for number in range(BATCH_ROWS):
        queue.put(record(number))
    batch = queue.take()
    queue.put(record(1))
    assert not queue.enough.is_set()
    queue.give_back(batch)
    assert queue.enough.is_set()


async def test_large_rows_make_a_whole_batch_before_they_are_many(queue: Queue) -> None:
    queue.put(record(1, query_text="x" * BATCH_BYTES))
    assert queue.enough.is_set()


async def test_half_a_memory_is_told_by_rows_and_by_bytes(counts: Counts, clock: Clock) -> None:
    by_rows = Queue(counts, clock=clock, most_rows=4)
    by_rows.put(record(1))
    assert not by_rows.is_half_full()
    assert not by_rows.filling.is_set()
    by_rows.put(record(2))
    assert by_rows.is_half_full()
    assert by_rows.filling.is_set()
    by_rows.done(by_rows.take())
    by_bytes = Queue(counts, clock=clock, most_bytes=4 * ENTRY_BYTES)
    by_bytes.put(record(1, query_text="x" * ENTRY_BYTES))
    assert by_bytes.is_half_full()

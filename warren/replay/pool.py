"""Judges many statements on all cores, with a bounded number of them on the way."""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from itertools import chain, islice
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait as wait_for
from typing import Final

from warren.replay.judging import Judge, Terms
from warren.replay.statement import Statement
from warren.replay.tally import Tally

ALONE: Final = 8
"""So many chunks are judged at once, here: other processes would take longer to start."""
AHEAD: Final = 4
"""Chunks on the way for each process."""

Chunk = Sequence[Statement]


def judged(chunks: Iterable[Chunk], terms: Terms, *, processes: int, after_each: Callable[[Tally], None]) -> Tally:
    """The tally of all chunks; `after_each` sees how it grows.

    Raises SettingsError for rules that cannot be used, BrokenProcessPool when a process is killed, and whatever the
    chunks raise.
    """
    total = Tally(terms.examples)

    def add(tally: Tally) -> None:
        total.merge(tally)
        after_each(total)

    judge, coming = Judge(terms), iter(chunks)
    for chunk in islice(coming, ALONE):
        add(tally_of(judge, chunk, terms))
    if (more := next(coming, None)) is None:
        return total
    with _pool(terms, processes) as pool:
        under_way: set[Future[Tally]] = set()
        for chunk in chain([more], coming):
            with _interrupts_later():  # a terminal tells all processes; ours are ended by the one who started them
                under_way.add(pool.submit(_tally, chunk))
            if len(under_way) >= AHEAD * processes:
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                for each in done:
                    add(each.result())
        for each in under_way:
            add(each.result())
    return total


def tally_of(judge: Judge, chunk: Chunk, terms: Terms) -> Tally:
    tally = Tally(terms.examples)
    for statement in chunk:
        tally.add(statement, judge.judge(statement))
    return tally


def usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _pool(terms: Terms, processes: int) -> Iterator[ProcessPoolExecutor]:
    # Spawned, since this process has threads and connections that a fork would copy.
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _start, (terms,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _interrupts_later() -> Iterator[None]:
    """Ctrl-C is heard when this is over; a process that starts meanwhile never hears it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# --- in the processes of the pool

_JUDGING: dict[str, tuple[Judge, Terms]] = {}
"""One entry in a process of the pool, none elsewhere: what a pool calls there can be given nothing else."""


def _start(terms: Terms) -> None:
    _JUDGING["here"] = Judge(terms), terms
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that is killed cannot end its processes, which would wait for work for ever."""
    if (parent := parent_process()) is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def _tally(chunk: Chunk) -> Tally:
    judge, terms = _JUDGING["here"]
    return tally_of(judge, chunk, terms)

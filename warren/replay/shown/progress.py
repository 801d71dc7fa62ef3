"""How far a replay is: a bar on a terminal, else a line every few seconds."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

LINE_SECONDS: Final = 5.0

Tell = Callable[[float, int], None]
"""Given the share that is done, from 0 to 1, and how many statements that are."""


@contextmanager
def telling(out: TextIO) -> Iterator[Tell]:
    if out.isatty():
        with _bar(out) as tell:
            yield tell
    else:
        yield lines(out, time.monotonic)


@contextmanager
def _bar(out: TextIO) -> Iterator[Tell]:
    columns = (
        TextColumn("replaying"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[statements]:,} statements"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=out), transient=True) as progress:
        task = progress.add_task("replaying", total=1.0, statements=0)
        yield lambda share, statements: progress.update(task, completed=share, statements=statements)


def lines(out: TextIO, clock: Callable[[], float]) -> Tell:
    """Nothing at all for what takes less than a few seconds."""
    last = clock()

    def tell(share: float, statements: int) -> None:
        nonlocal last
        if clock() - last >= LINE_SECONDS:
            last = clock()
            out.write(f"replaying: {100 * share:.0f} %, {statements:,} statements\n")
            out.flush()

    return tell

"""Rows that no table takes in any form: kept in a file for people to look at, within a bound."""

import asyncio
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import structlog

from warren.history.counts import Counts
from warren.history.disk.lines import line_of
from warren.history.record import Entry
from warren.telemetry.few_lines import FewLines

log = structlog.get_logger()

MOST_BYTES = 16 * 1024 * 1024


class SetAside:
    """`set-aside.jsonl`, to which all processes append, one line for each row, with the reason beside it."""

    def __init__(
        self, directory: Path, counts: Counts, *, clock: Callable[[], float], most_bytes: int = MOST_BYTES
    ) -> None:
        """`clock` tells monotonic seconds."""
        self._path = directory / "set-aside.jsonl"
        self._counts = counts
        self._most_bytes = most_bytes
        self._lines = FewLines(clock, lines=1)

    async def keep(self, entry: Entry, reason: str) -> None:
        """Put it there; when the file is full or cannot be written, it is dropped and counted. Never fails."""
        self._counts.set_aside += 1
        try:
            await asyncio.to_thread(self._append, line_of(entry, because=reason))
        except OSError as error:
            self._counts.dropped += 1
            reason = f"{reason}; not kept: {error}"
        if self._lines.one_more() is not None:
            log.warning(
                "history_rows_set_aside", rows_so_far=self._counts.set_aside, because=reason, file=str(self._path)
            )

    def _append(self, line: bytes) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        with open(os.open(self._path, flags, 0o600), "ab") as file:  # noqa: PTH123 needs the mode from the start
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file.fileno()).st_size + len(line) > self._most_bytes:
                raise OSError(f"the file may have {self._most_bytes} bytes")
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

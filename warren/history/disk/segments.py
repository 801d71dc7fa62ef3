"""The files of the spill: how they are named, and what stands in one, whoever wrote it and however it ended."""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from warren.history.disk.lines import LONGEST_LINE, entry_of
from warren.history.queue import BATCH_BYTES, BATCH_ROWS
from warren.history.record import Entry

NAME = re.compile(r"[0-9a-f]{8}-[0-9a-f]{8}\.\d{6,}\.jsonl")
"""The name that a process has drawn, which database the rows are for, and a number that grows."""


@dataclass(slots=True, eq=False)
class Segment:
    """One file, and how far it is done with."""

    path: Path
    size: int = 0
    """Bytes that are safely there."""
    rows: int = 0
    """Lines from `offset` on."""
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Slice:
    """Lines of a segment, one after the other."""

    segment: Segment
    start: int
    end: int
    lines: int
    entries: tuple[Entry, ...] = ()

    @property
    def damaged(self) -> int:
        """Lines that cannot be read."""
        return self.lines - len(self.entries)


def owner_of(path: Path) -> str:
    """The name under which the process that wrote it held its lock."""
    return path.name.partition(".")[0]


def segment_at(path: Path) -> Segment:
    """A segment that somebody else has written. Raises OSError."""
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        return Segment(path, size=size, rows=sum(1 for _ in _lines(file, size)))


def read(segment: Segment) -> Slice:
    """The next lines of a segment, as many as make a batch; none when it has been read to its end. Raises OSError."""
    entries: list[Entry] = []
    lines, end = 0, segment.offset
    with opened(segment.path) as file:
        file.seek(segment.offset)
        for line, length in _lines(file, segment.size - segment.offset):
            lines += 1
            end += length
            with suppress(ValueError):  # torn when its process was killed, or not ours: counted as damaged
                entries.append(entry_of(line))
            if lines == BATCH_ROWS or end - segment.offset >= BATCH_BYTES:
                break
    return Slice(segment, segment.offset, end, lines, tuple(entries))


def opened(path: Path) -> BinaryIO:
    """The file, for reading. Raises OSError, also for what is not a file."""
    # Not blocking: opening somebody's named pipe would wait for its other end.
    file = open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW), "rb")  # noqa: PTH123, SIM115 flags
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(f"{path.name} is not a file")
    return file


def _lines(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int]]:
    """Lines within the next `size` bytes, each with its length; of one that is too long, only its beginning."""
    while size > 0 and (line := file.readline(min(LONGEST_LINE, size))):
        length, piece = len(line), line
        while (
            not piece.endswith(b"\n") and length < size and (piece := file.readline(min(LONGEST_LINE, size - length)))
        ):
            length += len(piece)
        yield line, length
        size -= length

"""Rows that wait on disk, first in, first out: for a database that is away, and beyond the life of this process."""

import errno
import hashlib
import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import structlog

from warren.history.counts import Counts
from warren.history.disk.lines import line_of
from warren.history.disk.segments import NAME, Segment, Slice, owner_of, read, segment_at
from warren.history.record import Entry
from warren.locks import locked, taken_over

log = structlog.get_logger()

MOST_BYTES = 1024**3
"""Of all files together, whichever processes they belong to."""
SEGMENT_BYTES = MOST_BYTES // 64
"""After so many bytes a new file is begun: files are what is deleted, when done with or for want of room."""


class _Found(NamedTuple):
    """A file in the directory; sorts by age."""

    changed: int
    path: Path
    size: int


class Spill:
    """Files in a directory that any number of processes share.

    Each process writes files of its own, under a name that it draws and holds a lock on, and reads them again. Files
    whose lock nobody holds are taken over, when they are for the same database: the other half of a name says which.
    All methods wait for the disk: they are for threads, any number at once.
    """

    def __init__(
        self,
        directory: Path,
        counts: Counts,
        *,
        origin: str,
        most_bytes: int = MOST_BYTES,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        """`origin` names the database. Touches nothing yet: a process that spills nothing leaves no file."""
        self._directory = directory
        self._counts = counts
        self._most_bytes = most_bytes
        self._segment_bytes = segment_bytes
        self._turn = threading.Lock()
        self._database = hashlib.sha256(origin.encode()).hexdigest()[:8]
        self._name = f"{secrets.token_hex(4)}-{self._database}"
        self._locks: dict[str, int] = {}
        """By name: this process's own, and those that it took over."""
        self._segments: list[Segment] = []
        """What is to be read, oldest first."""
        self._number = 0
        self._descriptor: int | None = None
        """Of the last segment, while it is written to."""
        self._slice: Slice | None = None
        """What was read last and is not done with."""

    def has_rows(self) -> bool:
        """Whether any wait here. Does not wait for the disk."""
        return bool(self._segments)

    def append(self, entries: Sequence[Entry]) -> Slice:
        """Put rows at the end; they are safely on disk when it returns. Raises OSError, and nothing is there then.

        Where the bound is reached, the oldest files are dropped.
        """
        lines = [line_of(entry) for entry in entries]
        data = b"".join(lines)
        with self._turn:
            self._claim()
            self._make_room(len(data))
            segment = self._open_segment()
            start = segment.size
            self._write(segment, data)
            segment.size += len(data)
            segment.rows += len(lines)
            self._counts.spilled += len(lines)
            if segment.size >= self._segment_bytes:
                self._seal()
            self._recount()
            return Slice(segment, start, segment.size, len(lines))

    def oldest(self) -> Slice | None:
        """The rows that have waited longest; the same ones until they are done with. None when there are none."""
        with self._turn:
            while self._segments:
                found = self._slice or self._read(self._segments[0])
                if found is not None and found.entries:
                    self._slice = found
                    return found
                if found is not None:
                    self._advance(found)
            return None

    def done(self, taken: Slice) -> None:
        """These rows are in the database. Never fails; a file that cannot be deleted is read again by a later process."""
        with self._turn:
            self._advance(taken)

    def adopt(self) -> None:
        """Take over what processes that are gone have left. Never fails."""
        with self._turn:
            try:
                self._adopt()
            except OSError as error:
                log.warning("history_spill_unusable", file=str(self._directory), because=str(error))

    def close(self) -> None:
        """Leave the files to other processes; those that are empty, with their locks, are removed."""
        with self._turn:
            self._seal()
            for name in list(self._locks):
                self._release(name)
            self._segments.clear()

    # --- writing

    def _claim(self) -> None:
        if self._name not in self._locks:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._locks[self._name] = locked(self._lock_path(self._name))

    def _open_segment(self) -> Segment:
        if self._descriptor is not None:
            if os.fstat(self._descriptor).st_size == self._segments[-1].size:
                return self._segments[-1]
            self._seal()  # somebody has shortened it: what comes now would not be where it is looked for
        self._number += 1
        path = self._directory / f"{self._name}.{self._number:06}.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o600)
        segment = Segment(path)
        self._segments.append(segment)
        try:
            _sync_directory(self._directory)
        except OSError:
            self._remove(segment)
            raise
        return segment

    def _write(self, segment: Segment, data: bytes) -> None:
        assert self._descriptor is not None
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            os.fsync(self._descriptor)
        except OSError:
            # Half of it may be there: the file ends where it did before, and is not written to again.
            with suppress(OSError):  # what is beyond its size is never read here, and torn for anybody else
                os.ftruncate(self._descriptor, segment.size)
            self._seal()
            if not segment.size:
                self._remove(segment)
            raise

    def _seal(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _make_room(self, needed: int) -> None:
        files = self._found()
        room = self._most_bytes - needed - sum(file.size for file in files)
        for file in self._droppable(files):
            if room >= 0:
                return
            self._drop(file.path)
            room += file.size
        if room < 0:
            raise OSError(errno.ENOSPC, f"the files of all processes may have {self._most_bytes} bytes together")

    def _found(self) -> list[_Found]:
        """The segments of all processes."""
        found = []
        for path in self._directory.iterdir():
            if NAME.fullmatch(path.name):
                with suppress(FileNotFoundError):  # its process is done with it
                    status = path.stat()
                    found.append(_Found(status.st_mtime_ns, path, status.st_size))
        return sorted(found)

    def _droppable(self, files: Sequence[_Found]) -> Iterator[_Found]:
        """Those, oldest first, that nobody writes to any more; our own in any case."""
        ours = {segment.path for segment in self._segments}
        newest = {owner_of(path): path for path in sorted(file.path for file in files)}
        for file in files:
            if file.path in ours or file.path != newest[owner_of(file.path)]:
                yield file

    def _drop(self, path: Path) -> None:
        """Rows are lost: those of the file that has waited longest."""
        segment = next((each for each in self._segments if each.path == path), None)
        rows = segment.rows if segment is not None else segment_at(path).rows
        path.unlink(missing_ok=True)
        if segment is not None:
            self._forget(segment)
        self._counts.dropped_on_disk += rows

    # --- reading

    def _read(self, segment: Segment) -> Slice | None:
        """None for a segment that can be read no more, which is then none of ours."""
        try:
            found = read(segment)
        except OSError as error:
            # When it is gone, another process has dropped and counted it; otherwise it stays for a later one.
            if not isinstance(error, FileNotFoundError):
                log.warning("history_spill_unusable", file=str(segment.path), because=str(error))
            self._forget(segment)
            return None
        if found.damaged:
            self._tell_damaged(segment, found.damaged)
        if not found.lines and segment.offset < segment.size:
            # Somebody has shortened it: what is missing never comes.
            if segment.rows:
                self._tell_damaged(segment, segment.rows)
            self._remove(segment)
            return None
        return found

    def _tell_damaged(self, segment: Segment, lines: int) -> None:
        self._counts.damaged += lines
        log.warning("history_spill_damaged", file=str(segment.path), lines=lines)

    def _advance(self, taken: Slice) -> None:
        segment = taken.segment
        if not self._segments or segment is not self._segments[0] or segment.offset != taken.start:
            return  # dropped meanwhile, or other rows are before it: written twice, it does no harm
        self._slice = None
        segment.offset = taken.end
        segment.rows -= taken.lines
        if segment.offset >= segment.size:
            self._remove(segment)
        self._recount()

    def _remove(self, segment: Segment) -> None:
        try:
            segment.path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("history_spill_unusable", file=str(segment.path), because=str(error))
        self._forget(segment)

    def _forget(self, segment: Segment) -> None:
        self._slice = None
        if segment is self._segments[-1]:
            self._seal()
        self._segments.remove(segment)
        self._recount()
        owner = owner_of(segment.path)
        if owner != self._name and all(owner_of(each.path) != owner for each in self._segments):
            self._release(owner)

    def _recount(self) -> None:
        self._counts.spilled_rows = sum(segment.rows for segment in self._segments)
        self._counts.spilled_bytes = sum(segment.size - segment.offset for segment in self._segments)

    # --- whose files they are

    def _adopt(self) -> None:
        if not self._directory.is_dir():
            return
        names = {owner_of(file.path) for file in self._found()} | {path.stem for path in self._directory.glob("*.lock")}
        adopted: list[Segment] = []
        for name in sorted(names - self._locks.keys()):
            if name.endswith(f"-{self._database}") and self._takes_over(name):
                left = self._left_by(name)
                adopted += left
                if not left:
                    self._release(name)
        if adopted:
            self._segments[:0] = adopted
            self._slice = None
            self._recount()
            rows = sum(segment.rows for segment in adopted)
            log.info("history_spill_adopted", directory=str(self._directory), files=len(adopted), rows=rows)

    def _takes_over(self, name: str) -> bool:
        path = self._lock_path(name)
        path.touch(mode=0o600)  # files may have lost their lock, by an operator's hand
        lock = taken_over(path)
        if lock is not None:
            self._locks[name] = lock
        return lock is not None

    def _left_by(self, name: str) -> list[Segment]:
        paths = sorted(file.path for file in self._found() if owner_of(file.path) == name)
        left = []
        for path in paths:
            try:
                left.append(segment_at(path))
            except OSError as error:
                log.warning("history_spill_unusable", file=str(path), because=str(error))
        return left

    def _release(self, name: str) -> None:
        """Let go of a lock; it is removed unless it still says whose some files are."""
        lock = self._locks.pop(name)
        with suppress(OSError):
            if all(owner_of(file.path) != name for file in self._found()):
                self._lock_path(name).unlink(missing_ok=True)
        os.close(lock)

    def _lock_path(self, name: str) -> Path:
        return self._directory / f"{name}.lock"


def _sync_directory(directory: Path) -> None:
    """Make sure that new names in it are still there after a power failure."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

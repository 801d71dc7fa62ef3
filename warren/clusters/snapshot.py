"""The last known roster on disk: lets an instance start, and serve, while its database is down."""

import fcntl
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson
import structlog

from warren.clusters.store import Rows, columns_of, rows_of
from warren.model import Cluster

log = structlog.get_logger()

LARGEST = 16 * 1024 * 1024
"""Bytes of a snapshot that are read; a thousand clusters take a fortieth of that."""
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Saved:
    """A roster as it was."""

    rows: Rows
    at: float
    """Unix time in seconds at which this list of clusters was new."""


class Snapshot:
    """`roster.json` in the state directory, mode 0600, replaced whole.

    Any number of processes may read it; the one that holds the lock on `roster.lock` writes it, until it ends.
    All methods wait for the disk, and none raises: what goes wrong is logged, once for each cause.
    """

    def __init__(self, directory: Path, *, origin: str) -> None:
        """`origin` says which database the clusters are from: those of another one are no use, and may do harm."""
        self._directory = directory
        self._path = directory / "roster.json"
        self._origin = origin
        self._lock: int | None = None
        self._complained: str | None = None

    def load(self) -> Saved | None:
        """What was saved last; None when there is nothing, or nothing that can be used."""
        try:
            return self._read(_contents(self._path))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:  # ValueError: not JSON, or not ours
            log.warning("snapshot_ignored", file=str(self._path), because=str(error))
            return None

    def save(self, clusters: tuple[Cluster, ...], at: float) -> bool:
        """Replace the snapshot; False when another process owns it, or the disk refuses."""
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._is_ours():
                return False
            _replace(self._path, self._written(clusters, at))
        except OSError as error:
            if self._complained != str(error):
                log.warning("snapshot_not_written", file=str(self._path), because=str(error))
            self._complained = str(error)
            return False
        self._complained = None
        return True

    def close(self) -> None:
        """Leave the file to the next process."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _is_ours(self) -> bool:
        if self._lock is not None:
            return True
        lock = os.open(self._directory / "roster.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        self._lock = lock
        return True

    def _written(self, clusters: tuple[Cluster, ...], at: float) -> bytes:
        return orjson.dumps(
            {
                "format": FORMAT,
                "origin": self._origin,
                "at": at,
                "clusters": [columns_of(cluster) for cluster in clusters],
            },
            option=orjson.OPT_INDENT_2,
        )

    def _read(self, contents: bytes) -> Saved:
        held = orjson.loads(contents)
        if not isinstance(held, dict) or held.get("format") != FORMAT:
            raise ValueError("it is not a snapshot of this version")
        if held.get("origin") != self._origin:
            raise ValueError(f"it holds the clusters of another database than {self._origin}")
        at, clusters = held.get("at"), held.get("clusters")
        if not isinstance(at, int | float) or not isinstance(clusters, list):
            raise ValueError("it is damaged")
        return Saved(rows_of(row for row in clusters if isinstance(row, Mapping)), float(at))


def _contents(path: Path) -> bytes:
    # Not blocking: opening somebody's named pipe would wait for its other end.
    with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123 needs flags
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is not a file")
        if status.st_size > LARGEST:
            raise ValueError(f"it has {status.st_size} bytes, more than any list of clusters")
        return file.read(LARGEST)


def _replace(path: Path, contents: bytes) -> None:
    """Readers see the old contents or the new, whatever happens in between."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 needs the mode from the start
        file.write(contents)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)

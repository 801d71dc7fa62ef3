"""Where one process keeps what is its own: a name that no other has, found abandoned when the process is gone."""

import os
import re
import secrets
import shutil
import socket
from pathlib import Path
from typing import Final

from warren.admin.serve import LONGEST_PATH
from warren.locks import locked, taken_over

NAME_LENGTH: Final = len("/12345678.sock")


class OwnPlace:
    """A socket path that no other living process uses, whichever containers share the directory.

    A lock says whose they are, and the kernel gives it back at the end.
    """

    def __init__(self, state: Path) -> None:
        """What processes that are gone have left in the directory is removed. Raises OSError when nothing can be made there."""
        directory = socket_directory(state)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        remove_abandoned(directory)
        name = secrets.token_hex(4)
        self._counters = counters_of(directory / name)
        self.socket_path = short(directory) / f"{name}.sock"
        self._lock_path = directory / f"{name}.lock"
        self._lock = locked(self._lock_path)

    def counters_directory(self) -> Path:
        """Made for what the workers of this process count. Raises OSError."""
        self._counters.mkdir(mode=0o700)
        return self._counters

    def leave(self) -> None:
        """Remove all of it: nobody needs it any more."""
        self.socket_path.unlink(missing_ok=True)
        shutil.rmtree(self._counters, ignore_errors=True)
        self._lock_path.unlink(missing_ok=True)
        os.close(self._lock)


def socket_directory(state: Path) -> Path:
    """Where all processes of one state directory have their sockets."""
    return state / "sockets"


def counters_of(place: Path) -> Path:
    """Where the workers of the supervisor with that name keep what they have told of their counters."""
    return place.with_suffix(".counters")


def short(directory: Path) -> Path:
    """The directory by a path that leaves room for a socket's name within the kernel's limit."""
    if len(os.fsencode(directory)) + NAME_LENGTH <= LONGEST_PATH or not Path("/proc/self/fd").is_dir():
        return directory
    # Through its descriptor, which stays open while the process lives, every directory has a short path.
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return Path(f"/proc/self/fd/{descriptor}")


def remove_abandoned(directory: Path) -> None:
    """Remove what belongs to locks that nobody holds."""
    for lock_path in directory.glob("*.lock"):
        if (lock := taken_over(lock_path)) is not None:
            lock_path.with_suffix(".sock").unlink(missing_ok=True)
            shutil.rmtree(counters_of(lock_path), ignore_errors=True)
            lock_path.unlink(missing_ok=True)
            os.close(lock)


def host_name() -> str:
    """The host's name as it can stand in headers: `instanceName` has the same characters."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname()) or "warren"

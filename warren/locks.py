"""Files whose lock says that their process lives: process ids do not tell, since every container has a process 1."""

import fcntl
import os
from pathlib import Path


def locked(path: Path) -> int:
    """The descriptor of a new file that this process holds the lock on, until it is closed or the process ends."""
    while True:
        lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.fstat(lock).st_nlink:
            return lock
        os.close(lock)  # another process took it for abandoned in the moment before it was locked


def taken_over(path: Path) -> int | None:
    """The descriptor of a file whose lock nobody held; None when its process lives, or when it is gone or another user's."""
    try:
        lock = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    if os.fstat(lock).st_nlink:
        return lock
    os.close(lock)  # its file was removed meanwhile, and the name may be another's by now
    return None

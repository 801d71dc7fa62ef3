"""What this process takes of its machine, read from /proc where there is one."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

STARTED = 21
"""The field of /proc/self/stat, counted from 0, that holds the start in clock ticks since the machine's; proc(5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnProcess:
    """At one moment. None for what this system does not tell."""

    cpu_seconds: float
    resident_bytes: int | None = None
    open_descriptors: int | None = None
    started_at: float | None = None
    """Unix time in seconds."""


def own_process(proc: Path = Path("/proc")) -> OwnProcess:
    """Read it. With very many descriptors that takes milliseconds: call it in a thread."""
    cpu_seconds = time.process_time()
    try:
        pages = int((proc / "self/statm").read_text().split()[1])
        # The name of the program, in parentheses, may hold blanks.
        _, _, fields = (proc / "self/stat").read_text().rpartition(")")
        ticks = int(fields.split()[STARTED - 2])
        booted = next(line for line in (proc / "stat").read_text().splitlines() if line.startswith("btime "))
        return OwnProcess(
            cpu_seconds=cpu_seconds,
            resident_bytes=pages * os.sysconf("SC_PAGE_SIZE"),
            open_descriptors=len(os.listdir(proc / "self/fd")),  # noqa: PTH208 a Path for each would take long
            started_at=int(booted.split()[1]) + ticks / os.sysconf("SC_CLK_TCK"),
        )
    except (OSError, ValueError, IndexError, StopIteration):
        return OwnProcess(cpu_seconds=cpu_seconds)

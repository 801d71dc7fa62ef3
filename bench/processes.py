"""Programs that a bench starts and certainly ends, and what the kernel says that they use."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence, Set
from pathlib import Path
from typing import Final, Self

STOP_SECONDS: Final = 15.0
"""After SIGTERM; then SIGKILL to it and its workers."""

LOOK_SECONDS: Final = 0.002
"""Between two looks at something that is waited for: short, since starting is measured this way."""

TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")


class BenchFailed(Exception):
    """The bench cannot go on. Says why, and what to do."""


class Program:
    """One command on the cores that it is given, its output in a file. Can be started again after it was stopped."""

    def __init__(self, command: Sequence[str], *, log: Path, cores: Set[int], user: str | None = None) -> None:
        """`user` is whom it runs as, when not as the bench itself."""
        self._command = tuple(command)
        self._log = log
        self._cores = cores
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    def start(self) -> None:
        """Returns at once; `wait_until` knows when it serves."""
        mine = os.sched_getaffinity(0)
        # A child inherits the cores before its first instruction, so that workers and threads have them too.
        os.sched_setaffinity(0, self._cores)
        try:
            with self._log.open("ab") as log:
                # A group of its own: Ctrl-C is for the bench, which then ends its programs in order.
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    user=self._user,
                )
        finally:
            os.sched_setaffinity(0, mine)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def wait_until(self, ready: Callable[[], bool], *, seconds: float, what: str) -> None:
        """Raises BenchFailed when the program ended, or `seconds` passed, before `ready`."""
        assert self._process is not None, "not started"
        until = time.monotonic() + seconds
        while not ready():
            code = self._process.poll()
            if code is not None or time.monotonic() > until:
                how = f"ended with {code}" if code is not None else f"took longer than {seconds:.0f} s"
                end = self._log.read_text(errors="replace")[-2000:]
                raise BenchFailed(f"waited for {what}, but {self._command[0]} {how}; its log ends:\n{end}")
            time.sleep(LOOK_SECONDS)

    def output(self, *, seconds: float) -> str:
        """Run it to its end, and what it said. Raises BenchFailed when it failed, or took longer."""
        with self:
            assert self._process is not None, "it was just started"
            try:
                code = self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                code = None
        said = self._log.read_text(errors="replace")
        if code != 0:
            how = f"ended with {code}" if code is not None else f"took longer than {seconds:.0f} s"
            raise BenchFailed(f"{self._command[0]} {how}; it said:\n{said[-2000:]}")
        return said

    def cpu_seconds(self) -> float:
        """User and system time of it and its workers since they started."""
        return sum(cpu_ticks(_stat(pid)) for pid in self._pids()) / TICKS_PER_SECOND

    def resident_bytes(self) -> int:
        """Of it and its workers together; what they share counts for each."""
        return self._memory("VmRSS")

    def forget_peak(self) -> None:
        """From now on `peak_bytes` starts anew."""
        for pid in self._pids():
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def peak_bytes(self) -> int:
        """The most that `resident_bytes` has been since `forget_peak`."""
        return self._memory("VmHWM")

    def _memory(self, field: str) -> int:
        return sum(status_bytes(Path(f"/proc/{pid}/status").read_text(), field) for pid in self._pids())

    def _pids(self) -> frozenset[int]:
        everyone = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return descendants(self.pid, ((pid, parent(text)) for pid in everyone if (text := _stat(pid))))


def _stat(pid: int) -> str:
    """Empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def cpu_ticks(stat: str) -> int:
    """utime and stime in the text of /proc/PID/stat; 0 when the process is gone."""
    fields = _after_name(stat)
    return int(fields[11]) + int(fields[12]) if fields else 0


def parent(stat: str) -> int:
    return int(_after_name(stat)[1])


def _after_name(stat: str) -> list[str]:
    # The second field is the program's name in parentheses, and may hold blanks and parentheses of its own.
    return stat.rpartition(")")[2].split()


def descendants(root: int, parents: Iterable[tuple[int, int]]) -> frozenset[int]:
    """The root and all processes below it; `parents` are pairs of a process and its parent."""
    children: dict[int, list[int]] = {}
    for pid, above in parents:
        children.setdefault(above, []).append(pid)
    found, look = {root}, [root]
    while look:
        below = children.get(look.pop(), [])
        found.update(below)
        look.extend(below)
    return frozenset(found)


def status_bytes(status: str, field: str) -> int:
    """A memory field of the text of /proc/PID/status. Raises KeyError when it is not there."""
    for line in status.splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024
    raise KeyError(field)


def free_port() -> int:
    """A loopback port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

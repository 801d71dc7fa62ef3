"""One worker process, as its supervisor sees it: what it last said, and whether it is still there."""

import asyncio
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress

import structlog

from warren.errors import Problem
from warren.supervisor.launch import Configuration
from warren.supervisor.words import LONGEST_LINE, Leave, Orders, Report, Seen, Standing

log = structlog.get_logger()

SILENCE_SECONDS = 3.0
"""A worker that has said nothing for so long is taken to hang: a neighbour takes the connections of its slot."""
KILL_SECONDS = 30.0
"""After so much silence it is killed, and replaced."""
FIRST_WORD_SECONDS = 60.0
"""So long may a new one take to say anything: a crowded machine takes its time to load a program."""
NOW_SECONDS = 2.0
"""So long may one take that is told to stop at once."""


class WorkerProcess:
    """Calls `on_news` whenever it has something new to say, and when it has ended."""

    def __init__(
        self,
        slot: int,
        process: asyncio.subprocess.Process,
        control: socket.socket,
        configuration: Configuration,
        on_news: Callable[[], None],
    ) -> None:
        self.slot = slot
        self.pid = process.pid
        self.configuration = configuration
        self.standing = Standing.STARTING
        self.problems: tuple[Problem, ...] = ()
        self.has_ended = False
        self._process = process
        self._control = control
        self._on_news = on_news
        self._orders = Orders()
        self._writer: asyncio.StreamWriter | None = None
        self._socket = ""
        self._began = self._heard = time.monotonic()
        self._ends_by: float | None = None
        self._has_spoken = False
        self._was_silent = False

    @property
    def is_lost(self) -> bool:
        """It serves its slot no longer, or will soon not."""
        return self.has_ended or self.standing is Standing.LEAVING

    @property
    def lived_seconds(self) -> float:
        return time.monotonic() - self._began

    async def run(self) -> None:
        """Listen to it until it has ended."""
        try:
            reader, self._writer = await asyncio.open_unix_connection(sock=self._control, limit=LONGEST_LINE)
            self._say()
            while (line := await reader.readline()).endswith(b"\n"):
                self._hear(Report.read(line))
        except ConnectionError:
            pass  # it ended with orders unread
        finally:
            if self._writer is not None:
                self._writer.close()
            code = await self._process.wait()
            self.has_ended = True
            self._tell_of_end(code)
            self._on_news()

    def order(self, orders: Orders) -> None:
        """Tell it unless it knows already."""
        if orders == self._orders:
            return
        if orders.leave is not self._orders.leave:
            patience = NOW_SECONDS if orders.leave is Leave.NOW else self.configuration.leave_seconds
            self._ends_by = time.monotonic() + patience
        self._orders = orders
        self._say()

    def kill(self) -> None:
        """No farewell of any kind."""
        with suppress(ProcessLookupError):  # it was faster
            self._process.kill()

    def is_silent(self, now: float) -> bool:
        """It has not said for some time that it is well."""
        return self._has_spoken and now - self._heard > SILENCE_SECONDS

    def forgive(self, now: float) -> None:
        """The supervisor itself stood still: what it has not heard meanwhile says nothing."""
        self._heard = now

    def judge(self, now: float) -> None:
        """Note when it falls silent; kill it when it was silent, or has been leaving, for too long."""
        if self.has_ended:
            return
        silent = self.is_silent(now)
        if silent and not self._was_silent:
            log.warning("worker_silent", worker=self.slot, pid=self.pid, after_seconds=SILENCE_SECONDS)
        elif self._was_silent and not silent:
            log.info("worker_heard_again", worker=self.slot, pid=self.pid)
        self._was_silent = silent
        longest = KILL_SECONDS if self._has_spoken else FIRST_WORD_SECONDS
        if now - self._heard > longest:
            self._kill_for(f"it has said nothing for {longest:g} s")
        elif self._ends_by is not None and now > self._ends_by:
            self._kill_for("it was told to stop, and did not end in time")

    def seen(self, now: float) -> Seen:
        """For its siblings."""
        if self.has_ended:
            return Seen(self.slot, 0, "", "it has ended, and is about to be started again")
        if self.is_silent(now):
            return Seen(self.slot, self.pid, "", f"it has said nothing for {SILENCE_SECONDS:g} s or more")
        if self.standing is Standing.STARTING:
            return Seen(self.slot, self.pid, "", "it is starting")
        return Seen(self.slot, self.pid, self._socket, "")

    def _say(self) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(self._orders.line())

    def _hear(self, report: Report) -> None:
        self._heard = time.monotonic()
        self._has_spoken = True
        is_news = (report.standing, report.socket) != (self.standing, self._socket) or self._was_silent
        self.standing, self._socket = report.standing, report.socket
        self.problems = report.problems
        if is_news or report.problems:
            self._on_news()

    def _kill_for(self, reason: str) -> None:
        log.error("worker_killed", worker=self.slot, pid=self.pid, because=reason)
        self._heard = time.monotonic()
        self._ends_by = None
        self.kill()

    def _tell_of_end(self, code: int) -> None:
        asked = self._orders.leave is not Leave.NOT
        say = log.info if asked and code == 0 else log.warning
        because = "; ".join(str(problem) for problem in self.problems) or _in_words(code)
        say("worker_ended", worker=self.slot, pid=self.pid, because=because, lived_seconds=round(self.lived_seconds, 1))


def _in_words(code: int) -> str:
    if code >= 0:
        return f"it ended with exit code {code}"
    try:
        return f"it was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"it was ended by signal {-code}"

"""How long it has been going wrong, how long to wait until the next try, and how often to speak of it."""

import math
from collections.abc import Callable

import structlog

from warren.history.counts import Counts

log = structlog.get_logger()

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 4.0
QUIET_SECONDS = 30.0
"""A trouble that begins so soon after the last one was told of is the same one: a flapping database fills no log."""


class Seldom:
    """Says yes at the first time, and then at most once a while."""

    def __init__(self, clock: Callable[[], float], *, seconds: float = 60.0) -> None:
        self._clock = clock
        self._seconds = seconds
        self._last = -math.inf

    def __call__(self) -> bool:
        now = self._clock()
        if now - self._last < self._seconds:
            return False
        self._last = now
        return True


class Trouble:
    """Whether rows fail to reach the database: one log line when that begins, one when all are there."""

    def __init__(self, counts: Counts, *, clock: Callable[[], float]) -> None:
        """`clock` tells monotonic seconds."""
        self._counts = counts
        self._clock = clock
        self._may_tell = Seldom(clock, seconds=QUIET_SECONDS)
        self._told = False
        self._since = 0.0
        self._written_before = 0
        self._failures = 0

    @property
    def is_on(self) -> bool:
        return self._failures > 0

    def failed(self, because: str) -> float:
        """A batch has failed; how many seconds to wait before the next try."""
        if not self._failures:
            self._since = self._clock()
            self._written_before = self._counts.written
            self._told = self._may_tell()
            if self._told:
                log.warning("history_delayed", because=because)
        self._failures += 1
        return min(FIRST_PAUSE_SECONDS * 2.0 ** min(self._failures - 1, 10), LONGEST_PAUSE_SECONDS)

    def ended(self) -> None:
        """All rows are written."""
        if self._failures and self._told:
            log.info(
                "history_caught_up",
                rows=self._counts.written - self._written_before,
                seconds=round(self._clock() - self._since, 1),
            )
        self._failures = 0

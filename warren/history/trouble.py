"""How long it has been going wrong, how long to wait until the next try, and how often to speak of it."""

from collections.abc import Callable

import structlog

from warren.history.counts import Counts
from warren.pauses import Pauses
from warren.telemetry.few_lines import FewLines

log = structlog.get_logger()

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 4.0
QUIET_SECONDS = 30.0
"""A trouble that begins so soon after the last one was told of is the same one: a flapping database fills no log."""


class Trouble:
    """Whether rows fail to reach the database: one log line when that begins, one when all are there."""

    def __init__(self, counts: Counts, *, clock: Callable[[], float]) -> None:
        """`clock` tells monotonic seconds."""
        self._counts = counts
        self._clock = clock
        self._lines = FewLines(clock, lines=1, seconds=QUIET_SECONDS)
        self._pauses = Pauses(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
        self._told = False
        self._since = 0.0
        self._written_before = 0
        self.is_on = False
        """The last batch has failed, or rows that failed before are not all written."""

    def failed(self, because: str) -> float:
        """A batch has failed; how many seconds to wait before the next try."""
        if not self.is_on:
            self.is_on = True
            self._since = self._clock()
            self._written_before = self._counts.written
            self._told = self._lines.one_more() is not None
            if self._told:
                log.warning("history_delayed", because=because)
        return self._pauses.next()

    def ended(self) -> None:
        """All rows are written."""
        if self.is_on and self._told:
            log.info(
                "history_caught_up",
                rows=self._counts.written - self._written_before,
                seconds=round(self._clock() - self._since, 1),
            )
        self.is_on = False
        self._pauses.restart()

"""Leaves a service alone that failed a moment ago, and tries with one call at a time whether it is well again."""

from collections.abc import Callable
from typing import Final

from warren.pauses import Pauses

FAILURES: Final = 3
"""So many calls in a row without an answer open the breaker; a connection that cannot be made does so alone."""

FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 5.0
"""Pauses before the trial calls of an open breaker: they double from the one to the other."""


class Breaker:
    """Open while the service is in trouble. Then one call at a time, after a pause, tries whether it is well again."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pauses = Pauses(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
        self._in_a_row = 0
        self._trial_at = 0.0
        self._is_tried = False
        self.is_open = False
        self.error = ""
        """Why it is open, or was last."""

    def lets_through(self) -> bool:
        """Whether a call may be made. When the breaker is open that call is the trial, and ends with `tried`."""
        if not self.is_open:
            return True
        if self._is_tried or self._clock() < self._trial_at:
            return False
        self._is_tried = True
        return True

    def answered(self, *, is_trial: bool) -> None:
        if is_trial or not self.is_open:
            self.is_open = False
            self._in_a_row = 0
            self._pauses.restart()

    def failed(self, error: str, *, at_once: bool, is_trial: bool) -> None:
        if self.is_open and not is_trial:
            return  # it was made before: the trial decides
        # Failures with answers between them do not count up: a service that is slow at times is not dead.
        self._in_a_row += 1
        if is_trial or at_once or self._in_a_row >= FAILURES:
            self.is_open = True
            self.error = error
            self._trial_at = self._clock() + self._pauses.next()

    def tried(self) -> None:
        """The trial is over, whatever came of it: when its client left, the next call is one."""
        self._is_tried = False

"""Keeps a log short, whatever comes and goes how often."""

from collections import deque
from collections.abc import Callable, Mapping

LINES_A_MINUTE = 4


class FewLines:
    """Says which lines about one thing are to be written: four a minute, unless it is made for another number or time."""

    def __init__(self, clock: Callable[[], float], *, lines: int = LINES_A_MINUTE, seconds: float = 60.0) -> None:
        """`clock` tells seconds."""
        self._clock = clock
        self._lines = lines
        self._seconds = seconds
        self._written: deque[float] = deque(maxlen=lines)
        self._left_out = 0

    def one_more(self) -> Mapping[str, int] | None:
        """None when the line is to be left out; else fields for it: how many were left out before it, if any."""
        now = self._clock()
        if len(self._written) == self._lines and now - self._written[0] < self._seconds:
            self._left_out += 1
            return None
        self._written.append(now)
        left_out, self._left_out = self._left_out, 0
        return {"left_out": left_out} if left_out else {}

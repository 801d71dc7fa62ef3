"""Spares everybody the waiting for a server that is in trouble: after a few failures it is left alone until a probe has succeeded."""

from collections import deque
from collections.abc import Callable
from enum import Enum

from warren.errors import StoreSilent, StoreUnavailable
from warren.pauses import Pauses

SILENCES = 3
WITHIN_SECONDS = 1.0
"""So many calls without an answer within this time open the breaker: one alone may be bad luck."""

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
"""Pauses before the probes of an open breaker: they double from the one to the other, or to the health interval when
that is shorter."""


class BreakerState(Enum):
    CLOSED = "closed"
    """Calls are made."""
    OPEN = "open"
    """Calls return at once."""


class Breaker:
    """Of one server, or of one thing that it does. Whoever makes the calls tells it what came of them."""

    def __init__(self, clock: Callable[[], float], *, longest_pause_seconds: float = LONGEST_PAUSE_SECONDS) -> None:
        """`clock` tells monotonic seconds."""
        self._clock = clock
        self._silences: deque[float] = deque(maxlen=SILENCES)
        self._pauses = Pauses(FIRST_PAUSE_SECONDS, min(longest_pause_seconds, LONGEST_PAUSE_SECONDS))
        self.is_open = False
        self.since = clock()
        """When it was last opened or closed, by the clock."""
        self.error = ""
        """Why it is open, or was last."""
        self.opened = 0
        """How often it was."""

    @property
    def state(self) -> BreakerState:
        return BreakerState.OPEN if self.is_open else BreakerState.CLOSED

    def failed(self, error: StoreUnavailable) -> bool:
        """A call failed. Whether that opened the breaker: then a probe is to be made after `next_pause`."""
        if self.is_open:
            return False
        if isinstance(error, StoreSilent):
            now = self._clock()
            self._silences.append(now)
            if len(self._silences) < SILENCES or now - self._silences[0] > WITHIN_SECONDS:
                return False
        self.trip(str(error))
        return True

    def trip(self, error: str) -> None:
        """Open it."""
        self.is_open = True
        self.since = self._clock()
        self.error = error
        self.opened += 1
        self._pauses.restart()

    def close(self) -> None:
        """A probe succeeded."""
        self.is_open = False
        self.since = self._clock()
        self._silences.clear()

    def next_pause(self) -> float:
        """Seconds until the next probe; more each time."""
        return self._pauses.next()

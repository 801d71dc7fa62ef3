"""Pauses between tries of what goes wrong: longer each time."""


class Pauses:
    """Doubling from the first to the longest. All in seconds."""

    def __init__(self, first: float, longest: float) -> None:
        self._first = min(first, longest)
        self._longest = longest
        self._next = self._first

    def next(self) -> float:
        """How long to wait this time."""
        pause = self._next
        self._next = min(2 * pause, self._longest)
        return pause

    def restart(self) -> None:
        """It went well: the next one is the first again."""
        self._next = self._first

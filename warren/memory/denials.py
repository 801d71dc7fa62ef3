"""What every cluster has just denied, so that a client that asks again at once starts no second search."""

from collections import OrderedDict
from collections.abc import Callable

DENIED_FOR_SECONDS = 2.0
CAPACITY = 10_000
"""Denials kept at once. Beyond it the oldest goes: its next asking is one more search, and searches are bounded."""


class Denials:
    """Each holds for DENIED_FOR_SECONDS.

    The key is up to the caller, and must hold everything that a cluster's denial depends on: Trino denies a wrong slug
    in the words in which it denies an unknown query, so by the query id alone a made-up slug would deny a living query.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` tells monotonic seconds."""
        self._clock = clock
        self._until: OrderedDict[str, float] = OrderedDict()
        """The oldest first, so those that end first as well."""

    def __len__(self) -> int:
        return len(self._until)

    def note(self, key: str) -> None:
        now = self._clock()
        self._until[key] = now + DENIED_FOR_SECONDS
        self._until.move_to_end(key)
        while len(self._until) > CAPACITY or next(iter(self._until.values())) <= now:
            self._until.popitem(last=False)

    def holds(self, key: str) -> bool:
        until = self._until.get(key)
        return until is not None and self._clock() < until

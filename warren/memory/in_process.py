"""The nearest tier: placements that this process remembers itself."""

from collections import OrderedDict
from collections.abc import Callable

from warren.model import Placement


class _Entry:
    __slots__ = ("placement", "used_at")

    def __init__(self, placement: Placement, used_at: float) -> None:
        self.placement = placement
        self.used_at = used_at


class InProcess:
    """At most `capacity` placements, the most recently used, each for a while after its last use.

    Nothing here waits: it is asked at every poll.
    """

    name = "in_process"

    def __init__(self, *, capacity: int, expire_after_seconds: float, clock: Callable[[], float]) -> None:
        """`clock` tells monotonic seconds. Raises ValueError when nothing could be remembered at all."""
        if capacity < 1 or expire_after_seconds <= 0:
            raise ValueError(f"capacity {capacity}, {expire_after_seconds} seconds: both must be more than 0")
        self._capacity = capacity
        self._expire_after_seconds = expire_after_seconds
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        """The least recently used first, so those that expire first as well."""

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, query_id: str) -> Placement | None:
        """The placement, which counts as a use of it; None when it is not remembered (any more)."""
        entry = self._entries.get(query_id)
        if entry is None:
            return None
        now = self._clock()
        if now - entry.used_at >= self._expire_after_seconds:
            del self._entries[query_id]
            return None
        entry.used_at = now
        self._entries.move_to_end(query_id)
        return entry.placement

    def keep(self, placement: Placement) -> None:
        """Remember it, in place of what was remembered of the same query."""
        now = self._clock()
        self._entries[placement.query_id] = _Entry(placement, now)
        self._entries.move_to_end(placement.query_id)
        self._drop_expired(now)
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)

    def forget(self, query_id: str) -> None:
        self._entries.pop(query_id, None)

    def _drop_expired(self, now: float) -> None:
        while now - next(iter(self._entries.values())).used_at >= self._expire_after_seconds:
            self._entries.popitem(last=False)

"""The nearest tier (L1): placements that this process remembers itself."""

import math
from collections import OrderedDict
from collections.abc import Callable

from warren.model import Placement


class _Entry:
    __slots__ = ("certain", "placement", "renew_at", "used_at")

    def __init__(self, placement: Placement, now: float, renew_at: float, *, certain: bool) -> None:
        self.placement = placement
        self.certain = certain
        self.used_at = now
        self.renew_at = renew_at


def _nobody(_placement: Placement) -> None:
    pass


class InProcess:
    """At most `capacity` placements, the most recently used, each for a while after its last use.

    Nothing here waits: it is asked at every poll. A placement is certain when a cluster itself has shown it, and
    believed when a store said so; what is certain is never replaced by what is believed.
    """

    name = "in_process"

    def __init__(
        self,
        *,
        capacity: int,
        expire_after_seconds: float,
        clock: Callable[[], float],
        renew_after_seconds: float = math.inf,
        renew: Callable[[Placement], None] = _nobody,
    ) -> None:
        """`clock` tells monotonic seconds. Raises ValueError when nothing could be remembered at all.

        `renew` hears of each certain placement that is in use when `renew_after_seconds` have passed, and again.
        """
        if capacity < 1 or expire_after_seconds <= 0:
            raise ValueError(f"capacity {capacity}, {expire_after_seconds} seconds: both must be more than 0")
        self._capacity = capacity
        self._expire_after_seconds = expire_after_seconds
        self._renew_after_seconds = renew_after_seconds
        self._renew = renew
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        """The least recently used first, so those that expire first as well."""
        self.evicted = 0
        """Placements that had to go for others while they could still have been used."""

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, query_id: str) -> Placement | None:
        """The certain placement, which counts as a use of it; None when none is remembered (any more)."""
        entry = self._entries.get(query_id)
        if entry is None or not entry.certain:
            return None
        now = self._clock()
        if now - entry.used_at >= self._expire_after_seconds:
            del self._entries[query_id]
            return None
        entry.used_at = now
        self._entries.move_to_end(query_id)
        if now >= entry.renew_at:
            entry.renew_at = now + self._renew_after_seconds
            self._renew(entry.placement)
        return entry.placement

    def believed(self, query_id: str) -> Placement | None:
        """The placement that is only believed; None when there is none, or a certain one."""
        entry = self._entries.get(query_id)
        if entry is None or entry.certain or self._clock() - entry.used_at >= self._expire_after_seconds:
            return None
        return entry.placement

    def keep(self, placement: Placement) -> None:
        """Remember a certain placement, in place of what was remembered of the same query."""
        self._put(placement, certain=True)

    def believe(self, placement: Placement) -> None:
        """Remember a placement that a store told, unless a certain one is known."""
        entry = self._entries.get(placement.query_id)
        if entry is None or not entry.certain:
            self._put(placement, certain=False)

    def forget(self, query_id: str) -> None:
        self._entries.pop(query_id, None)

    def _put(self, placement: Placement, *, certain: bool) -> None:
        now = self._clock()
        self._entries[placement.query_id] = _Entry(placement, now, now + self._renew_after_seconds, certain=certain)
        self._entries.move_to_end(placement.query_id)
        self._drop_expired(now)
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)
            self.evicted += 1

    def _drop_expired(self, now: float) -> None:
        while now - next(iter(self._entries.values())).used_at >= self._expire_after_seconds:
            self._entries.popitem(last=False)

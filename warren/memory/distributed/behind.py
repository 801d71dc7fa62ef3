"""What is still to be written to the distributed cache, by nobody's waiting for it: the newest, once each."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from warren.model import ClusterUrl, CoordinatorId, Placement

CAPACITY = 10_000
"""Placements that wait while Valkey is away; beyond it the oldest go. Their queries are found by asking the clusters."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Write the placement."""

    placement: Placement


@dataclass(frozen=True, slots=True)
class Renew:
    """Let the placement live on; write it when it is not there any more."""

    placement: Placement


@dataclass(frozen=True, slots=True)
class Learn:
    """Write which cluster hands out ids with this ending."""

    coordinator_id: CoordinatorId
    cluster: ClusterUrl


Write = Keep | Renew | Learn


class Behind:
    """One write for each key; a later one takes the place of an earlier one."""

    def __init__(self, wake: Callable[[], None], *, capacity: int = CAPACITY) -> None:
        """`wake` is called whenever there is something new to write."""
        self._wake = wake
        self._capacity = capacity
        self._waiting: OrderedDict[str, Write] = OrderedDict()
        self._parked: OrderedDict[str, Write] = OrderedDict()
        """Those whose server took none when it was their turn: nobody looks at them again before `unpark`."""
        self.dropped = 0
        """Writes that had to go for later ones."""

    def __len__(self) -> int:
        return len(self._waiting) + len(self._parked)

    @property
    def is_ready(self) -> bool:
        """Something waits, and may be tried."""
        return bool(self._waiting)

    def put(self, write: Write) -> None:
        key = key_of(write)
        for place in (self._waiting, self._parked):
            if isinstance(write, Renew) and isinstance(place.get(key), Keep):
                return  # that does more
        if key in self._parked:
            self._parked[key] = write
            self._parked.move_to_end(key)
            return
        self._waiting[key] = write
        self._waiting.move_to_end(key)
        if len(self) > self._capacity:
            (self._parked or self._waiting).popitem(last=False)
            self.dropped += 1
        self._wake()

    def put_back(self, writes: list[Write]) -> None:
        """They failed: to be tried again, before everything that came meanwhile, and unless that has replaced them."""
        for write in reversed(writes):
            key = key_of(write)
            place = self._parked if key in self._parked else self._waiting
            if (newer := place.get(key)) is not None:
                if isinstance(write, Keep) and isinstance(newer, Renew):
                    place[key] = Keep(newer.placement)  # what was never written cannot live on
                continue
            if len(self) >= self._capacity:
                self.dropped += 1
                continue
            self._waiting[key] = write
            self._waiting.move_to_end(key, last=False)

    def take(self, wanted: Callable[[str], bool], at_most: int) -> list[Write]:
        """The oldest of those whose key is wanted now; they wait here no longer. The others on the way there are parked."""
        taken: list[Write] = []
        while self._waiting and len(taken) < at_most:
            key, write = self._waiting.popitem(last=False)
            if wanted(key):
                taken.append(write)
            else:
                self._parked[key] = write
        return taken

    def unpark(self) -> None:
        """A server may take writes again."""
        if self._parked:
            self._parked.update(self._waiting)
            self._waiting, self._parked = self._parked, OrderedDict()
            self._wake()


def key_of(write: Write) -> str:
    """The query id, or the coordinator id: those have no common form."""
    return write.coordinator_id if isinstance(write, Learn) else write.placement.query_id

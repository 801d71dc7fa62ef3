"""The part of the past that is replayed."""

from dataclasses import dataclass

from warren.replay.statement import LATEST_MS


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` up to `until`, Unix times in milliseconds."""

    since: int = 0
    until: int = LATEST_MS

    def holds(self, when: int) -> bool:
        return self.since <= when < self.until

    def share(self, when: int) -> float:
        """How much of it lies before a time, from 0 to 1."""
        return min(max((when - self.since) / max(self.until - self.since, 1), 0.0), 1.0)

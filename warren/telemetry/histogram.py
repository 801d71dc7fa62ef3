"""Counts how long things took, cheaply enough for the way of every request."""

from bisect import bisect_left
from dataclasses import dataclass

SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds, each of them included: from what a store in the same rack takes to the longest wait of a client."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """What a histogram held at one moment. Its bounds are SECONDS."""

    counts: tuple[int, ...]
    """Of each bucket by itself, not of all below it."""
    sum: float

    def __add__(self, other: "Distribution") -> "Distribution":
        return Distribution(
            tuple(one + more for one, more in zip(self.counts, other.counts, strict=True)), self.sum + other.sum
        )


NOTHING = Distribution((0,) * (len(SECONDS) + 1), 0.0)


class Histogram:
    """How many observations lay within each bound of SECONDS, and their sum. A last bucket without a bound follows them."""

    __slots__ = ("counts", "sum")

    def __init__(self) -> None:
        self.counts = [0] * (len(SECONDS) + 1)
        """Of each bucket by itself, not of all below it."""
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(SECONDS, value)] += 1
        self.sum += value

    @property
    def count(self) -> int:
        return sum(self.counts)

    def now(self) -> Distribution:
        """What it holds, as a value that stays."""
        return Distribution(tuple(self.counts), self.sum)

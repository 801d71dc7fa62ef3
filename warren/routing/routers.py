"""Ways to choose one of the clusters that may take a statement."""

from collections.abc import Callable
from dataclasses import dataclass

from warren.model import Cluster, GroupName
from warren.routing.candidates import Candidates


@dataclass(frozen=True, slots=True)
class Choice:
    """Where a statement goes, and the reason in words that a person can read."""

    cluster: Cluster
    group: GroupName
    because: str


Router = Callable[[Candidates], Choice]


class AtRandom:
    """Every candidate with the same chance."""

    def __init__(self, chance: Callable[[int], int]) -> None:
        """`chance(n)` answers a number from 0 to n - 1, as `random.randrange` does."""
        self._chance = chance

    def __call__(self, candidates: Candidates) -> Choice:
        number = len(candidates.clusters)
        cluster = candidates.clusters[self._chance(number)]
        how = "the only candidate" if number == 1 else f"at random of {number}"
        return Choice(cluster, candidates.group, f"{candidates.because}; {how}")

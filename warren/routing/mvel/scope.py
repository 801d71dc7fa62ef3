"""What one request gives its rules to read and to write, and how much they may do with it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from warren.facts import Facts
from warren.routing.mvel.errors import RuleFailed

STEPS = 10_000
"""Passes of loops, calls in them, and elements compared: for all rules of a request together."""


def no_chance() -> float:
    """For scopes whose rules never call Math.random()."""
    return 0.0


@dataclass(slots=True)
class Scope:
    """One request's. The maps belong to the caller; rules of one request share them."""

    facts: Facts
    state: dict[Any, Any] = field(default_factory=dict)
    result: dict[Any, Any] = field(default_factory=dict)
    steps: int = STEPS
    """What is left."""
    chance: Callable[[], float] = no_chance
    """From 0 up to 1, as random.random answers."""
    seen: list[tuple[str, Any]] = field(default_factory=list)
    """What a traced rule read, in its order: the words of the rule, and the value."""

    def spend(self, steps: int) -> None:
        """Raises RuleFailed when nothing is left."""
        self.steps -= steps
        if self.steps < 0:
            raise RuleFailed("the rules did too much for one request: too many steps")

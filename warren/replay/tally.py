"""Counts what becomes of statements. Tallies of parts can be put together in any order, and come to the same."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import NamedTuple

from warren.replay.judging import Verdict
from warren.replay.statement import EXAMPLE_CHARACTERS, HOUR_MS, OTHERS, Kind, Place, Statement, printable

MOST_MOVES = 10_000
"""Kinds of moves that are told apart: a rule may make a group's name of what a client sends."""
MOST_LOADS = 200_000
"""Hours of places that are told apart."""


class Move(NamedTuple):
    """From where to where, and the numbers of the rules that say so."""

    before: Place
    after: Place
    rule: int | None
    rule_before: int | None


class Example(NamedTuple):
    """One statement that moves; the earliest ones are kept."""

    when: int
    name: str
    user: str
    source: str
    sql: str
    because: str


@dataclass(slots=True)
class Moved:
    """How often, and some of them."""

    count: int = 0
    examples: list[Example] = field(default_factory=list)

    def add(self, count: int, examples: Iterable[Example], most: int) -> None:
        self.count += count
        self.examples = nsmallest(most, [*self.examples, *examples])


@dataclass(slots=True)
class Load:
    """What a place has to do in an hour."""

    before: int = 0
    after: int = 0
    seconds_before: float = 0.0
    seconds_after: float = 0.0

    def add(self, other: "Load") -> None:
        self.before += other.before
        self.after += other.after
        self.seconds_before += other.seconds_before
        self.seconds_after += other.seconds_after


@dataclass(slots=True)
class Tally:
    """What became of some statements."""

    examples: int
    """How many of each move are kept."""
    statements: int = 0
    moved: int = 0
    unknown: int = 0
    """Nobody wrote down where they went."""
    kills: int = 0
    without_time: int = 0
    not_understood: int = 0
    failed: Counter[int | None] = field(default_factory=Counter)
    """By the rule that failed."""
    applied: Counter[int] = field(default_factory=Counter)
    decided: Counter[int | None] = field(default_factory=Counter)
    """None: no rule said where."""
    has_seconds: bool = False
    first: int | None = None
    last: int | None = None
    """Unix times in milliseconds."""
    moves: dict[Move, Moved] = field(default_factory=dict)
    loads: dict[tuple[int, Place], Load] = field(default_factory=dict)
    """By hour since 1970, and place."""

    def add(self, statement: Statement, verdict: Verdict) -> None:
        after = verdict.after
        self.statements += 1
        self.first = statement.when if self.first is None else min(self.first, statement.when)
        self.last = statement.when if self.last is None else max(self.last, statement.when)
        self.kills += verdict.is_kill
        self.without_time += not statement.is_timed
        self.not_understood += not verdict.is_understood
        if after.failed is not None:
            self.failed[after.failed] += 1
        if not verdict.is_kill:
            self.applied.update(after.applied)
            self.decided[after.rule] += 1
        self._add_move(statement, verdict)
        self._add_load(statement, verdict)

    def _add_move(self, statement: Statement, verdict: Verdict) -> None:
        before, after = verdict.before, verdict.after
        if before == after.place:
            return
        if before.kind is Kind.UNKNOWN:
            self.unknown += 1
        else:
            self.moved += 1
        example = Example(
            statement.when,
            printable(statement.name, EXAMPLE_CHARACTERS),
            printable(statement.user, EXAMPLE_CHARACTERS),
            printable(statement.source, EXAMPLE_CHARACTERS),
            printable(statement.sql, EXAMPLE_CHARACTERS),
            after.because,
        )
        self._move(Move(before, after.place, after.rule, verdict.rule_before)).add(1, (example,), self.examples)

    def _add_load(self, statement: Statement, verdict: Verdict) -> None:
        hour, seconds = statement.when // HOUR_MS, statement.wall_seconds
        if seconds is not None:
            self.has_seconds = True
        if verdict.before.kind is not Kind.UNKNOWN:
            self._load(hour, verdict.before).add(Load(before=1, seconds_before=seconds or 0.0))
        if verdict.after.place.kind is not Kind.UNKNOWN:
            self._load(hour, verdict.after.place).add(Load(after=1, seconds_after=seconds or 0.0))

    def merge(self, other: "Tally") -> None:
        """Add what another tally has counted."""
        for name in ("statements", "moved", "unknown", "kills", "without_time", "not_understood"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.failed.update(other.failed)
        self.applied.update(other.applied)
        self.decided.update(other.decided)
        self.has_seconds |= other.has_seconds
        self.first = min((each for each in (self.first, other.first) if each is not None), default=None)
        self.last = max((each for each in (self.last, other.last) if each is not None), default=None)
        for move, moved in other.moves.items():
            self._move(move).add(moved.count, moved.examples, self.examples)
        for (hour, place), load in other.loads.items():
            self._load(hour, place).add(load)

    def _move(self, move: Move) -> Moved:
        if move not in self.moves and len(self.moves) >= MOST_MOVES:
            move = Move(OTHERS, OTHERS, None, None)
        return self.moves.setdefault(move, Moved())

    def _load(self, hour: int, place: Place) -> Load:
        if (hour, place) not in self.loads and len(self.loads) >= MOST_LOADS:
            place = OTHERS
        return self.loads.setdefault((hour, place), Load())

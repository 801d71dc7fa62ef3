"""From pairs of measurements to figures: medians, ratios to nginx, and whether each goal is met. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median


class Key(StrEnum):
    """The figures by their names in the JSON file."""

    POLL_CPU = "poll_cpu"
    POLLS_PER_SECOND = "polls_per_second"
    POLL_CORE_IN_USE = "poll_core_in_use"
    SUBMISSION_CPU = "submission_cpu"
    SUBMISSION_IN_POLLS = "submission_in_polls"
    SUBMISSIONS_PER_SECOND = "submissions_per_second"
    LARGE_ANSWER_CPU = "large_answer_cpu"
    ADDED_P50 = "added_latency_p50"
    ADDED_P99 = "added_latency_p99"
    CROWD_ANSWERED = "crowd_answered"
    CROWD_PER_SECOND = "crowd_per_second"
    CROWD_P99 = "crowd_p99"
    CONNECTION_MEMORY = "connection_memory"
    IDLE_MEMORY = "idle_memory"
    START = "start"
    STREAM_GROWTH = "stream_growth"


@dataclass(frozen=True, slots=True)
class Pair:
    """One repetition: both proxies, one right after the other."""

    nginx: float
    warren: float


@dataclass(frozen=True, slots=True)
class Goal:
    """What DESIGN.md section 9 asks for, in its words, and the judge of it."""

    words: str
    is_met: Callable[["Medians"], bool]


@dataclass(frozen=True, slots=True)
class Medians:
    nginx: float
    warren: float
    ratio: float | None
    """The median of each repetition's Warren ÷ nginx, so that what disturbs both cancels out; None when nginx had 0."""


@dataclass(frozen=True, slots=True)
class Sort:
    """A figure as it is announced."""

    words: str
    unit: str
    digits: int
    goal: Goal | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    key: Key
    sort: Sort
    medians: Medians

    @property
    def is_met(self) -> bool | None:
        """None without a goal."""
        return self.sort.goal.is_met(self.medians) if self.sort.goal else None


def _at_most(limit: float, words: str) -> Goal:
    return Goal(words, lambda medians: medians.warren <= limit)


def _ratio_at_most(limit: float) -> Goal:
    return Goal(f"≤ {limit:g} × nginx", lambda medians: medians.ratio is not None and medians.ratio <= limit)


SORTS: Mapping[Key, Sort] = {
    Key.POLL_CPU: Sort("CPU per poll, 32 connections", "µs", 1, _ratio_at_most(1.6)),
    Key.POLLS_PER_SECOND: Sort("polls a second on one core", "/s", 0),
    # Far below 100 the load generator or the cluster's answers were the limit, and the rate above says little.
    Key.POLL_CORE_IN_USE: Sort("the proxy's core in use meanwhile", "%", 0),
    Key.SUBMISSION_CPU: Sort("CPU per submission, 32 connections", "µs", 1),
    Key.SUBMISSION_IN_POLLS: Sort("the same in polls", "polls", 1, _at_most(8, "≤ 8 polls")),
    Key.SUBMISSIONS_PER_SECOND: Sort("submissions a second on one core", "/s", 0),
    Key.LARGE_ANSWER_CPU: Sort("CPU per MiB, answers of 1 MiB", "µs", 0, _ratio_at_most(1)),
    Key.ADDED_P50: Sort("added latency over direct, one connection, p50", "ms", 3, _at_most(0.15, "≤ 0.15 ms")),
    Key.ADDED_P99: Sort("added latency over direct, one connection, p99", "ms", 3, _at_most(0.5, "≤ 0.5 ms")),
    Key.CROWD_ANSWERED: Sort(
        "2,000 clients, polls held 1 s: answered", "%", 2, Goal("all", lambda medians: medians.warren == 100)
    ),
    Key.CROWD_PER_SECOND: Sort("2,000 clients: polls a second", "/s", 0),
    Key.CROWD_P99: Sort("2,000 clients: p99", "s", 2, _at_most(1.5, "≤ 1.5 s")),
    Key.CONNECTION_MEMORY: Sort("2,000 clients: memory per connection", "KiB", 1, _at_most(20, "≤ 20 KiB")),
    Key.IDLE_MEMORY: Sort("resident memory, idle", "MiB", 1, _at_most(110, "≤ 110 MiB")),
    Key.START: Sort("from start to the first forwarded request", "s", 2, _at_most(1.5, "≤ 1.5 s")),
    Key.STREAM_GROWTH: Sort("growth of memory during one long stream", "MiB", 2, _at_most(1, "≤ 1 MiB")),
}
"""In the order in which they are shown."""


def medians(pairs: Sequence[Pair]) -> Medians:
    """Raises StatisticsError when there is no pair."""
    ratios = [pair.warren / pair.nginx for pair in pairs if pair.nginx > 0]
    return Medians(
        nginx=median(pair.nginx for pair in pairs),
        warren=median(pair.warren for pair in pairs),
        ratio=median(ratios) if ratios else None,
    )


def figures(readings: Mapping[Key, Sequence[Pair]]) -> tuple[Figure, ...]:
    """One for each key that was measured."""
    return tuple(Figure(key, sort, medians(readings[key])) for key, sort in SORTS.items() if key in readings)

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
    SUBMISSION_ALONE_CPU = "submission_alone_cpu"
    SUBMISSION_ALONE_IN_POLLS = "submission_alone_in_polls"
    SUBMISSION_VALKEY_CPU = "submission_valkey_cpu"
    SUBMISSION_VALKEY_IN_POLLS = "submission_valkey_in_polls"
    SUBMISSION_HISTORY_CPU = "submission_history_cpu"
    SUBMISSION_HISTORY_IN_POLLS = "submission_history_in_polls"
    SUBMISSION_BOTH_CPU = "submission_both_cpu"
    SUBMISSION_BOTH_IN_POLLS = "submission_both_in_polls"
    SUBMISSIONS_BOTH_PER_SECOND = "submissions_both_per_second"
    SUBMISSION_BOTH_CORE_IN_USE = "submission_both_core_in_use"
    SUBMISSION_RULES_CPU = "submission_rules_cpu"
    SUBMISSION_RULES_IN_POLLS = "submission_rules_in_polls"
    SUBMISSION_RULES_RATIO = "submission_rules_ratio"
    RULES = "rules_50"
    ANALYSIS = "analysis"
    ANALYSIS_SPEED = "analysis_speed"
    HISTORY_BATCHES = "history_batches_per_second"
    DATABASE_COMMITS = "database_commits_per_second"
    IN_PROCESS_P50 = "in_process_p50"
    IN_PROCESS_P99 = "in_process_p99"
    COORDINATOR_P50 = "coordinator_p50"
    COORDINATOR_P99 = "coordinator_p99"
    VALKEY_FIND_P50 = "valkey_find_p50"
    VALKEY_FIND_P99 = "valkey_find_p99"
    VALKEY_KEEP_P50 = "valkey_keep_p50"
    VALKEY_KEEP_P99 = "valkey_keep_p99"
    HISTORY_FIND_P50 = "history_find_p50"
    HISTORY_FIND_P99 = "history_find_p99"
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

    nginx: float | None
    """None for what nginx does not do."""
    warren: float

    def over(self, units: "Medians") -> "Pair":
        """How many of those units each of the two is."""
        nginx = self.nginx / units.nginx if self.nginx is not None and units.nginx else None
        return Pair(nginx, self.warren / units.warren)


@dataclass(frozen=True, slots=True)
class Goal:
    """What DESIGN.md section 9 asks for, in its words, and the judge of it."""

    words: str
    is_met: Callable[["Medians"], bool]


@dataclass(frozen=True, slots=True)
class Medians:
    nginx: float | None
    warren: float
    ratio: float | None
    """The median of each repetition's Warren ÷ nginx, so that what disturbs both cancels out; None when nginx had 0 or nothing."""


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
    # As a gateway is without settings: no Valkey, the history in SQLite.
    Key.SUBMISSION_CPU: Sort("CPU per submission, 32 connections, by default", "µs", 1),
    Key.SUBMISSION_IN_POLLS: Sort("the same in polls", "polls", 1),
    Key.SUBMISSIONS_PER_SECOND: Sort("submissions a second on one core, by default", "/s", 0),
    Key.SUBMISSION_ALONE_CPU: Sort("CPU per submission, no history, no Valkey", "µs", 1),
    Key.SUBMISSION_ALONE_IN_POLLS: Sort("the same in polls", "polls", 1),
    Key.SUBMISSION_VALKEY_CPU: Sort("CPU per submission, with Valkey", "µs", 1),
    Key.SUBMISSION_VALKEY_IN_POLLS: Sort("the same in polls", "polls", 1),
    Key.SUBMISSION_HISTORY_CPU: Sort("CPU per submission, history in PostgreSQL", "µs", 1),
    Key.SUBMISSION_HISTORY_IN_POLLS: Sort("the same in polls", "polls", 1),
    Key.SUBMISSION_BOTH_CPU: Sort("CPU per submission, Valkey and PostgreSQL", "µs", 1),
    Key.SUBMISSION_BOTH_IN_POLLS: Sort("the same in polls", "polls", 1, _at_most(8, "≤ 8 polls")),
    Key.SUBMISSIONS_BOTH_PER_SECOND: Sort("submissions a second on one core, with both", "/s", 0),
    Key.SUBMISSION_BOTH_CORE_IN_USE: Sort("Warren's core in use meanwhile", "%", 0),
    Key.SUBMISSION_RULES_CPU: Sort("CPU per submission, 50 rules and analysis, else alone", "µs", 1),
    Key.SUBMISSION_RULES_IN_POLLS: Sort("the same in polls", "polls", 1),
    Key.SUBMISSION_RULES_RATIO: Sort("the same ÷ one without them", "×", 2, _at_most(2, "≤ 2 ×")),
    Key.RULES: Sort("50 rules, a statement, in Python alone", "µs", 1, _at_most(50, "≤ 50 µs")),
    Key.ANALYSIS: Sort("analysis of an everyday statement, in Python alone", "µs", 1, _at_most(50, "≤ 50 µs")),
    Key.ANALYSIS_SPEED: Sort(
        "analysis of a long statement", "MB/s", 1, Goal("≥ 1 MB/s", lambda medians: medians.warren >= 1)
    ),
    # A pace is kept to some hundredths: the loop may be late, and the next batch may follow the sooner for it.
    Key.HISTORY_BATCHES: Sort("50 submissions a second: batches of rows", "/s", 2, _at_most(1.05, "≤ 1 a second")),
    Key.DATABASE_COMMITS: Sort("meanwhile all commits in PostgreSQL", "/s", 1),
    Key.IN_PROCESS_P50: Sort("lookup in the process (L1), p50", "µs", 2),
    Key.IN_PROCESS_P99: Sort("lookup in the process (L1), p99", "µs", 2),
    Key.COORDINATOR_P50: Sort("lookup by coordinator id, p50", "µs", 2),
    Key.COORDINATOR_P99: Sort("lookup by coordinator id, p99", "µs", 2),
    Key.VALKEY_FIND_P50: Sort("lookup in Valkey (L2), p50", "µs", 0),
    Key.VALKEY_FIND_P99: Sort("lookup in Valkey (L2), p99", "µs", 0),
    Key.VALKEY_KEEP_P50: Sort("write to Valkey, p50", "µs", 0),
    Key.VALKEY_KEEP_P99: Sort("write to Valkey, p99", "µs", 0),
    Key.HISTORY_FIND_P50: Sort("lookup in PostgreSQL (L3), p50", "µs", 0),
    Key.HISTORY_FIND_P99: Sort("lookup in PostgreSQL (L3), p99", "µs", 0),
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
    yardstick = [pair.nginx for pair in pairs if pair.nginx is not None]
    ratios = [pair.warren / pair.nginx for pair in pairs if pair.nginx]
    return Medians(
        nginx=median(yardstick) if yardstick else None,
        warren=median(pair.warren for pair in pairs),
        ratio=median(ratios) if ratios else None,
    )


def figures(readings: Mapping[Key, Sequence[Pair]]) -> tuple[Figure, ...]:
    """One for each key that was measured."""
    return tuple(Figure(key, sort, medians(readings[key])) for key, sort in SORTS.items() if key in readings)

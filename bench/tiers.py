"""What remembering costs: a statement with each tier of memory on and off, what the database gets of it, and each lookup."""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import wrk
from bench.figures import Key, Pair
from bench.measuring import READY, Cost, Place, Plan, Readings, cost, warm_up
from bench.processes import BenchFailed, Program
from bench.steering import measure_steering, rules_text
from bench.stores import LOOPBACK, History, per_second, postgres, valkey
from bench.subjects import Subject, config_file, fixed_answers, place_query, register, warren
from bench.traffic import INFO, POLL, STATEMENT

EVERYDAY_CONNECTIONS: Final = 10
EVERYDAY_PAUSE_MILLISECONDS: Final = 200
"""Between an answer and the next statement of a connection: with ten of them fifty a second."""
WRITTEN_SECONDS: Final = 20.0
"""After a run, for the rows of its last statements: a second when all is well."""
LOOK_SECONDS: Final = 0.05
LOOKUPS_SECONDS: Final = 120.0

NO_HISTORY: Final = {"jdbcUrl": "jdbc:sqlite:clusters.sqlite", "queryHistoryEnabled": False}

RULES_FILE: Final = "rules.yaml"
RULED: Final = {
    "routingRules": {"rulesEngineEnabled": True, "rulesConfigPath": RULES_FILE},
    "requestAnalyzerConfig": {"analyzeRequest": True},
}

CPU: Final = {
    "alone": (Key.SUBMISSION_ALONE_CPU, Key.SUBMISSION_ALONE_IN_POLLS),
    "valkey": (Key.SUBMISSION_VALKEY_CPU, Key.SUBMISSION_VALKEY_IN_POLLS),
    "history": (Key.SUBMISSION_HISTORY_CPU, Key.SUBMISSION_HISTORY_IN_POLLS),
    "rules": (Key.SUBMISSION_RULES_CPU, Key.SUBMISSION_RULES_IN_POLLS),
    "both": (Key.SUBMISSION_BOTH_CPU, Key.SUBMISSION_BOTH_IN_POLLS),
}
"""What is on, in the order in which the gateways take turns."""


@dataclass(frozen=True, slots=True)
class Tiered:
    """A gateway, and the database to which its rows go, if any."""

    gateway: Subject
    history: History | None

    def submissions(self, seconds: int, script: Path) -> Cost:
        """What a statement costs, its row included."""
        before = self.rows()
        return cost(
            self.gateway,
            STATEMENT,
            seconds=seconds,
            script=script,
            finished=lambda load: self.wait_for_rows(before + load.requests),
        )

    def rows(self) -> int:
        return self.history.rows() if self.history is not None else 0

    def wait_for_rows(self, enough: int) -> None:
        """Raises BenchFailed when rows are missing for good."""
        if self.history is None:
            return
        until = time.monotonic() + WRITTEN_SECONDS
        while (there := self.history.rows()) < enough:
            if time.monotonic() > until:
                raise BenchFailed(f"{enough} rows were due in the history, and {there} are there")
            time.sleep(LOOK_SECONDS)


def measure_tiers(plan: Plan, place: Place, say: Callable[[str], None]) -> Readings:
    """All figures that nginx has no counterpart of. Every program has ended when it returns or raises BenchFailed."""
    with ExitStack() as stack:
        say("starting Valkey, PostgreSQL, and a gateway for each way to remember")
        gateways = _started(plan, place, stack)
        readings = _submissions(plan, place, gateways, say)
        readings |= _everyday(plan, place, gateways["both"], say)
        readings |= _latencies(plan, place, say)
    readings |= measure_steering()
    return readings


def _started(plan: Plan, place: Place, stack: ExitStack) -> Mapping[str, Tiered]:
    cluster = fixed_answers(place.room("tiers-answers"), place.load_cores, stream_bytes=1)
    stack.enter_context(cluster.program)
    cluster.wait_for(INFO)
    server, port = valkey(place.room("valkey"), place.load_cores)
    stack.enter_context(server)
    database = postgres(place.room("postgres"), place.load_cores)
    stack.enter_context(database.program)
    database.wait()
    in_valkey = {"valkeyConfiguration": {"enabled": True, "host": LOOPBACK, "port": port}}
    gateways = {}
    for name in CPU:
        history = database.new_database(f"gateway_{name}") if name in {"history", "both"} else None
        sections = {
            "dataStore": NO_HISTORY if history is None else history.settings,
            **(in_valkey if name in {"valkey", "both"} else {}),
            **(RULED if name == "rules" else {}),
        }
        room = place.room(_room(name))
        (room / RULES_FILE).write_text(rules_text())
        gateways[name] = Tiered(warren(room, place.proxy_cores, sections), history)
        stack.enter_context(gateways[name].gateway.program)
    for tiered in gateways.values():
        tiered.gateway.wait_for(READY)
        register(tiered.gateway, cluster)
        place_query(tiered.gateway)
    return gateways


def _room(name: str) -> str:
    return f"tiers-{name}"


def _submissions(plan: Plan, place: Place, gateways: Mapping[str, Tiered], say: Callable[[str], None]) -> Readings:
    """The gateways take turns, and a poll is measured in each round, so that all have the same disturbances."""
    script = wrk.write_submission_script(place.directory)
    readings = Readings()
    for tiered in gateways.values():
        rows = tiered.rows()
        tiered.wait_for_rows(rows + warm_up(tiered.gateway, STATEMENT, script=script).requests)
    warm_up(gateways["both"].gateway, POLL)
    for repetition in range(plan.tier_repetitions):
        poll = cost(gateways["both"].gateway, POLL, seconds=plan.tier_seconds)
        costs = {name: tiered.submissions(plan.tier_seconds, script) for name, tiered in gateways.items()}
        _note(readings, poll, costs)
        said = ", ".join(f"{name} {each.words}" for name, each in costs.items())
        say(f"tiers {repetition + 1}/{plan.tier_repetitions}: a poll {poll.words}, a submission {said}")
    return readings


def _note(readings: Readings, poll: Cost, costs: Mapping[str, Cost]) -> None:
    for name, (in_microseconds, in_polls) in CPU.items():
        readings.setdefault(in_microseconds, []).append(Pair(None, costs[name].microseconds))
        readings.setdefault(in_polls, []).append(Pair(None, costs[name].microseconds / poll.microseconds))
    ratio = costs["rules"].microseconds / costs["alone"].microseconds
    readings.setdefault(Key.SUBMISSION_RULES_RATIO, []).append(Pair(None, ratio))
    both = costs["both"]
    readings.setdefault(Key.SUBMISSIONS_BOTH_PER_SECOND, []).append(Pair(None, both.per_second))
    readings.setdefault(Key.SUBMISSION_BOTH_CORE_IN_USE, []).append(Pair(None, both.percent_of_a_core))


def _everyday(plan: Plan, place: Place, both: Tiered, say: Callable[[str], None]) -> Readings:
    """What PostgreSQL gets to do when little is submitted."""
    history = both.history
    assert history is not None, "this gateway has one"
    script = wrk.write_submission_script(place.directory, pause_milliseconds=EVERYDAY_PAUSE_MILLISECONDS)
    since, rows, commits = int(time.time() * 1000), history.rows(), history.commits()
    load = wrk.run(
        both.gateway.port,
        STATEMENT,
        connections=EVERYDAY_CONNECTIONS,
        seconds=plan.everyday_seconds,
        script=script,
    )
    commits = history.commits() - commits
    both.wait_for_rows(rows + load.requests)
    batches = per_second(history.batches(since=since))
    say(f"at {load.per_second:.0f} submissions a second PostgreSQL gets {batches:.2f} batches a second")
    return {
        Key.HISTORY_BATCHES: [Pair(None, batches)],
        Key.DATABASE_COMMITS: [Pair(None, commits / load.seconds)],
    }


def _latencies(plan: Plan, place: Place, say: Callable[[str], None]) -> Readings:
    """Measured from inside, in a process of its own on Warren's core, with the settings and the rows of a gateway."""
    config = config_file(place.directory / _room("both"))
    command = [sys.executable, "-m", "bench.latencies", str(config), str(plan.lookups)]
    lookups = Program(command, log=place.directory / "lookups.json", cores=place.proxy_cores)
    readings = of_lookups(json.loads(lookups.output(seconds=LOOKUPS_SECONDS)))
    say("lookups: " + ", ".join(f"{key} {pair.warren:.1f} µs" for key, (pair,) in readings.items()))
    return readings


def of_lookups(ranks: Mapping[str, Sequence[float]]) -> Readings:
    """The figures in what `bench.latencies` prints. Raises ValueError when it is something else."""
    readings = Readings()
    for name, (half, tail) in ranks.items():
        readings[Key(f"{name}_p50")] = [Pair(None, half)]
        readings[Key(f"{name}_p99")] = [Pair(None, tail)]
    return readings

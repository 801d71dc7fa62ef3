"""The measurements: who is asked what, how often, and which figures come of it."""

import socket
from collections.abc import Callable, Sequence, Set
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from bench import wrk
from bench.figures import Key, Pair, medians
from bench.processes import BenchFailed, Program
from bench.subjects import (
    ASK_SECONDS,
    Subject,
    fixed_answers,
    held_answers,
    nginx_proxy,
    place_query,
    register,
    warren,
)
from bench.traffic import INFO, LARGE, LARGE_BYTES, POLL, STATEMENT, STREAM
from bench.wrk import Load

Readings = dict[Key, list[Pair]]

CONNECTIONS: Final = 32
CLIENTS: Final = 2000
CROWD_PATIENCE_SECONDS: Final = 10
WARM_UP_SECONDS: Final = 1
READY: Final = "/trino-gateway/readyz"
HEAD_ENDS: Final = b"\r\n\r\n"

MIB: Final = 1024 * 1024
MICRO: Final = 1e6
MILLI: Final = 1e3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and how often; seconds of each run of the load generator."""

    name: str
    seconds: int
    repetitions: int
    lone_repetitions: int
    """Of the runs with one connection, which are three instead of two."""
    tier_repetitions: int
    """Of the runs with each tier on and off, which are five."""
    tier_seconds: int
    everyday_seconds: int
    lookups: int
    """Of which the latency of each tier is told."""
    crowd_seconds: int
    starts: int
    stream_bytes: int


QUICK: Final = Plan(
    name="quick",
    seconds=2,
    repetitions=3,
    lone_repetitions=2,
    tier_repetitions=3,
    tier_seconds=1,
    everyday_seconds=4,
    lookups=2_000,
    crowd_seconds=5,
    starts=3,
    stream_bytes=256 * MIB,
)
FULL: Final = Plan(
    name="full",
    seconds=6,
    repetitions=7,
    lone_repetitions=7,
    tier_repetitions=5,
    tier_seconds=6,
    everyday_seconds=20,
    lookups=10_000,
    crowd_seconds=20,
    starts=7,
    stream_bytes=1024 * MIB,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the programs run: the proxy under test has a core for itself, all else shares the others."""

    directory: Path
    proxy_cores: Set[int]
    load_cores: Set[int]

    def room(self, name: str) -> Path:
        directory = self.directory / name
        directory.mkdir()
        return directory


@dataclass(frozen=True, slots=True)
class Proxies:
    """Both proxies in front of the same cluster, running, and the polled query known to them."""

    direct: Subject
    nginx: Subject
    warren: Subject

    def pair(self, measure: Callable[[Subject], float]) -> Pair:
        return Pair(measure(self.nginx), measure(self.warren))


def measure(plan: Plan, place: Place, say: Callable[[str], None]) -> Readings:
    """All figures beside nginx. Every program has ended when it returns or raises BenchFailed."""
    readings: Readings = {}
    with ExitStack() as stack:
        proxies = _before_fixed_answers(plan, place, stack, say)
        readings[Key.IDLE_MEMORY] = [proxies.pair(lambda each: each.program.resident_bytes() / MIB)]
        readings |= _memory_of_a_stream(plan, proxies, say)
        readings |= _polls(plan, proxies, say)
        readings |= _large_answers(plan, proxies, say)
        readings |= _added_latency(plan, proxies, say)
        readings |= _submissions(plan, proxies, place, readings[Key.POLL_CPU], say)
        readings |= _starts(plan, proxies, say)
    with ExitStack() as stack:
        readings |= _crowd(plan, _before_held_answers(place, stack, say), say)
    return readings


def _before_fixed_answers(plan: Plan, place: Place, stack: ExitStack, say: Callable[[str], None]) -> Proxies:
    say("starting nginx as the cluster, nginx as the yardstick, and Warren")
    cluster = fixed_answers(place.room("answers"), place.load_cores, stream_bytes=plan.stream_bytes)
    proxies = _started(cluster, place, stack, "fixed")
    for subject in (cluster, proxies.nginx, proxies.warren):
        place_query(subject)
    return proxies


def _before_held_answers(place: Place, stack: ExitStack, say: Callable[[str], None]) -> Proxies:
    say("starting a cluster that holds polls for a second, and both proxies anew")
    return _started(held_answers(place.room("held"), place.load_cores), place, stack, "crowd")


def _started(cluster: Subject, place: Place, stack: ExitStack, name: str) -> Proxies:
    nginx = nginx_proxy(place.room(f"{name}-nginx"), place.proxy_cores, cluster=cluster)
    gateway = warren(place.room(f"{name}-warren"), place.proxy_cores)
    for subject, target in ((cluster, INFO), (nginx, INFO), (gateway, READY)):
        stack.enter_context(subject.program)
        subject.wait_for(target)
    register(gateway, cluster)
    return Proxies(cluster, nginx, gateway)


def _polls(plan: Plan, proxies: Proxies, say: Callable[[str], None]) -> Readings:
    costs, rates, in_use = _alternating(plan, proxies, POLL, say, "polls")
    return {Key.POLL_CPU: costs, Key.POLLS_PER_SECOND: rates, Key.POLL_CORE_IN_USE: in_use}


def _large_answers(plan: Plan, proxies: Proxies, say: Callable[[str], None]) -> Readings:
    costs, *_ = _alternating(plan, proxies, LARGE, say, "answers of 1 MiB")
    return {Key.LARGE_ANSWER_CPU: costs}


def _submissions(
    plan: Plan, proxies: Proxies, place: Place, polls: Sequence[Pair], say: Callable[[str], None]
) -> Readings:
    script = wrk.write_submission_script(place.directory)
    costs, rates, _ = _alternating(plan, proxies, STATEMENT, say, "submissions", script=script)
    poll = medians(polls)
    in_polls = [pair.over(poll) for pair in costs]
    return {Key.SUBMISSION_CPU: costs, Key.SUBMISSION_IN_POLLS: in_polls, Key.SUBMISSIONS_PER_SECOND: rates}


def _alternating(
    plan: Plan, proxies: Proxies, target: str, say: Callable[[str], None], what: str, *, script: Path | None = None
) -> tuple[list[Pair], list[Pair], list[Pair]]:
    """Microseconds of CPU for each request, requests a second, percent of a core; nginx, Warren, nginx, Warren …"""
    costs, rates, in_use = [], [], []
    for subject in (proxies.nginx, proxies.warren):
        warm_up(subject, target, script=script)
    for repetition in range(plan.repetitions):
        nginx, warren_ = (
            cost(each, target, seconds=plan.seconds, script=script) for each in (proxies.nginx, proxies.warren)
        )
        costs.append(Pair(nginx.microseconds, warren_.microseconds))
        rates.append(Pair(nginx.per_second, warren_.per_second))
        in_use.append(Pair(nginx.percent_of_a_core, warren_.percent_of_a_core))
        say(f"{what} {repetition + 1}/{plan.repetitions}: nginx {nginx.words}, Warren {warren_.words}")
    return costs, rates, in_use


@dataclass(frozen=True, slots=True)
class Cost:
    """What requests took of a program."""

    microseconds: float
    """Of CPU, for each."""
    per_second: float
    """How many were answered."""

    @property
    def percent_of_a_core(self) -> float:
        return 100 * self.microseconds * self.per_second / MICRO

    @property
    def words(self) -> str:
        return f"{self.microseconds:,.1f} µs"


def warm_up(subject: Subject, target: str, *, script: Path | None = None) -> Load:
    return wrk.run(subject.port, target, connections=CONNECTIONS, seconds=WARM_UP_SECONDS, script=script)


def nothing_more(_load: Load) -> None:
    """All that belongs to a request is done when it is answered."""


def cost(
    subject: Subject,
    target: str,
    *,
    seconds: int,
    script: Path | None = None,
    finished: Callable[[Load], None] = nothing_more,
) -> Cost:
    """Of each request, when the program is asked as fast as it answers.

    `finished` returns once it has also done what it does behind. Raises BenchFailed when a request failed.
    """
    before = subject.program.cpu_seconds()
    load = wrk.run(subject.port, target, connections=CONNECTIONS, seconds=seconds, script=script)
    if load.failed or not load.requests:
        raise BenchFailed(f"{subject.name} answered {load.requests} requests for {target}, and failed {load.failed}")
    finished(load)
    used = subject.program.cpu_seconds() - before
    return Cost(used / load.requests * MICRO, load.per_second)


def _added_latency(plan: Plan, proxies: Proxies, say: Callable[[str], None]) -> Readings:
    halves, tails = [], []
    for repetition in range(plan.lone_repetitions):
        direct, nginx, warren_ = (
            wrk.run(each.port, POLL, connections=1, seconds=plan.seconds)
            for each in (proxies.direct, proxies.nginx, proxies.warren)
        )
        halves.append(_added(direct.p50_seconds, nginx.p50_seconds, warren_.p50_seconds))
        tails.append(_added(direct.p99_seconds, nginx.p99_seconds, warren_.p99_seconds))
        say(f"one connection {repetition + 1}/{plan.lone_repetitions}: Warren adds {halves[-1].warren:.3f} ms at p50")
    return {Key.ADDED_P50: halves, Key.ADDED_P99: tails}


def _added(direct: float, nginx: float, warren_: float) -> Pair:
    """Milliseconds over the direct way."""
    return Pair((nginx - direct) * MILLI, (warren_ - direct) * MILLI)


def _starts(plan: Plan, proxies: Proxies, say: Callable[[str], None]) -> Readings:
    """With the cluster already in the database."""

    def restart(subject: Subject) -> float:
        subject.program.stop()
        return subject.start_until_answered(POLL)

    starts = [proxies.pair(restart) for _ in range(plan.starts)]
    say(f"starts: Warren {median(pair.warren for pair in starts):.2f} s")
    return {Key.START: starts}


def _memory_of_a_stream(plan: Plan, proxies: Proxies, say: Callable[[str], None]) -> Readings:
    def growth(subject: Subject) -> float:
        # The first answers pay for what is made once: buffers of the interpreter, pages of code.
        for _ in range(2):
            read_through(subject.port, LARGE, length=LARGE_BYTES)
        stream = _growth(subject.program, lambda: read_through(subject.port, STREAM, length=plan.stream_bytes))
        return stream / MIB

    grown = proxies.pair(growth)
    say(f"a stream of {plan.stream_bytes // MIB} MiB: Warren grew by {grown.warren:.2f} MiB")
    return {Key.STREAM_GROWTH: [grown]}


def _crowd(plan: Plan, proxies: Proxies, say: Callable[[str], None]) -> Readings:
    def crowd(subject: Subject) -> tuple[Load, float]:
        loads: list[Load] = []

        def poll() -> None:
            loads.append(
                wrk.run(
                    subject.port,
                    POLL,
                    connections=CLIENTS,
                    seconds=plan.crowd_seconds,
                    timeout_seconds=CROWD_PATIENCE_SECONDS,
                )
            )

        grown = _growth(subject.program, poll)
        return loads[0], grown / CLIENTS / 1024

    (nginx, nginx_memory), (warren_, warren_memory) = crowd(proxies.nginx), crowd(proxies.warren)
    say(f"2,000 clients: Warren {warren_.per_second:,.0f} polls/s, p99 {warren_.p99_seconds:.2f} s")
    return {
        Key.CROWD_ANSWERED: [Pair(_answered_percent(nginx), _answered_percent(warren_))],
        Key.CROWD_PER_SECOND: [Pair(nginx.per_second, warren_.per_second)],
        Key.CROWD_P99: [Pair(nginx.p99_seconds, warren_.p99_seconds)],
        Key.CONNECTION_MEMORY: [Pair(nginx_memory, warren_memory)],
    }


def _answered_percent(load: Load) -> float:
    asked = load.requests + load.failed
    return 100 * load.requests / asked if asked else 0.0


def _growth(program: Program, act: Callable[[], object]) -> int:
    """Bytes by which the most memory during the act is above the memory before it."""
    before = program.resident_bytes()
    program.forget_peak()
    act()
    return max(0, program.peak_bytes() - before)


def read_through(port: int, target: str, *, length: int) -> None:
    """Read the whole answer and keep none of it. Raises BenchFailed when its body has another length."""
    buffer = bytearray(64 * 1024)
    head, count = b"", 0
    with socket.create_connection(("127.0.0.1", port), timeout=ASK_SECONDS) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode())
        while size := connection.recv_into(buffer):
            count += size
            if HEAD_ENDS not in head:
                head += buffer[:size]
    front, end, _ = head.partition(HEAD_ENDS)
    if count != len(front) + len(end) + length:
        raise BenchFailed(f"{target} brought {count} bytes where {length} and a head were due: {front[:500]!r}")

"""What a poll costs in Python alone: the real data plane between two transports that only count.

`python -m bench.profile_poll` prints microseconds of a poll; with `--profile` also where they go. The kernel's share, more
than half of a real poll, is left out, so that a change of a tenth of a microsecond shows even on a busy machine.
"""

import argparse
import asyncio
import cProfile
import pstats
import ssl
import time
from contextlib import suppress
from typing import Final, cast

import uvloop

from bench.held import answer
from bench.traffic import COORDINATOR_ID, HEADERS, POLL, QUERY_ID, STATEMENT, page
from warren.clusters.coordinators import Coordinators
from warren.clusters.roster import Roster
from warren.current import Current
from warren.drivers.http import HttpClient
from warren.history.history import NoHistory
from warren.memory.denials import Denials
from warren.memory.in_process import InProcess
from warren.memory.recall import Recall
from warren.model import (
    Cluster,
    ClusterName,
    ClusterUrl,
    CoordinatorId,
    GroupName,
    Health,
    HealthStatus,
    Placement,
    QueryId,
)
from warren.protocol.paths import Paths
from warren.protocol.sql.statement import LONGEST_BODY
from warren.proxy.analysing import Analysing
from warren.proxy.choosing import Choosing
from warren.proxy.deciding import ByHeader, Deciding, DecidingCounts
from warren.proxy.entry import Entry, Patience
from warren.proxy.kills import Kills
from warren.proxy.search import Search, SearchLimits
from warren.proxy.submission import SubmissionLimits, Submissions
from warren.proxy.upstreams import Upstreams
from warren.routing.candidates import FallbackPolicy
from warren.routing.routers import AtRandom
from warren.rulebook.userinfo import NoUserInfo
from warren.tasks import Tasks
from warren.wire.body import Budget
from warren.wire.inbound import ClientConnection
from warren.wire.outbound import ClusterConnection
from warren.wire.serving import Serving, ServingLimits
from warren.wire.syntax.forwarded import Destination, Forwarding
from warren.wire.ticker import Ticker
from warren.wire.upstream import Upstream, UpstreamLimits

ROUNDS: Final = 50_000
REPETITIONS: Final = 7
SHOWN: Final = 25

CLUSTER: Final = Cluster(
    name=ClusterName("fixed"),
    proxy_to=ClusterUrl("http://127.0.0.1:1"),
    external_url="http://127.0.0.1:1",
    group=GroupName("adhoc"),
    active=True,
)
REQUEST: Final = (
    f"GET {POLL} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
    + "".join(f"{name}: {value}\r\n" for name, value in HEADERS)
    + "\r\n"
).encode()
PAGE: Final = page(QUERY_ID).encode()
ANSWER: Final = answer(page(QUERY_ID), date="Sun, 22 Nov 2026 13:40:25 GMT")


class CountingTransport(asyncio.Transport):
    """Takes everything at once and keeps only what came last."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 40000)})
        self.writes = 0
        self.last = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes += 1
        self.last = bytes(data)  # bytes stay the same object: no copy

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        """Nothing is read."""

    def resume_reading(self) -> None:
        """Nothing is read."""

    def abort(self) -> None:
        """There is nothing to close."""


class Poll:
    """A client's connection and one to the cluster of its query, bound by the real data plane."""

    def __init__(self, tasks: Tasks) -> None:
        ticker = Ticker()
        upstreams = Upstreams(
            ticker=ticker, limits=UpstreamLimits(), tls=ssl.create_default_context(), on_trouble=lambda *_: None
        )
        serving = Serving(
            _entry(upstreams, ticker),
            limits=ServingLimits(),
            forwarding=Forwarding(pseudonym=b"bench"),
            budget=Budget(1 << 26),
            ticker=ticker,
            tasks=tasks,
        )
        upstream = upstreams.of(CLUSTER.proxy_to)
        self.from_client, self.to_client = ClientConnection(serving), CountingTransport()
        self.from_cluster, self.to_cluster = ClusterConnection(upstream), CountingTransport()
        self.from_client.connection_made(self.to_client)
        self.from_cluster.connection_made(self.to_cluster)
        upstream.give_back(self.from_cluster)

    def run(self, rounds: int) -> None:
        """Forward so many polls and their answers. Raises AssertionError when they did not arrive."""
        due = self.to_client.writes + rounds
        ask, tell = self.from_client.data_received, self.from_cluster.data_received
        for _ in range(rounds):
            ask(REQUEST)
            tell(ANSWER)
        assert self.to_client.writes == due, f"{self.to_client.writes} writes to the client where {due} were due"
        assert self.to_client.last.endswith(PAGE), f"the client got {self.to_client.last!r}"

    def seconds(self, rounds: int) -> float:
        """Processor time of one poll, of so many."""
        began = time.process_time()
        self.run(rounds)
        return (time.process_time() - began) / rounds


def _entry(upstreams: Upstreams, ticker: Ticker) -> Entry:
    """The service as `warren.app` wires it, one cluster in its roster and the polled query in its memory."""
    roster = Current(Roster(clusters=(CLUSTER,), loaded=True).with_health(CLUSTER.name, Health(HealthStatus.HEALTHY)))
    coordinators = Coordinators()
    coordinators.learn(CoordinatorId(COORDINATOR_ID), CLUSTER.proxy_to)
    recall = Recall(_memory(), coordinators, roster)
    recall.keep(Placement(QueryId(QUERY_ID), CLUSTER.proxy_to, CLUSTER.group, CLUSTER.external_url))
    choosing = Choosing(roster, FallbackPolicy(default=CLUSTER.group, strict=False), AtRandom(lambda count: 0))
    deciding = _deciding(recall, roster)
    return Entry(
        paths=Paths((STATEMENT,)),
        recall=recall,
        upstreams=upstreams,
        submissions=Submissions(
            deciding,
            choosing,
            upstreams,
            recall,
            history=NoHistory(),
            limits=SubmissionLimits(),
            clock=time.monotonic,
            unix=time.time,
            names_cluster=False,
        ),
        search=Search(
            recall,
            _memory(),
            Denials(time.monotonic),
            upstreams,
            roster,
            limits=SearchLimits(),
            unreachable_for=lambda url: 0.0,
        ),
        deciding=deciding,
        choosing=choosing,
        own_endpoints=Upstream(
            "own endpoints", destination=Destination(host=b"warren", own=True), ticker=ticker, limits=UpstreamLimits()
        ),
        patience=Patience(),
        instance="bench",
        access_log=None,
    )


def _deciding(recall: Recall, roster: Current[Roster]) -> Deciding:
    """As without rules."""
    counts = DecidingCounts()
    kills = Kills(
        recall,
        roster,
        cast(HttpClient, None),  # no statement here kills a query
        headers={},
        unreachable_for=lambda url: 0.0,
        limits=SearchLimits(),
    )
    return Deciding(
        selector=ByHeader(CLUSTER.group, counts),
        analysing=Analysing(max_body_size=LONGEST_BODY, v2=False),
        kills=kills,
        who_holds=NoUserInfo(),
        claim="email",
        counts=counts,
    )


def _memory() -> InProcess:
    return InProcess(capacity=10_000, expire_after_seconds=1800.0, clock=time.monotonic)


async def cheapest(rounds: int, *, profile: cProfile.Profile | None = None) -> float:
    """Seconds of a poll in the best of several repetitions: disturbances only ever add."""
    async with asyncio.TaskGroup() as group:
        poll = Poll(Tasks(group))
        poll.run(rounds)  # the interpreter specialises what runs often
        best = min(poll.seconds(rounds) for _ in range(REPETITIONS))
        if profile is not None:
            profile.runcall(poll.run, rounds)
        return best


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.profile_poll", description="A poll's cost in Python alone.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"polls in each repetition; {ROUNDS:,} unless given")
    parser.add_argument("--profile", action="store_true", help="also show the functions in which the time goes")
    arguments = parser.parse_args()
    profile = cProfile.Profile() if arguments.profile else None
    seconds = uvloop.run(cheapest(arguments.rounds, profile=profile))
    print(f"{seconds * 1e6:.2f} µs of processor time per poll, in Python alone")
    if profile is not None:
        pstats.Stats(profile).sort_stats("tottime").print_stats(SHOWN)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()

"""Reads what the rooms of an instance have counted, when somebody asks for its metrics."""

import asyncio
import time
from collections.abc import Iterator

from warren import __version__
from warren.memory.distributed.in_valkey import InValkey
from warren.memory.tiers import TierCounts
from warren.model import HealthStatus
from warren.proxy.search import Search
from warren.proxy.submission import Submissions
from warren.proxy.upstreams import Upstreams
from warren.remembering import Remembering
from warren.steering import Steering
from warren.telemetry.histogram import NOTHING
from warren.telemetry.metrics import Metric, Sample
from warren.telemetry.own_process import OwnProcess, own_process
from warren.telemetry.pieces import in_pieces
from warren.watching import Watching
from warren.wire.outbound import UpstreamCounts
from warren.wire.serving import Serving


class Measured:
    """One reader for each room. A metric that is added here is declared in `telemetry/metrics.py`."""

    def __init__(
        self,
        *,
        serving: Serving,
        upstreams: Upstreams,
        submissions: Submissions,
        steering: Steering,
        search: Search,
        remembering: Remembering,
        watching: Watching,
    ) -> None:
        self._serving = serving
        self._upstreams = upstreams
        self._submissions = submissions
        self._steering = steering
        self._search = search
        self._remembering = remembering
        self._watching = watching

    async def samples(self) -> list[Sample]:
        """All of them, of this process. Nothing here raises or waits for the outside."""
        process = await asyncio.to_thread(own_process)
        found: list[Sample] = []
        async for piece in in_pieces(self._all(process)):
            found += piece
        return found

    def _all(self, process: OwnProcess) -> Iterator[Sample]:
        """The loop may have its turn at any yield: what is walked must not change meanwhile."""
        yield from self._clients()
        yield from self._of_upstreams()
        yield from self._statements()
        yield from self._steered()
        yield from self._owners()
        yield from self._tiers()
        yield from self._cache()
        yield from self._history()
        yield from self._clusters()
        yield from self._database()
        yield from _of_process(process)

    def _clients(self) -> Iterator[Sample]:
        counts = self._serving.counts
        for digit in range(1, 6):
            answers = sum(counts.answers[digit * 100 : digit * 100 + 100])
            yield Sample(Metric.CLIENT_ANSWERS, (f"{digit}xx",), answers)
        yield Sample(Metric.CLIENT_ABANDONED, (), counts.answers[0])
        yield Sample(Metric.CLIENT_RECEIVED, (), counts.received)
        yield Sample(Metric.CLIENT_SENT, (), counts.sent)
        yield Sample(Metric.CLIENT_CONNECTIONS, (), len(self._serving.connections))
        yield Sample(Metric.CLIENT_EXCHANGES, (), self._serving.under_way)
        yield Sample(Metric.CLIENT_REFUSED, (), counts.refused)

    def _of_upstreams(self) -> Iterator[Sample]:
        by_url = self._watching.roster.value.by_url
        for url, upstream in list(self._upstreams.by_url.items()):
            if (cluster := by_url.get(url)) is None:
                continue
            yield from _asked(cluster.name, upstream.counts)
            yield Sample(Metric.UPSTREAM_CONNECTIONS, (cluster.name,), upstream.open)
            yield Sample(Metric.UPSTREAM_IDLE, (cluster.name,), len(upstream.idle))
            yield Sample(Metric.UPSTREAM_WAITING, (cluster.name,), upstream.waiting)

    def _statements(self) -> Iterator[Sample]:
        counts = self._submissions.counts
        yield from outcomes(
            Metric.STATEMENTS,
            taken=counts.taken,
            taken_elsewhere=counts.taken_elsewhere,
            turned_down=counts.turned_down,
            refused=counts.refused,
            abandoned=counts.abandoned,
        )
        yield Sample(Metric.STATEMENT_TRIES, (), counts.tries)
        yield Sample(Metric.STATEMENT_SECONDS, (), counts.latency.now())

    def _steered(self) -> Iterator[Sample]:
        deciding = self._steering.deciding
        decided, read, kills = deciding.counts, deciding.analysing.counts, deciding.kills.counts
        yield from outcomes(
            Metric.DECISIONS,
            header=decided.by_header,
            rules=decided.by_rules,
            service=decided.by_service,
            fallback=decided.fell_back,
            rejected=decided.rejected,
        )
        understood = read.read - read.not_understood
        yield from outcomes(Metric.ANALYSED, understood=understood, not_understood=read.not_understood)
        yield from outcomes(Metric.KILLS, nearby=kills.nearby, search=kills.found, unknown=kills.unknown)
        if (rulebook := self._steering.rulebook) is not None:
            yield Sample(Metric.RULES, (), len(rulebook.current.value.rules))
            yield Sample(Metric.RULES_CURRENT, (), int(not rulebook.error))
            yield from outcomes(Metric.RULES_CHANGES, used=rulebook.counts.used, refused=rulebook.counts.refused)
        if (service := self._steering.service) is not None:
            asked = service.counts
            yield from outcomes(
                Metric.RULES_SERVICE, answered=asked.answered, failed=asked.failed, left_alone=asked.refused_by_breaker
            )
            yield Sample(Metric.RULES_SERVICE_SECONDS, (), service.seconds.now())
            yield Sample(Metric.RULES_SERVICE_OPEN, (), int(service.is_left_alone))
        if (user_info := self._steering.user_info) is not None:
            known = user_info.counts
            yield from outcomes(
                Metric.USER_INFO,
                remembered=known.remembered,
                answered=known.answered,
                failed=known.failed,
                left_alone=known.spared + known.refused,
            )

    def _owners(self) -> Iterator[Sample]:
        recall, counts = self._remembering.recall, self._search.counts
        yield Sample(Metric.OWNERS, ("placement",), recall.by_placement)
        yield Sample(Metric.OWNERS, ("coordinator",), recall.by_coordinator)
        yield Sample(Metric.OWNERS, ("store",), counts.believed_confirmed)
        yield Sample(Metric.OWNERS, ("search",), counts.proved)
        yield Sample(Metric.SEARCHES_STARTED, (), counts.started)
        yield Sample(Metric.SEARCHES, ("proved",), counts.proved)
        yield Sample(Metric.SEARCHES, ("denied",), counts.denied)
        yield Sample(Metric.SEARCHES, ("undecided",), counts.undecided)
        yield Sample(Metric.SEARCHES, ("refused",), counts.refused)
        yield Sample(Metric.SEARCHES_RUNNING, (), counts.running)
        yield Sample(Metric.BELIEVED, ("confirmed",), counts.believed_confirmed)
        yield Sample(Metric.BELIEVED, ("denied",), counts.believed_denied)
        yield Sample(Metric.BELIEVED, ("unclear",), counts.believed_unclear)
        yield Sample(Metric.CORRECTED, (), recall.corrected_count)

    def _tiers(self) -> Iterator[Sample]:
        recall, near = self._remembering.recall, self._remembering.in_process
        misses = recall.by_coordinator + recall.not_nearby
        yield Sample(Metric.TIER_REQUESTS, (near.name,), recall.by_placement + misses)
        yield Sample(Metric.TIER_HITS, (near.name,), recall.by_placement)
        yield Sample(Metric.TIER_MISSES, (near.name,), misses)
        for tier in self._remembering.farther:
            yield from _of_tier(tier.name, tier.counts)
        yield Sample(Metric.MEMORY_ENTRIES, (), len(near))
        yield Sample(Metric.MEMORY_EVICTED, (), near.evicted)

    def _cache(self) -> Iterator[Sample]:
        cache = self._remembering.cache
        if not isinstance(cache, InValkey):
            return
        for lane in cache.lanes:
            for name, breaker in (("calls", lane.calls), ("writes", lane.writes)):
                yield Sample(Metric.CACHE_BREAKER, (lane.name, name), int(breaker.is_open))
                yield Sample(Metric.CACHE_OPENED, (lane.name, name), breaker.opened)
            yield Sample(Metric.CACHE_CONNECTIONS, (lane.name, "in_use"), lane.server.pool.in_use)
            yield Sample(Metric.CACHE_CONNECTIONS, (lane.name, "idle"), lane.server.pool.idle)
        yield Sample(Metric.CACHE_WAITING, (), len(cache.behind))
        yield Sample(Metric.CACHE_DROPPED, (), cache.behind.dropped)

    def _history(self) -> Iterator[Sample]:
        counts = self._remembering.history.counts
        yield Sample(Metric.HISTORY_WAITING, ("memory",), counts.queued_rows)
        yield Sample(Metric.HISTORY_WAITING, ("disk",), counts.spilled_rows)
        yield Sample(Metric.HISTORY_WAITING_BYTES, ("memory",), counts.queued_bytes)
        yield Sample(Metric.HISTORY_WAITING_BYTES, ("disk",), counts.spilled_bytes)
        yield Sample(Metric.HISTORY_WRITTEN, (), counts.written)
        yield Sample(Metric.HISTORY_BATCHES, ("written",), counts.batches - counts.failed_batches)
        yield Sample(Metric.HISTORY_BATCHES, ("failed",), counts.failed_batches)
        yield Sample(Metric.HISTORY_SPILLED, (), counts.spilled)
        yield Sample(Metric.HISTORY_REPLAYED, (), counts.replayed)
        yield Sample(Metric.HISTORY_ALTERED, (), counts.altered)
        yield Sample(Metric.HISTORY_SET_ASIDE, (), counts.set_aside)
        yield Sample(Metric.HISTORY_DROPPED, ("memory",), counts.dropped)
        yield Sample(Metric.HISTORY_DROPPED, ("disk",), counts.dropped_on_disk)
        yield Sample(Metric.HISTORY_DAMAGED, (), counts.damaged)
        yield Sample(Metric.HISTORY_TRIMMED, (), counts.trimmed)

    def _clusters(self) -> Iterator[Sample]:
        roster = self._watching.roster.value
        probes = self._watching.prober.probes()
        for cluster in roster.clusters:
            name = cluster.name
            yield Sample(Metric.CLUSTER_ACTIVE, (name,), int(cluster.active))
            for status in HealthStatus:
                is_so = roster.health_of(name).status is status
                yield Sample(Metric.CLUSTER_STATUS, (name, status.value.lower()), int(is_so))
            if (counts := probes.get(name)) is not None:
                yield Sample(Metric.CLUSTER_PROBES, (name,), counts.made)
                yield Sample(Metric.CLUSTER_PROBES_FAILED, (name,), counts.failed)

    def _database(self) -> Iterator[Sample]:
        state = self._watching.registry.database_state()
        yield Sample(Metric.DATABASE_REACHABLE, (), int(state.reachable))
        if state.last_read is not None:
            yield Sample(Metric.DATABASE_READ, (), max(time.time() - state.last_read, 0.0))


def _asked(cluster: str, counts: UpstreamCounts) -> Iterator[Sample]:
    heads = [histogram.now() for histogram in counts.heads]
    yield Sample(Metric.UPSTREAM_REQUESTS, (cluster,), counts.requests)
    for digit in range(2, 6):
        yield Sample(Metric.UPSTREAM_ANSWERS, (cluster, f"{digit}xx"), sum(heads[digit].counts))
    yield Sample(Metric.UPSTREAM_ERRORS, (cluster, "unreachable"), counts.unreachable)
    yield Sample(Metric.UPSTREAM_ERRORS, (cluster, "silent"), counts.silent)
    yield Sample(Metric.UPSTREAM_ERRORS, (cluster, "misbehaved"), counts.misbehaved)
    yield Sample(Metric.UPSTREAM_ERRORS, (cluster, "stale"), counts.stale)
    yield Sample(Metric.UPSTREAM_HEAD, (cluster,), sum(heads, NOTHING))


def _of_tier(tier: str, counts: TierCounts) -> Iterator[Sample]:
    yield Sample(Metric.TIER_REQUESTS, (tier,), counts.requests)
    yield Sample(Metric.TIER_HITS, (tier,), counts.hits)
    yield Sample(Metric.TIER_MISSES, (tier,), counts.misses)
    yield Sample(Metric.TIER_REJECTED, (tier,), counts.rejected)
    yield Sample(Metric.TIER_ERRORS, (tier,), counts.errors)
    yield Sample(Metric.TIER_WRITES, (tier,), counts.writes)
    yield Sample(Metric.TIER_WRITE_ERRORS, (tier,), counts.write_errors)
    yield Sample(Metric.TIER_SECONDS, (tier,), counts.latency.now())


def outcomes(metric: Metric, **numbers: int) -> Iterator[Sample]:
    """A sample for each value of the metric's one label."""
    for outcome, number in numbers.items():
        yield Sample(metric, (outcome,), number)


def _of_process(process: OwnProcess) -> Iterator[Sample]:
    for metric, number in (
        (Metric.PROCESS_MEMORY, process.resident_bytes),
        (Metric.PROCESS_DESCRIPTORS, process.open_descriptors),
        (Metric.PROCESS_CPU, process.cpu_seconds),
        (Metric.PROCESS_START, process.started_at),
    ):
        if number is not None:
            yield Sample(metric, (), number)
    yield Sample(Metric.BUILD, (__version__,), 1)

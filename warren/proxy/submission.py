"""A new statement: a cluster is chosen, tried, and replaced by another when it does not take it; then the id is kept.

A statement that is only registered and never polled does not run (spec of Trino's protocol, seen on 476), so a POST
whose answer never reached the client may be sent to another cluster.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from warren.errors import ClusterMisbehaved, GatewayError, NoClusterAvailable
from warren.history.history import History, NoHistory
from warren.history.record import LONGEST_TEXT, Record, statement_text
from warren.memory.recall import Recall
from warren.model import ClusterUrl, Decision, Placement, QueryId
from warren.protocol import headers
from warren.protocol.answers import pages
from warren.protocol.answers.cookies import cluster_host_line
from warren.protocol.answers.refusals import JSON
from warren.proxy.choosing import Choosing
from warren.proxy.deciding import Decided, Deciding, Refused
from warren.proxy.upstreams import Upstreams
from warren.routing.routers import Choice
from warren.telemetry.histogram import Histogram
from warren.wire.body import time_left
from warren.wire.exchange import Exchange
from warren.wire.held import HeldAnswer
from warren.wire.syntax.forwarded import Rewrite

log = structlog.get_logger()

SHORTEST_TRY = 0.25
"""Seconds: with less than this left of the statement's time no other cluster is tried."""

TRIED_ELSEWHERE = frozenset({502, 503, 504})
"""Statuses by which a cluster, or a proxy before it, says that it did not take the statement."""

FIRST_PROBE_SECONDS = 2.0
"""How long a statement waits for the first word of a cluster when its group has no other."""
LOOK_AGAIN_SECONDS = 0.02

READ = Rewrite(identity=True)

WHOLE = 16 * 1024
"""Bytes: answers up to this size are held until they are whole. Trino's own to a POST have less than a kilobyte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionLimits:
    """Settings of statements; seconds and bytes."""

    try_timeout: float = 8.0
    timeout: float = 25.0
    body_kept: int = 1024 * 1024
    text_kept: int = LONGEST_TEXT
    """Of a statement that is too long to be kept, so much is recorded all the same; 0 when nothing is recorded."""


@dataclass(slots=True)
class Attempt:
    """What is known of a statement under way: for the next try and for its log line."""

    decision: Decision
    user: str
    """Who the client says it is, and which program; empty when it does not say."""
    source: str
    tries: int = 0
    failed: frozenset[ClusterUrl] = frozenset()
    choice: Choice | None = None
    failures: list[str] = field(default_factory=list)
    """What each try came to, in words."""
    query_id: QueryId | None = None
    began: float = field(default=0.0)
    goes_nowhere_else: bool = False
    """Only this cluster will do: it is about one of its queries."""
    stores_asked: bool = False
    """Its client has waited for the stores before it was sent."""


@dataclass(slots=True)
class StatementCounts:
    """What became of statements."""

    taken: int = 0
    taken_elsewhere: int = 0
    """By another cluster than the one that was asked first."""
    turned_down: int = 0
    """A cluster answered, and named no query: it refused the client, or is no Trino."""
    refused: int = 0
    """No cluster took it."""
    abandoned: int = 0
    """The client left before."""
    tries: int = 0
    latency: Histogram = field(default_factory=Histogram)
    """Seconds until the client was answered, of all but the abandoned."""


class Submissions:
    """Carries statements to clusters."""

    def __init__(
        self,
        deciding: Deciding,
        choosing: Choosing,
        upstreams: Upstreams,
        recall: Recall,
        *,
        history: History | NoHistory,
        limits: SubmissionLimits,
        clock: Callable[[], float],
        unix: Callable[[], float],
        names_cluster: bool,
    ) -> None:
        """`clock` tells monotonic seconds, `unix` those since 1970. `names_cluster`: answers carry the cookie `trinoClusterHost`."""
        self._deciding = deciding
        self._choosing = choosing
        self._upstreams = upstreams
        self._recall = recall
        self._history = history
        self._limits = limits
        self._clock = clock
        self._unix = unix
        self._names_cluster = names_cluster
        self._log = log.bind()  # once: binding takes a third of what a line costs
        self.counts = StatementCounts()

    async def submit(self, exchange: Exchange) -> None:
        """Answer the exchange with what a cluster says to its statement. Raises GatewayError when none took it."""
        exchange.rewrite = READ  # the answer is small, and its front must be read
        if exchange.body is not None:
            exchange.body.keep(self._limits.body_kept)
            exchange.body.remember_front(self._limits.text_kept)
        attempt = self._attempt(exchange)
        try:
            held = await self._decided_and_taken(exchange, attempt)
        except Refused as refused:
            self.counts.turned_down += 1
            exchange.answer(refused.status, JSON, refused.body)
            attempt.user = refused.user
            attempt.decision = Decision(attempt.decision.group, str(refused))
            self._tell(attempt, status=refused.status)
            return
        except GatewayError as error:
            self._count(attempt, error)
            self._tell(attempt, status=error.status, error=str(error))
            raise
        except asyncio.CancelledError:
            self.counts.abandoned += 1
            raise
        assert attempt.choice is not None
        if self._names_cluster:
            exchange.extra = (cluster_host_line(attempt.choice.cluster.proxy_to).rstrip(b"\r\n"),)
        if attempt.query_id is not None:
            self._record(exchange, attempt, attempt.query_id, attempt.choice)
        exchange.release(held)
        self._count(attempt)
        self._tell(attempt, status=held.status)

    def _attempt(self, exchange: Exchange) -> Attempt:
        return Attempt(
            decision=Decision(self._choosing.default_group(), "nothing was decided"),
            user="",
            source=headers.source(exchange.fields.named),
            began=self._clock(),
        )

    def _time_left(self, exchange: Exchange, attempt: Attempt) -> float:
        """Seconds, of those in which it must be taken."""
        return time_left(self._limits.timeout, since=attempt.began, body=exchange.body, now=self._clock())

    async def _decided_and_taken(self, exchange: Exchange, attempt: Attempt) -> HeldAnswer:
        """The answer of the cluster that took it. Raises GatewayError when none did, Refused when none shall."""
        decided = await self._deciding.of_statement(exchange)
        attempt.decision, attempt.user = decided.decision, decided.user
        attempt.stores_asked = decided.stores_asked
        if decided.fields:
            exchange.rewrite = Rewrite(identity=True, put=decided.fields)
        return await self._taken(exchange, attempt, await self._first_choice(exchange, attempt, decided))

    def _record(self, exchange: Exchange, attempt: Attempt, query_id: QueryId, choice: Choice) -> None:
        """Note the query for the history; its row is written later."""
        body, missing = exchange.body.front() if exchange.body is not None else (b"", 0)
        self._history.note(
            Record(
                query_id=query_id,
                query_text=statement_text(body, missing=missing),
                created=int(self._unix() * 1000),
                backend_url=choice.cluster.proxy_to,
                user_name=attempt.user,
                source=attempt.source,
                routing_group=choice.group,
                external_url=choice.cluster.external_url,
                routing_reason=choice.because,
            )
        )

    async def _taken(self, exchange: Exchange, attempt: Attempt, choice: Choice | None) -> HeldAnswer:
        """The answer of the first cluster that took the statement, its query's place remembered."""
        while choice is not None:
            attempt.choice = choice
            attempt.tries += 1
            self.counts.tries += 1
            try:
                held = await self._ask(exchange, attempt, choice)
            except GatewayError as error:
                attempt.failures.append(str(error))
                choice = self._next(exchange, attempt, choice)
                continue
            if held.status in TRIED_ELSEWHERE and (other := self._next(exchange, attempt, choice)):
                attempt.failures.append(f"cluster {choice.cluster.proxy_to} answered {held.status}")
                held.discard()
                choice = other
                continue
            return held
        raise NoClusterAvailable("; ".join(attempt.failures))

    async def _first_choice(self, exchange: Exchange, attempt: Attempt, decided: Decided) -> Choice:
        """Raises NoClusterAvailable. A cluster that has just been added or moved has a moment to say that it is well."""
        if (owner := decided.owner) is not None:
            attempt.goes_nowhere_else = True
            return Choice(owner, owner.group, decided.decision.because)
        end = self._clock() + min(FIRST_PROBE_SECONDS, self._time_left(exchange, attempt))
        while self._choosing.is_undecided(attempt.decision) and self._clock() < end:  # noqa: ASYNC110 nobody is told when the roster is swapped
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        return self._choosing.choose(attempt.decision)

    async def _ask(self, exchange: Exchange, attempt: Attempt, choice: Choice) -> HeldAnswer:
        """One try: connecting, the answer's head and its front within one deadline, once the statement itself is here."""
        upstream = self._upstreams.of(choice.cluster.proxy_to)
        patience = max(min(self._limits.try_timeout, self._time_left(exchange, attempt)), SHORTEST_TRY)
        began = self._clock()
        held = await exchange.ask(upstream, patience)
        if held.status == 200:
            try:
                left = time_left(patience, since=began, body=exchange.body, now=self._clock())
                attempt.query_id = await query_named(held, within=left)
            except TimeoutError as error:
                raise upstream.silence(patience) from error
        if held.error is not None:
            raise ClusterMisbehaved(str(held.error))
        if attempt.query_id is not None:
            cluster = choice.cluster
            placement = Placement(attempt.query_id, cluster.proxy_to, choice.group, cluster.external_url)
            await self._place(held, placement, attempt)
        return held

    async def _place(self, held: HeldAnswer, placement: Placement, attempt: Attempt) -> None:
        """Remember where the query lives. That has a budget of its own: the cluster has done its part in time.

        The budget is for the whole request: who has waited for the stores before waits no more.
        """
        try:
            await self._recall.place(placement, is_awaited=not attempt.stores_asked)
        except asyncio.CancelledError:
            held.discard()
            raise

    def _next(self, exchange: Exchange, attempt: Attempt, failed: Choice) -> Choice | None:
        """Another cluster to try, or None when the last word has been spoken."""
        attempt.failed |= {failed.cluster.proxy_to}
        if attempt.goes_nowhere_else or not exchange.is_replayable():
            return None
        if self._time_left(exchange, attempt) < SHORTEST_TRY:
            return None
        try:
            return self._choosing.choose(attempt.decision, attempt.failed)
        except NoClusterAvailable as error:
            attempt.failures.append(str(error))
            return None

    def _count(self, attempt: Attempt, error: GatewayError | None = None) -> None:
        counts = self.counts
        counts.latency.observe(self._clock() - attempt.began)
        if error is not None:
            counts.refused += 1
        elif attempt.query_id is None:
            counts.turned_down += 1
        elif attempt.failed:
            counts.taken_elsewhere += 1
        else:
            counts.taken += 1

    def _tell(self, attempt: Attempt, *, status: int, error: str = "") -> None:
        """The one line of a statement."""
        choice = attempt.choice
        say = self._log.warning if error else self._log.info
        say(
            "statement",
            query_id=attempt.query_id,
            user=attempt.user,
            source=attempt.source,
            group=choice.group if choice else attempt.decision.group,
            cluster=choice.cluster.name if choice else None,
            because=choice.because if choice else attempt.decision.because,
            status=status,
            tries=attempt.tries,
            milliseconds=round((self._clock() - attempt.began) * 1000, 1),
            **({"error": error} if error else {}),
        )


async def query_named(held: HeldAnswer, *, within: float) -> QueryId | None:
    """The query that the held page names; None when it names none, or broke off: another cluster may be tried then.

    Waits until it is whole, or has begun at length. Raises TimeoutError after so many seconds; then it is discarded.
    """
    try:
        if not held.is_over:
            async with asyncio.timeout(within):
                await held.front(WHOLE)
        front = await held.front(WHOLE)
    except (asyncio.CancelledError, TimeoutError):
        held.discard()
        raise
    return None if held.error is not None else pages.query_id(front)

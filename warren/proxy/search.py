"""Asking the clusters who owns a query, with the client's own request (DESIGN, section 4).

One search at a time for a query; a denial is remembered for two seconds; only a proof is remembered.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from warren.clusters.roster import Roster
from warren.current import Current
from warren.errors import GatewayError, NoClusterAvailable, TooManySearches
from warren.memory.denials import Denials
from warren.memory.in_process import InProcess
from warren.memory.recall import Recall
from warren.model import Cluster, ClusterUrl, Placement, QueryId
from warren.protocol.asked import Follow, FollowKind, Spooled
from warren.protocol.verdicts import denies, proves
from warren.proxy.upstreams import Upstreams
from warren.wire.exchange import Exchange
from warren.wire.held import HeldAnswer

Searched = Follow | Spooled

BODY_KEPT = 64 * 1024
"""Bytes of a body that is sent to all clusters: the reason in `PUT …/killed`."""

TEXT = b"text/plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchLimits:
    """Settings of searches; seconds."""

    at_once: int = 50
    at_once_per_client: int = 10
    ignore_unreachable_after: float = 600.0
    patience: float = 25.0
    other_patience: float = 120.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What one cluster said: an answer, or why there is none."""

    cluster: Cluster
    held: HeldAnswer | None
    error: GatewayError | None = None


class Search:
    """Finds the owner of what nobody here remembers."""

    def __init__(
        self,
        recall: Recall,
        spooled: InProcess,
        denials: Denials,
        upstreams: Upstreams,
        roster: Current[Roster],
        *,
        limits: SearchLimits,
        unreachable_for: Callable[[ClusterUrl], float],
    ) -> None:
        """`spooled` remembers who served a segment: its acknowledgement goes there."""
        self._recall = recall
        self._spooled = spooled
        self._denials = denials
        self._upstreams = upstreams
        self._roster = roster
        self._limits = limits
        self._unreachable_for = unreachable_for
        self._running: dict[str, asyncio.Event] = {}
        self._clients: Counter[bytes] = Counter()

    def nearby(self, asked: Searched) -> ClusterUrl | None:
        """The owner, when this process knows it."""
        if isinstance(asked, Follow):
            return self._recall.nearby(asked.query_id)
        placement = self._spooled.find(asked.identifier)
        return placement.cluster if placement is not None and placement.cluster in self._roster.value.by_url else None

    async def answer(self, exchange: Exchange, asked: Searched) -> None:
        """Answer the exchange with the owner's answer, or with what all say who are not. Raises GatewayError."""
        key = asked.query_id if isinstance(asked, Follow) else asked.identifier
        # By the query id alone a made-up slug would deny a living query: Trino denies both in the same words.
        denied = f"{exchange.method.decode('ascii')} {exchange.target.decode('ascii')}"
        await exchange.whole_body(BODY_KEPT)
        while True:
            if (owner := self.nearby(asked)) is not None:
                patience = self._limits.patience if is_statement(asked) else self._limits.other_patience
                exchange.forward_to(self._upstreams.of(owner), patience)
                return
            if self._denials.holds(denied):
                exchange.answer(*denial(asked))
                return
            running = self._running.get(key)
            if running is None:
                break
            await self._end_of(running)
        client = exchange.client_address()
        if len(self._running) >= self._limits.at_once or self._clients[client] >= self._limits.at_once_per_client:
            raise TooManySearches("too many requests about unknown queries at this moment; ask again")
        ended = self._running[key] = asyncio.Event()
        self._clients[client] += 1
        try:
            await self._search(exchange, asked, denied)
        finally:
            del self._running[key]
            self._clients -= Counter({client: 1})
            ended.set()

    async def _end_of(self, running: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(self._limits.patience):
                await running.wait()
        except TimeoutError as error:
            raise NoClusterAvailable("the owner of this query is still being searched for; ask again") from error

    async def _search(self, exchange: Exchange, asked: Searched, denied: str) -> None:
        clusters = self._who_may_own()
        if not clusters:
            raise NoClusterAvailable("no cluster is registered that could own this query")
        replies: list[Reply] = []
        winner: Reply | None = None
        try:
            winner = await self._first_proof(exchange, asked, clusters, replies)
            chosen = winner or self._verdict(asked, exchange.method.decode("ascii"), replies, denied)
            winner = chosen
            assert chosen.held is not None
            exchange.release(chosen.held)
        finally:
            for reply in replies:
                if reply is not winner and reply.held is not None:
                    reply.held.discard()

    def _who_may_own(self) -> Sequence[Cluster]:
        """Every cluster, active or not, healthy or not, but for those that were given up."""
        limit = self._limits.ignore_unreachable_after
        clusters = self._roster.value.by_url.values()
        return [each for each in clusters if each.active or self._unreachable_for(each.proxy_to) < limit]

    async def _first_proof(
        self, exchange: Exchange, asked: Searched, clusters: Sequence[Cluster], replies: list[Reply]
    ) -> Reply | None:
        """Ask all at once; the first that proves to own it, remembered, or None when all have replied."""
        method = exchange.method.decode("ascii")
        arrived: asyncio.Queue[Reply] = asyncio.Queue()

        async def ask(cluster: Cluster) -> None:
            try:
                reply = Reply(
                    cluster, await exchange.inquire(self._upstreams.of(cluster.proxy_to), self._limits.patience)
                )
            except GatewayError as error:
                reply = Reply(cluster, None, error)
            replies.append(reply)
            arrived.put_nowait(reply)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ask(cluster)) for cluster in clusters]
            for _ in clusters:
                reply = await arrived.get()
                if reply.held is not None and proves(asked, method, reply.held.status):
                    for task in tasks:
                        task.cancel()
                    self._remember(asked, reply.cluster)
                    return reply
        return None

    def _remember(self, asked: Searched, cluster: Cluster) -> None:
        if isinstance(asked, Follow):
            self._recall.keep(Placement(asked.query_id, cluster.proxy_to, cluster.group, cluster.external_url))
        else:
            key = QueryId(asked.identifier)
            self._spooled.keep(Placement(key, cluster.proxy_to, cluster.group, cluster.external_url))

    def _verdict(self, asked: Searched, method: str, replies: Sequence[Reply], denied: str) -> Reply:
        """What to pass on when nobody proved anything. Raises NoClusterAvailable when that is not certain."""
        statuses = [reply.held.status for reply in replies if reply.held is not None]
        if len(statuses) == len(replies):
            if all(denies(asked, method, status) for status in statuses):
                if set(statuses) == {denial(asked)[0]}:
                    self._denials.note(denied)
                return replies[0]
            if len(set(statuses)) == 1:
                return replies[0]
        silent = ", ".join(str(reply.cluster.name) for reply in replies if reply.held is None)
        if silent:
            raise NoClusterAvailable(f"the owner of this query is not known, and could not be asked for at: {silent}")
        raise NoClusterAvailable("the owner of this query is not known: the clusters contradict each other")


def is_statement(asked: Searched) -> bool:
    return isinstance(asked, Follow) and asked.kind is FollowKind.STATEMENT


def denial(asked: Searched) -> tuple[int, bytes, bytes]:
    """What every cluster has just said, in Trino's words."""
    if isinstance(asked, Follow) and asked.kind is FollowKind.QUERY:
        return 410, TEXT, b"Error 410 Gone: HTTP 410 Gone"
    return 404, TEXT, b"Error 404 Not Found: Query not found"

"""Asking the clusters who owns a query, with the client's own request (DESIGN, section 4).

One search at a time for a query; a denial is remembered for two seconds; only a proof is remembered.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

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
from warren.wire.syntax.heads import Pair

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


STRANGERS_SECONDS = 1.0
"""How long a request waits for the end of a search that another one about the same query has caused. Longer would let
whoever knows a query id, but not its slug, keep its owner waiting."""

Request = tuple[bytes, bytes, tuple[Pair, ...]]
"""All that a cluster's answer depends on: method, target and fields."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What one cluster said: an answer, or why there is none."""

    cluster: Cluster
    held: HeldAnswer | None
    error: GatewayError | None = None


@dataclass(slots=True)
class Running:
    """A search under way, for those who wait for its end."""

    request: Request
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    error: GatewayError | None = None
    """Why it found nothing out. That holds for the same request alone: clusters answer by slug and credentials."""


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
        self._running: dict[str, Running] = {}
        self._under_way = 0
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
        denied = sha256(exchange.method + b" " + exchange.target).hexdigest()
        await exchange.whole_body(BODY_KEPT)
        request = (exchange.method, exchange.target, exchange.fields.pairs)
        deadline = asyncio.get_running_loop().time() + self._limits.patience
        waited = False
        while True:
            if (owner := self.nearby(asked)) is not None:
                patience = self._limits.patience if is_statement(asked) else self._limits.other_patience
                exchange.forward_to(self._upstreams.of(owner), patience)
                return
            if self._denials.holds(denied):
                exchange.answer(*denial(asked))
                return
            running = self._running.get(key)
            if running is None or (waited and running.request != request):
                break
            waited = True
            await self._end_of(running, request, deadline)
        await self._search_first(exchange, asked, denied, Running(request))

    async def _search_first(self, exchange: Exchange, asked: Searched, denied: str, running: Running) -> None:
        """Search, within the bounds, and tell those who wait. Raises GatewayError."""
        key = asked.query_id if isinstance(asked, Follow) else asked.identifier
        client = exchange.client_address()
        if self._under_way >= self._limits.at_once or self._clients[client] >= self._limits.at_once_per_client:
            raise TooManySearches("too many requests about unknown queries at this moment; ask again")
        self._running[key] = running
        self._under_way += 1
        self._clients[client] += 1
        try:
            await self._search(exchange, asked, denied)
        except GatewayError as error:
            running.error = error
            raise
        finally:
            if self._running.get(key) is running:
                del self._running[key]
            self._under_way -= 1
            self._clients -= Counter({client: 1})
            running.ended.set()

    async def _end_of(self, running: Running, request: Request, deadline: float) -> None:
        """Wait for the end of another's search: of the same request to its end, of a different one for a moment."""
        is_same = running.request == request
        if not is_same:
            deadline = min(deadline, asyncio.get_running_loop().time() + STRANGERS_SECONDS)
        try:
            async with asyncio.timeout_at(deadline):
                await running.ended.wait()
        except TimeoutError as error:
            if is_same:
                raise NoClusterAvailable("the owner of this query is still being searched for; ask again") from error
        if is_same and running.error is not None:
            raise NoClusterAvailable(str(running.error))

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

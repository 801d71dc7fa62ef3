"""Finding the owner of what this process does not know: from the stores, whose word is checked, else by asking the clusters.

They are asked with the client's own request (DESIGN, section 4). One search at a time for a query; a denial is remembered
for two seconds; only a proof is remembered.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256

from warren.clusters.roster import Roster
from warren.current import Current
from warren.errors import ClusterMisbehaved, GatewayError, NoClusterAvailable, TooManySearches
from warren.memory.denials import Denials
from warren.memory.in_process import InProcess
from warren.memory.recall import Recall
from warren.model import Cluster, ClusterUrl, Placement, QueryId
from warren.protocol.answers.verdicts import denies, proves
from warren.protocol.asked import Follow, FollowKind, Spooled
from warren.proxy.upstreams import Upstreams
from warren.wire.exchange import SENT_TWICE, Exchange
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

BELIEVED_SECONDS = 5.0
"""How long a cluster that a store has named may take to show that it owns the query, before all are asked. Trino holds a
poll for a second at most."""

Request = tuple[bytes, bytes, tuple[Pair, ...]]
"""All that a cluster's answer depends on: method, target and fields."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What one cluster said: an answer, or why there is none."""

    cluster: Cluster
    held: HeldAnswer | None
    error: GatewayError | None = None


@dataclass(slots=True)
class SearchCounts:
    """What requests about queries that are not known nearby came to."""

    started: int = 0
    proved: int = 0
    denied: int = 0
    """By every cluster."""
    undecided: int = 0
    """Some cluster could not be asked, or they did not all deny it."""
    refused: int = 0
    """Too many ran already."""
    running: int = 0
    believed_confirmed: int = 0
    """A cluster named by a store has shown that it owns the query."""
    believed_denied: int = 0
    believed_unclear: int = 0
    """It could not be reached, or its answer showed neither."""


@dataclass(slots=True)
class Running:
    """A search under way, for those who wait for its end."""

    request: Request
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    error: GatewayError | None = None
    """Why it found nothing out. That holds for the same request alone: clusters answer by slug and credentials."""
    stores_asked: bool = False


@dataclass(slots=True)
class Quest:
    """One request about a query that is not known nearby, and what was found out on its way."""

    asked: Searched
    method: str
    denied: str
    """By what a denial of it is remembered."""
    deadline: float
    """When its answer is due, on the loop's clock."""
    wrong: Placement | None = None
    """What a store had said, and the cluster itself has not proved."""
    stores_asked: bool = False

    @property
    def key(self) -> str:
        return self.asked.query_id if isinstance(self.asked, Follow) else self.asked.identifier

    @property
    def shows_an_owner(self) -> bool:
        """Whether an answer to this very request says who owns the query: Trino cancels any id with 204, known or not."""
        return is_statement(self.asked) or self.method != "DELETE"


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
        self.counts = SearchCounts()
        self._clients: Counter[bytes] = Counter()

    def nearby(self, asked: Searched) -> ClusterUrl | None:
        """The owner, when this process knows it."""
        if isinstance(asked, Follow):
            return self._recall.nearby(asked.query_id)
        placement = self._spooled.find(asked.identifier)
        return placement.cluster if placement is not None and placement.cluster in self._roster.value.by_url else None

    async def answer(self, exchange: Exchange, asked: Searched) -> None:
        """Answer the exchange with the owner's answer, or with what all say who are not. Raises GatewayError."""
        # By the query id alone a made-up slug would deny a living query: Trino denies both in the same words.
        denied = sha256(exchange.method + b" " + exchange.target).hexdigest()
        if exchange.body is not None:
            await exchange.arrives(exchange.body.whole(BODY_KEPT))
        deadline = asyncio.get_running_loop().time() + self._limits.patience
        quest = Quest(asked, exchange.method.decode("ascii"), denied, deadline)
        request = (exchange.method, exchange.target, exchange.fields.pairs)
        waited = False
        while True:
            if (owner := self.nearby(asked)) is not None:
                exchange.forward_to(self._upstreams.of(owner), self._patience(asked))
                return
            if self._denials.holds(denied):
                exchange.answer(*denial(asked))
                return
            if (believed := self._believed(quest)) is not None:
                if await self._is_answered_by(exchange, quest, believed):
                    return
                continue
            running = self._running.get(quest.key)
            if running is None or (waited and running.request != request):
                if await self._is_answered_alone(exchange, quest, Running(request)):
                    return
                continue
            waited = True
            await self._end_of(running, request, quest.deadline)
            quest.stores_asked |= running.stores_asked  # a request waits for them once

    def _patience(self, asked: Searched) -> float:
        return self._limits.patience if is_statement(asked) else self._limits.other_patience

    # --- a place that a store has told

    def _believed(self, quest: Quest) -> Placement | None:
        """What a store has said of the query, unless it was wrong just now or this request would not show it."""
        asked = quest.asked
        if not isinstance(asked, Follow) or not quest.shows_an_owner:
            return None
        placement = self._recall.believed(asked.query_id)
        return placement if placement is not None and placement != quest.wrong else None

    async def _is_answered_by(self, exchange: Exchange, quest: Quest, believed: Placement) -> bool:
        """Ask the believed owner. False unless it proves to be that: no other answer is released before a search has ended."""
        patience = min(self._patience(quest.asked), BELIEVED_SECONDS)
        quest.wrong = believed
        try:
            held = await self._asked(exchange, believed.cluster, patience)
        except GatewayError:
            self.counts.believed_unclear += 1
            return False
        if not proves(quest.asked, quest.method, held.status):
            held.discard()
            if denies(quest.asked, quest.method, held.status):
                self.counts.believed_denied += 1
            else:
                self.counts.believed_unclear += 1
            return False
        quest.wrong = None
        self.counts.believed_confirmed += 1
        self._recall.keep(believed)
        exchange.release(held)
        return True

    async def _asked(self, exchange: Exchange, cluster: ClusterUrl, patience: float) -> HeldAnswer:
        """What this cluster says to the request. Raises GatewayError."""
        upstream = self._upstreams.of(cluster)
        if exchange.method in SENT_TWICE:
            # A kept connection may have been closed by its cluster meanwhile.
            with suppress(ClusterMisbehaved):
                return await exchange.inquire(upstream, patience, fresh=False)
        return await exchange.inquire(upstream, patience, fresh=True)

    # --- one at a time

    async def _is_answered_alone(self, exchange: Exchange, quest: Quest, running: Running) -> bool:
        """Ask the stores, then the clusters, and tell those who wait. False when a store knows. Raises GatewayError."""
        self._running[quest.key] = running
        try:
            if await self._is_known_to_a_store(quest, running):
                return False
            await self._search_within_bounds(exchange, quest)
        except GatewayError as error:
            running.error = error
            raise
        finally:
            if self._running.get(quest.key) is running:
                del self._running[quest.key]
            running.ended.set()
        return True

    async def _is_known_to_a_store(self, quest: Quest, running: Running) -> bool:
        if (
            not isinstance(quest.asked, Follow)
            or not quest.shows_an_owner
            or quest.stores_asked
            or quest.wrong is not None
        ):
            return False
        quest.stores_asked = running.stores_asked = True
        return await self._recall.find(quest.asked.query_id) is not None

    async def _search_within_bounds(self, exchange: Exchange, quest: Quest) -> None:
        client = exchange.client.address(exchange)
        if self.counts.running >= self._limits.at_once or self._clients[client] >= self._limits.at_once_per_client:
            self.counts.refused += 1
            raise TooManySearches("too many requests about unknown queries at this moment; ask again")
        self.counts.started += 1
        self.counts.running += 1
        self._clients[client] += 1
        try:
            await self._search(exchange, quest)
        finally:
            self.counts.running -= 1
            self._clients -= Counter({client: 1})

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

    async def _search(self, exchange: Exchange, quest: Quest) -> None:
        clusters = self._who_may_own()
        if not clusters:
            self.counts.undecided += 1
            raise NoClusterAvailable("no cluster is registered that could own this query")
        replies: list[Reply] = []
        winner: Reply | None = None
        try:
            winner = await self._first_proof(exchange, quest, clusters, replies)
            chosen = winner or self._verdict(quest, replies)
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
        self, exchange: Exchange, quest: Quest, clusters: Sequence[Cluster], replies: list[Reply]
    ) -> Reply | None:
        """Ask all at once; the first that proves to own it, remembered, or None when all have replied."""
        arrived: asyncio.Queue[Reply] = asyncio.Queue()
        patience = max(quest.deadline - asyncio.get_running_loop().time(), STRANGERS_SECONDS)

        async def ask(cluster: Cluster) -> None:
            try:
                reply = Reply(cluster, await self._asked(exchange, cluster.proxy_to, patience))
            except GatewayError as error:
                reply = Reply(cluster, None, error)
            replies.append(reply)
            arrived.put_nowait(reply)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ask(cluster)) for cluster in clusters]
            for _ in clusters:
                reply = await arrived.get()
                if reply.held is not None and proves(quest.asked, quest.method, reply.held.status):
                    for task in tasks:
                        task.cancel()
                    self.counts.proved += 1
                    self._remember(quest, reply.cluster)
                    return reply
        return None

    def _remember(self, quest: Quest, cluster: Cluster) -> None:
        placement = Placement(QueryId(quest.key), cluster.proxy_to, cluster.group, cluster.external_url)
        if not isinstance(quest.asked, Follow):
            self._spooled.keep(placement)
        elif quest.wrong is not None and quest.wrong.cluster != cluster.proxy_to:
            self._recall.corrected(placement)
        else:
            self._recall.found(placement)

    def _verdict(self, quest: Quest, replies: Sequence[Reply]) -> Reply:
        """What to pass on when nobody proved anything. Raises NoClusterAvailable when that is not certain."""
        statuses = [reply.held.status for reply in replies if reply.held is not None]
        if len(statuses) == len(replies):
            others = [
                reply
                for reply, status in zip(replies, statuses, strict=True)
                if not denies(quest.asked, quest.method, status)
            ]
            if not others:
                self.counts.denied += 1
                if set(statuses) == {denial(quest.asked)[0]}:
                    self._denials.note(quest.denied)
                return replies[0]
            self.counts.undecided += 1
            if len(set(statuses)) == 1:
                return replies[0]
            if len(others) == 1 and quest.wrong is not None and others[0].cluster.proxy_to == quest.wrong.cluster:
                # A store names the only one that does not deny it: what that says is the answer (its 401, its 500).
                return others[0]
        else:
            self.counts.undecided += 1
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
